/**
 * Trusted issuers of credentials, as data: who, of which types, under which anchors; and the chains that lead
 * to them.
 */
import type { KeyObject } from 'node:crypto'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'
import type { CredentialFormat } from './dcql/query.ts'
import { isObject, isTexts } from './json.ts'
import { need, orRefuse, Refused } from './refused.ts'
import { isMarked, readSignerMarks, type SignerMark } from './signer-marks.ts'

/**
 * An anchor, and from when until when it counts: a record is judged by what was trusted when its verdict was
 * given.
 */
type TrustAnchor = { certificate: Certificate; trustedFrom?: Date; trustedUntil?: Date }

export type TrustedIssuer = {
  name: string
  /** `vct` values and doctypes that it may issue: a driving licence authority issues no diplomas. */
  types: string[]
  anchors: TrustAnchor[]
  /** Whose certificates below the anchors are this issuer's, one of these; without them all are. */
  signers?: SignerMark[]
  /**
   * Whose certificates below the anchors sign its status lists, where others do; without them those of
   * `signers`.
   */
  statusSigners?: SignerMark[]
  /** The claims on which it is believed, as paths, with all below them; on every one where there are none. */
  claims?: string[][]
  /**
   * Its credentials must name a status, from a time if one is given. Without this they may, and then it
   * counts.
   */
  requiresStatus: boolean | Date
  /** The hosts of its status lists: a credential must not send a verifier anywhere else. */
  statusHosts: string[]
}

/** Who stands behind a credential: the key that signs, and its path, anchor last. */
export type IssuerPath = { issuer: TrustedIssuer; key: KeyObject; path: Certificate[] }

const MAX_CHAIN = 5
const MAX_ISSUERS = 1000
const MAX_FORMER = 100
/** ISO/IEC 18013-5 B.1.4: the usage of certificates that sign mobile documents. */
const MDOC_SIGNING = '1.0.18013.5.1.2'
/**
 * A certificate that lists only these serves connections, code or times: its holder signs no credentials and
 * no lists.
 */
const FOR_OTHERS: ReadonlySet<string> = new Set([
  ...[OID.serverAuth, OID.clientAuth, OID.codeSigning, OID.timeStamping, OID.ocspSigning],
])
/**
 * The purposes of the PKIX registry are for others, but for mail, documents and JSON Web Tokens. So is that
 * of status lists, whose number no draft says (id-kp-oauthStatusSigning, draft-ietf-oauth-status-list-21
 * section 10).
 */
const PKIX_PURPOSE = '1.3.6.1.5.5.7.3.'
const FOR_CONTENT: ReadonlySet<string> = new Set([OID.emailProtection, OID.documentSigning, OID.jwt])
/** A name or an address as a URL has it, with a port where it is not the scheme's. */
const HOST = /^[a-z0-9.[\]:-]{1,255}$/
const MAX_HOSTS = 100
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/**
 * Reads
 * `[{name, types, anchors, signers?, statusSigners?, claims?, requiresStatus?, statusHosts?, former?}]`; an
 * anchor is base64 of DER, or `{certificate, trustedFrom?, trustedUntil?}`. An anchor under two names needs
 * signers in each. Throws `invalid_input`.
 */
export function readTrustedIssuers(value: unknown): TrustedIssuer[] {
  if (!Array.isArray(value) || value.length > MAX_ISSUERS) throw wrong('a list of issuers is needed')
  const issuers = value.flatMap(termsOf).map(readIssuer)
  const holders = new Map<string, Set<string>>()
  // By key: a certificate that was made anew for the same authority leads to the same signers.
  const keysOf = ({ anchors }: TrustedIssuer): string[] =>
    anchors.map(({ certificate }) => certificate.spki.toString('base64'))
  for (const issuer of issuers)
    for (const key of keysOf(issuer)) holders.set(key, (holders.get(key) ?? new Set()).add(issuer.name))
  for (const issuer of issuers) {
    const isShared = keysOf(issuer).some((key) => holders.get(key)!.size > 1)
    if (isShared && issuer.signers === undefined)
      throw wrong(`signers of ${issuer.name}: its anchor stands under another name, too`)
  }
  return issuers
}

