/**
 * Reads the witnesses of the registry's log from the operator's policy file. Every quorum must need a witness
 * that somebody else runs.
 */
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { cosignerOctets } from '#core/merkle/cosigner-key.ts'
import { meetsPolicy, parseWitnessPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId } from '#schemas/identifiers.ts'

/** In place of an address: a security server, which brings its cosignatures itself. */
const SERVER = 'peer:'

/** The server's identifier; undefined for an address. */
export function serverOf(url: string): string | undefined {
  if (!url.startsWith(SERVER)) return undefined
  try {
    return idText(parseServerId(url.slice(SERVER.length)))
  } catch {
    return undefined
  }
}

/**
 * Throws `invalid_configuration` when a witness has no address, or our own witness, those at our own
 * addresses and those of `members`, who run this registry, would suffice.
 */
export async function readPublicLogPolicy(
  file: string,
  own: { urls: readonly string[]; key: KeyObject | undefined; members: readonly string[] },
): Promise<WitnessPolicy> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  })
  const policy = parseWitnessPolicy(text)
  for (const { label, url = '' } of policy.witnesses)
    if (serverOf(url) === undefined && (!/^https?:\/\/[^\s?#]+$/.test(url) || !URL.canParse(url)))
      throw invalid(`${label} has no address`)
  const octets = own.key && cosignerOctets(own.key)
  const ours = policy.witnesses.filter(
    ({ url = '', publicKey }) =>
      own.urls.some((one) => isOf(one, url)) ||
      own.members.some((one) => isServerOf(one, url)) ||
      octets?.equals(cosignerOctets(publicKey)) === true,
  )
  if (policy.quorum === undefined || meetsPolicy(policy, new Set(ours.map(({ label }) => label))))
    throw invalid('its quorum has to need a witness that another operator runs')
  return policy
}

function isOf(own: string, url: string): boolean {
  return URL.canParse(own) && serverOf(url) === undefined && new URL(own).host === new URL(url).host
}

function isServerOf(member: string, url: string): boolean {
  const server = serverOf(url)
  return server !== undefined && idText(memberOf(parseServerId(server))) === member
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what: `witness policy: ${what}` })
}
