/** Writes the registry's signed suspension list, and reads it with every bound checked. */
import { Fault } from '#schemas/fault.ts'
import {
  MOST_SUSPENDED,
  SUSPENDED_KINDS,
  type Suspended,
  type SuspendedKind,
  type SuspensionList,
} from '#schemas/global-configuration.ts'
import {
  idText,
  parseClientId,
  parseMemberId,
  parseServerId,
  parseSubsystemId,
} from '#schemas/identifiers.ts'
import {
  type DocumentKind,
  isObject,
  isTime,
  malformed,
  openDocument,
  type RemoteDocumentSigner,
  signDocument,
} from './signed-document.ts'

/** Enough for a thousand of the longest identifiers. */
export const MAX_LIST_LENGTH = 6 * 1024 * 1024
export const SUSPENSION_LIST: DocumentKind = {
  name: 'suspension list',
  type: 'concordat-suspension-list+jws',
  maxLength: MAX_LIST_LENGTH,
}
/**
 * The longest grace for an outage of the registry. No list is valid for longer, even if a registry signs it.
 */
const LONGEST_VALIDITY_MS = 24 * 3_600_000
const SHA256 = /^[0-9a-f]{64}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Signs a list; the signer's key may be on a token. */
export function signSuspensionList(list: SuspensionList, signer: RemoteDocumentSigner): Promise<string> {
  return signDocument(list, signer, SUSPENSION_LIST)
}

/**
 * The list in a JWS that one of `certificates` (DER) signed. Throws `malformed_global_conf` or
 * `invalid_global_conf_signature`.
 */
export function verifySuspensionList(jws: string, certificates: Buffer[]): SuspensionList {
  const { instance, number, issuedAt, expiresAt, suspended, ...more } = openDocument(
    jws,
    certificates,
    SUSPENSION_LIST,
  )
  if (
    Object.keys(more).length > 0 ||
    typeof instance !== 'string' ||
    typeof number !== 'number' ||
    !Number.isSafeInteger(number) ||
    number < 1 ||
    !isTime(issuedAt) ||
    !isTime(expiresAt)
  ) {
    throw malformed(SUSPENSION_LIST, 'its fields are not those of a suspension list')
  }
  const validity = Date.parse(expiresAt) - Date.parse(issuedAt)
  if (validity <= 0 || validity > LONGEST_VALIDITY_MS)
    throw malformed(SUSPENSION_LIST, 'it holds for at most 24 hours')
  return { instance, number, issuedAt, expiresAt, suspended: readSuspended(suspended, instance) }
}

function readSuspended(value: unknown, instance: string): Suspended[] {
  if (!Array.isArray(value) || value.length > MOST_SUSPENDED)
    throw malformed(SUSPENSION_LIST, `it lists at most ${MOST_SUSPENDED}`)
  const all = value.map((entry: unknown) => {
    if (!isObject(entry)) throw malformed(SUSPENSION_LIST, 'an entry is malformed')
    const { kind, id, since, ...more } = entry
    const known = SUSPENDED_KINDS.find((one) => one === kind)
    if (known === undefined || typeof id !== 'string' || !isTime(since) || Object.keys(more).length > 0)
      throw malformed(SUSPENSION_LIST, 'an entry is malformed')
    if (!isIdOf(known, id, instance))
      throw malformed(SUSPENSION_LIST, `an entry names no ${known} of the instance`)
    return { kind: known, id, since }
  })
  if (new Set(all.map(({ kind, id }) => `${kind} ${id}`)).size !== all.length)
    throw malformed(SUSPENSION_LIST, 'an entry stands in it twice')
  return all
}

/**
 * Whether `id` is the canonical text of such an identifier in this instance, of a certificate's SHA-256, or
 * of a contract's id.
 */
function isIdOf(kind: SuspendedKind, id: string, instance: string): boolean {
  if (kind === 'certificate') return SHA256.test(id)
  if (kind === 'contract') return UUID.test(id)
  const parse = { member: parseMemberId, subsystem: parseSubsystemId, server: parseServerId }[kind]
  try {
    const parsed = parse(id)
    return parsed.instance === instance && idText(parsed) === id
  } catch (cause) {
    if (cause instanceof Fault) return false
    throw cause
  }
}

/** Look-ups of suspensions. Each returns a text that names what is suspended, or undefined. */
export type SuspensionIndex = {
  /** Looks for the client itself and its member. */
  ofClient(text: string): string | undefined
  ofServer(text: string): string | undefined
  ofCertificate(sha256: string): string | undefined
  ofContract(id: string): boolean
}

export const NOBODY_SUSPENDED: SuspensionIndex = Object.freeze({
  ofClient: () => undefined,
  ofServer: () => undefined,
  ofCertificate: () => undefined,
  ofContract: () => false,
})

/** Builds the look-ups for one instance's list; ids are in their text form. */
export function indexSuspensions(suspended: Suspended[]): SuspensionIndex {
  if (suspended.length === 0) return NOBODY_SUSPENDED
  const of = (kind: SuspendedKind): ReadonlySet<string> =>
    new Set(suspended.filter((one) => one.kind === kind).map(({ id }) => id))
  const [members, subsystems] = [of('member'), of('subsystem')]
  const [servers, certificates, contracts] = [of('server'), of('certificate'), of('contract')]
  return {
    ofClient: (text) => {
      if (subsystems.has(text)) return `the subsystem ${text}`
      if (members.size === 0) return undefined
      const { subsystemCode: _, ...member } = parseClientId(text)
      return members.has(idText(member)) ? `the member ${idText(member)}` : undefined
    },
    ofServer: (text) => (servers.has(text) ? `the security server ${text}` : undefined),
    ofCertificate: (sha256) =>
      certificates.has(sha256) ? `the certificate with SHA-256 ${sha256}` : undefined,
    ofContract: (id) => contracts.has(id),
  }
}