/** What an issuer is trusted for, and what it was trusted for before a change: each with its own anchors. */
function termsOf(one: unknown): unknown[] {
  if (!isObject(one) || one.former === undefined) return [one]
  const { former, ...now } = one
  if (!Array.isArray(former) || former.length > MAX_FORMER || !former.every(isObject))
    throw wrong(`former of ${String(now.name)}`)
  return [now, ...former.map((before: object) => ({ ...before, name: now.name }))]
}

function readIssuer(one: unknown): TrustedIssuer {
  if (!isObject(one) || typeof one.name !== 'string' || one.name === '') throw wrong('an issuer has a name')
  const { name, types, anchors, requiresStatus = false, statusHosts = [] } = one
  if (!isTexts(types) || types.length === 0) throw wrong(`types of ${name}`)
  if (!Array.isArray(anchors) || anchors.length === 0) throw wrong(`anchors of ${name}`)
  if (
    !isTexts(statusHosts) ||
    statusHosts.length > MAX_HOSTS ||
    !statusHosts.every((host) => HOST.test(host))
  )
    throw wrong(`statusHosts of ${name}`)
  const { claims } = one
  if (claims !== undefined && !(Array.isArray(claims) && claims.every(isTexts)))
    throw wrong(`claims of ${name}`)
  const marks = Object.fromEntries(
    (['signers', 'statusSigners'] as const)
      .filter((member) => one[member] !== undefined)
      .map((member) => [member, readSignerMarks(one[member], `${member} of ${name}`)]),
  )
  return {
    ...{ name, types, anchors: anchors.map((anchor: unknown) => readAnchor(anchor, name)), ...marks },
    ...(claims === undefined ? {} : { claims: claims as string[][] }),
    statusHosts,
    requiresStatus:
      typeof requiresStatus === 'boolean'
        ? requiresStatus
        : readTime(requiresStatus, `requiresStatus of ${name}`),
  }
}

function readAnchor(value: unknown, name: string): TrustAnchor {
  const anchor = isObject(value) ? value : { certificate: value }
  const { certificate, trustedFrom, trustedUntil } = anchor
  if (typeof certificate !== 'string') throw wrong(`anchors of ${name}`)
  return {
    certificate: parseCertificate(Buffer.from(certificate, 'base64')),
    ...(trustedFrom === undefined ? {} : { trustedFrom: readTime(trustedFrom, `trustedFrom of ${name}`) }),
    ...(trustedUntil === undefined
      ? {}
      : { trustedUntil: readTime(trustedUntil, `trustedUntil of ${name}`) }),
  }
}

function readTime(value: unknown, what: string): Date {
  const isSound = typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))
  if (!isSound) throw wrong(`${what}: a time like 2030-06-01T12:00:00Z is needed`)
  return new Date(value)
}

/** The certificates that count at `at`: from `trustedFrom` until before `trustedUntil`. */
export function anchorsAt({ anchors }: Pick<TrustedIssuer, 'anchors'>, at: Date): Certificate[] {
  return anchors
    .filter(
      ({ trustedFrom, trustedUntil }) =>
        !(trustedFrom && at < trustedFrom) && !(trustedUntil && at >= trustedUntil),
    )
    .map(({ certificate }) => certificate)
}

/** Whether the issuer is believed on the claim at this path. */
export function isBelievedOn({ claims }: Pick<TrustedIssuer, 'claims'>, path: readonly unknown[]): boolean {
  return claims === undefined || claims.some((claim) => claim.every((step, at) => path[at] === step))
}

/** Whether a credential without a status is refused at `at`. */
export function requiresStatusAt({ requiresStatus }: TrustedIssuer, at: Date): boolean {
  return requiresStatus instanceof Date ? at >= requiresStatus : requiresStatus
}

function wrong(what: string): Fault {
  return new Fault('invalid_input', { what })
}

/**
 * The trusted issuer of `type` to which the chain leads at `at`. HAIP 1.0: the chain must not hold the
 * anchor. What the credential says of its issuer counts for nothing.
 */
