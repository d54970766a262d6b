/**
 * Reads the witnesses of this server's log from the operator's policy file. Every quorum must need a witness
 * of another operator.
 */
import { meetsPolicy, parseWitnessPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'

/** In a policy file, the prefix before the identifier of a peer server, in place of a URL. */
const PEER = 'peer:'

/** The peer server in a witness's address. Undefined for an http or https address. */
export function peerOf(url: string): ServerId | undefined {
  return url.startsWith(PEER) ? parseServerId(url.slice(PEER.length)) : undefined
}

/**
 * Throws `invalid_configuration` when a witness has no address. Also when the log's own operator could meet
 * the quorum alone, with the witnesses named in `own` and the servers of its own member.
 */
export function readPolicy(text: string, q: { server: ServerId; own: string[] }): WitnessPolicy {
  const policy = parseWitnessPolicy(text)
  const { witnesses } = policy
  for (const { label, url = '' } of witnesses) if (!isAddress(url)) throw invalid(`${label} has no address`)
  for (const label of q.own)
    if (!witnesses.some((one) => one.label === label)) throw invalid(`there is no witness ${label}`)
  const owner = idText(memberOf(q.server))
  const own = witnesses.filter(({ label, url = '' }) => {
    const peer = peerOf(url)
    return q.own.includes(label) || (peer !== undefined && idText(memberOf(peer)) === owner)
  })
  if (policy.quorum === undefined || meetsPolicy(policy, new Set(own.map(({ label }) => label))))
    throw invalid('its quorum has to need a witness that another operator runs')
  return policy
}

function isAddress(url: string): boolean {
  if (!url.startsWith(PEER)) return /^https?:\/\/[^\s?#]+$/.test(url) && URL.canParse(url)
  try {
    return peerOf(url) !== undefined
  } catch {
    return false
  }
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what: `witness policy: ${what}` })
}
