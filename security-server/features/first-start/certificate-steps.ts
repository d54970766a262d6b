/**
 * The two certificates of a server: one that signs for its owner, one for connections with other servers,
 * which the registry has to list. Of several keys the one counts that is furthest.
 */
import { idText, memberOf } from '#schemas/identifiers.ts'
import type { CertificateInfo, KeyInfo } from '../../keys/keys.ts'
import type { FiledStates } from './filed.ts'
import type { Needs } from './needs.ts'
import { done, ours, type Step, type StepName, waits } from './steps.ts'

type Usage = KeyInfo['usage']

/**
 * How far a key is: without a request, with one, with a certificate that is off, unchecked, not registered,
 * good.
 */
const RANKS = ['key', 'request', 'inactive', 'revoked', 'ocsp', 'registration', 'good'] as const
type Rank = (typeof RANKS)[number]

type Furthest = { rank: Rank; key: KeyInfo; csrId?: string | undefined; certificate?: CertificateInfo }

export async function certificateSteps(rooms: Needs, before: Step[], filed: FiledStates): Promise<Step[]> {
  const notDone = before.find(({ state }) => state !== 'done')?.name
  const { peers } = rooms.settings
  const signing = stepOf('signing', furthest(rooms, 'SIGNING'), { after: notDone })
  const authentication = stepOf('authentication', furthest(rooms, 'AUTHENTICATION'), { after: notDone })
  const ready = { ...authentication, of: { ...authentication.of, address: peers.address } }
  if (authentication.missing !== 'registration') return [signing, ready]
  return [signing, await registered(ready, signing, filed)]
}

function stepOf(
  name: 'signing' | 'authentication',
  found: Furthest | undefined,
  { after }: { after: StepName | undefined },
): Step {
  if (found === undefined) return ours(name, { missing: 'key', after })
  const { rank, key, csrId, certificate } = found
  const of = { keyId: key.id, csrId, sha256: certificate?.sha256, notAfter: certificate?.notAfter }
  const detail = certificate?.ocsp.error
  switch (rank) {
    case 'good':
      return done(name, of)
    case 'request':
      return waits(name, { missing: 'certificate', who: 'authority' }, of)
    case 'ocsp':
      return waits(name, { missing: 'ocsp', who: 'authority', detail }, of)
    default:
      return ours(name, { missing: rank === 'key' ? 'request' : rank, begun: true, after }, of)
  }
}

/**
 * The registry knows whether the registration was filed; until it has approved, nobody connects with the
 * certificate.
 */
async function registered(step: Step, signing: Step, filed: FiledStates): Promise<Step> {
  // What is filed is signed by the owner.
  if (signing.state !== 'done') return { ...step, after: 'signing' }
  const { newest, detail } = await filed.of('authCertReg')
  const of = { ...step.of, filed: newest }
  if (newest === undefined || newest.state === 'DECLINED' || newest.state === 'REVOKED')
    return ours('authentication', { missing: 'registration', begun: true, detail }, of)
  const missing = newest.state === 'APPROVED' ? 'publication' : 'approval'
  return waits('authentication', { missing, who: 'registry', detail }, of)
}

function furthest({ keys, server }: Needs, usage: Usage): Furthest | undefined {
  const owner = idText(memberOf(server))
  const found = keys
    .tokens()
    .flatMap((token) => token.keys)
    .filter((key) => key.usage === usage)
    .flatMap((key) => statesOf(key, usage === 'SIGNING' ? owner : undefined))
  return found.toSorted((one, other) => RANKS.indexOf(other.rank) - RANKS.indexOf(one.rank))[0]
}

/** The certificates and requests of a key, those of other members left out. */
function statesOf(key: KeyInfo, member: string | undefined): Furthest[] {
  const certificates = key.certificates
    .filter((one) => one.member === member && one.state !== 'expired')
    .map((certificate) => ({ rank: rankOf(certificate), key, certificate }))
  const requests = key.requests
    .filter((one) => one.member === member)
    .map(({ id }) => ({ rank: 'request' as const, key, csrId: id }))
  if (certificates.length + requests.length > 0) return [...certificates, ...requests.slice(-1)]
  return key.certificates.length + key.requests.length === 0 ? [{ rank: 'key', key }] : []
}

function rankOf({ active, state, ocsp, remedy }: CertificateInfo): Rank {
  if (!active) return 'inactive'
  if (ocsp.state === 'revoked') return 'revoked'
  if (ocsp.state !== 'good') return 'ocsp'
  if (state === 'saved') return 'registration'
  // A locked or absent token, of which another step tells.
  return remedy === undefined ? 'good' : 'inactive'
}