export function verifyIssuer(q: {
  chain: Buffer[]
  type: string
  format: CredentialFormat | 'status list'
  issuers: TrustedIssuer[]
  at: Date
}): IssuerPath {
  const { chain, type, issuers, at } = q
  need(chain.length > 0 && chain.length <= MAX_CHAIN, 'issuer_chain_malformed', 'its length')
  const [leaf, ...others] = orRefuse('issuer_chain_malformed', () => chain.map(parseCertificate)) as [
    Certificate,
    ...Certificate[],
  ]
  const isAnchor = (one: Certificate): boolean =>
    issuers.some(({ anchors }) => anchors.some(({ certificate }) => certificate.sha256 === one.sha256))
  need(![leaf, ...others].some(isAnchor), 'trust_anchor_in_chain')
  need(maySign(leaf, q.format), 'issuer_untrusted', 'not a certificate for signing credentials')
  let why: string | undefined
  for (const issuer of issuers.filter(({ types }) => types.includes(type))) {
    const objection = q.format === 'status list' ? listObjection(leaf, issuer) : signerObjection(leaf, issuer)
    if (objection !== undefined) {
      why = objection
      continue
    }
    try {
      const question = { certificate: leaf, intermediates: others, anchors: anchorsAt(issuer, at), at }
      const path = validatePath({ ...question, purpose: 'any' })
      return { issuer, key: publicKeyOf(leaf), path }
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
      why = thrown.what
    }
  }
  throw new Refused('issuer_untrusted', why)
}

function maySign({ extensions }: Certificate, format: CredentialFormat | 'status list'): boolean {
  const { basicConstraints, keyUsage, extendedKeyUsage: usages } = extensions
  if (basicConstraints?.ca === true) return false
  if (keyUsage !== undefined && !keyUsage.has('digitalSignature')) return false
  // ISO/IEC 18013-5 B.1.4 wants it; without it any certificate of the anchor could sign licences.
  if (format === 'mso_mdoc') return usages?.includes(MDOC_SIGNING) === true
  if (format === 'status list') return usages?.every((usage) => FOR_OTHERS.has(usage)) !== true
  return usages?.every(isForOthers) !== true
}

const isForOthers = (usage: string): boolean => usage.startsWith(PKIX_PURPOSE) && !FOR_CONTENT.has(usage)

/** Why a certificate below the anchors signs no status list of this issuer. */
function listObjection(leaf: Certificate, { signers, statusSigners }: TrustedIssuer): string | undefined {
  return isMarked(leaf, statusSigners ?? signers) ? undefined : 'another signer below its anchor'
}

/**
 * Why a certificate below the anchors signs no credential of this issuer: it is another's, or there for the
 * status lists.
 */
function signerObjection(leaf: Certificate, issuer: TrustedIssuer): string | undefined {
  const { signers, statusSigners = [] } = issuer
  if (!isMarked(leaf, signers)) return 'another signer below its anchor'
  if (signers === undefined && isMarked(leaf, statusSigners)) return 'it signs status lists'
  // Its marks may fit by its name alone; then its purposes say what it is for.
  const forLists = new Set(statusSigners.map(({ usage }) => usage))
  for (const usage of [MDOC_SIGNING, ...(signers ?? []).map((mark) => mark.usage)]) forLists.delete(usage)
  const isForLists = leaf.extensions.extendedKeyUsage?.every(
    (usage) => forLists.has(usage) || isForOthers(usage),
  )
  return isForLists === true ? 'it signs status lists' : undefined
}

/**
 * A chain as JOSE carries it: `x5c`, standard base64 of DER, the signer's certificate first (RFC 7515 4.1.6).
 */
export function readX5c(value: unknown): Buffer[] {
  need(isTexts(value) && value.length <= MAX_CHAIN, 'issuer_chain_malformed', 'x5c')
  return value.map((text) => {
    const der = Buffer.from(text, 'base64')
    need(der.toString('base64') === text, 'issuer_chain_malformed', 'x5c')
    return der
  })
}
