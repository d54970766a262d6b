/**
 * Our signed statement in addition to X-Road's configuration. Its index only increases, so that a member
 * notices a rolled back or frozen source. It states whether the instance has a suspension list, and contains
 * the signed head of the registry's transparency log.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readOwnProfiles } from '#core/certificate/read-own-profiles.ts'
import { readPublishedIssuers } from '#core/presentation/published-issuers.ts'
import { Fault } from '#schemas/fault.ts'
import {
  CERTIFICATE_PROFILES_PART,
  type ConfigurationStatement,
  type RegistrationService,
  TRUSTED_ISSUERS_PART,
} from '#schemas/global-configuration.ts'
import {
  type DocumentKind,
  isObject,
  isTime,
  malformed,
  openDocument,
  type RemoteDocumentSigner,
  signDocument,
} from './signed-document.ts'

export const STATEMENT: DocumentKind = { name: 'statement', maxLength: 1024 * 1024 }
const MAX_PARTS = 1024
const LONGEST_GRACE_MS = 24 * 3_600_000
const MAX_HEAD_LENGTH = 2048
const PART_NAME = /^V[1-9]\d?\/[A-Z][A-Z0-9-]{0,63}$/
const HTTPS_ADDRESS = /^https:\/\/[A-Za-z0-9.:[\]_-]{1,255}\/$/
const MAX_CERTIFICATE_LENGTH = 16_384
const SHA512_BASE64 = /^[A-Za-z0-9+/]{86}==$/

/** Signs a statement; the signer's key may be on a token. */
export function signStatement(
  statement: ConfigurationStatement,
  signer: RemoteDocumentSigner,
): Promise<string> {
  return signDocument(statement, signer, STATEMENT)
}

/**
 * The statement in a JWS that one of `certificates` (DER) signed; does not verify the log head in it. Throws
 * `malformed_global_conf` or `invalid_global_conf_signature`.
 */
export function verifyStatement(jws: string, certificates: Buffer[]): ConfigurationStatement {
  const {
    instance,
    index,
    generatedAt,
    expireDate,
    parts,
    graceUntil,
    hasSuspensionList,
    logHead,
    registration,
    certificateProfiles,
    trustedIssuers,
    ...more
  } = openDocument(jws, certificates, STATEMENT)
  if (
    Object.keys(more).length > 0 ||
    typeof instance !== 'string' ||
    typeof index !== 'number' ||
    !Number.isSafeInteger(index) ||
    index < 0 ||
    !isTime(generatedAt) ||
    !isTime(expireDate) ||
    !isGraceOf(expireDate, graceUntil) ||
    (hasSuspensionList !== undefined && hasSuspensionList !== true) ||
    (logHead !== undefined && (typeof logHead !== 'string' || logHead.length > MAX_HEAD_LENGTH))
  ) {
    throw malformed(STATEMENT, 'its fields are not those of a statement')
  }
  const read = readParts(parts)
  return {
    ...{ instance, index, generatedAt, expireDate, parts: read },
    ...(graceUntil === undefined ? {} : { graceUntil }),
    ...(hasSuspensionList === undefined ? {} : { hasSuspensionList }),
    ...(logHead === undefined ? {} : { logHead }),
    ...(registration === undefined ? {} : { registration: readRegistration(registration) }),
    ...readHashed(
      'certificateProfiles',
      certificateProfiles,
      read[CERTIFICATE_PROFILES_PART],
      readOwnProfiles,
    ),
    ...readHashed('trustedIssuers', trustedIssuers, read[TRUSTED_ISSUERS_PART], readPublishedIssuers),
  }
}

/**
 * Absent, or a time after the ordinary end and at most the longest grace of a contract later, whatever a
 * registry signs.
 */
function isGraceOf(expireDate: string, graceUntil: unknown): graceUntil is string | undefined {
  if (graceUntil === undefined) return true
  if (!isTime(graceUntil)) return false
  const length = Date.parse(graceUntil) - Date.parse(expireDate)
  return length > 0 && length <= LONGEST_GRACE_MS
}

/**
 * The transparency log and the servers' marks contain only the hashes of the parts, so a list must match its
 * hash there.
 */
function readHashed<N extends string, T>(
  name: N,
  value: unknown,
  part: { sha512: string } | undefined,
  read: (value: unknown) => T,
): Partial<Record<N, T>> {
  if (value === undefined && part === undefined) return {}
  try {
    const list = read(value)
    const hash = createHash('sha512').update(canonicalJson(list)).digest('base64')
    if (hash === part?.sha512) return { [name]: list } as Record<N, T>
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
  }
  throw malformed(STATEMENT, `its ${name} are malformed, or others than its parts name`)
}

function readRegistration(value: unknown): RegistrationService {
  if (isObject(value)) {
    const { address, certificate, ...more } = value
    if (
      Object.keys(more).length === 0 &&
      typeof address === 'string' &&
      HTTPS_ADDRESS.test(address) &&
      URL.canParse(address) &&
      typeof certificate === 'string' &&
      certificate.length <= MAX_CERTIFICATE_LENGTH &&
      Buffer.from(certificate, 'base64').toString('base64') === certificate
    )
      return { address, certificate }
  }
  throw malformed(STATEMENT, 'its registration service is malformed')
}

function readParts(value: unknown): ConfigurationStatement['parts'] {
  if (!isObject(value) || Object.keys(value).length > MAX_PARTS)
    throw malformed(STATEMENT, 'it lists no parts')
  const entries = Object.entries(value).map(
    ([name, part]): [string, { location: string; sha512: string }] => {
      if (!PART_NAME.test(name) || !isObject(part)) throw malformed(STATEMENT, 'a part is malformed')
      const { location, sha512, ...more } = part
      if (Object.keys(more).length > 0 || typeof location !== 'string' || typeof sha512 !== 'string') {
        throw malformed(STATEMENT, 'a part is malformed')
      }
      if (!SHA512_BASE64.test(sha512)) throw malformed(STATEMENT, 'a hash is not SHA-512')
      return [name, { location, sha512 }]
    },
  )
  return Object.fromEntries(entries)
}
