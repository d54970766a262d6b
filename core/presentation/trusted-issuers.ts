/** Trusted issuers of credentials, as data: who, of which types, under which anchors; and the chains that lead to them. */
import type { KeyObject } from 'node:crypto'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'
import type { CredentialFormat } from './dcql/query.ts'
import { isObject, isTexts } from './json.ts'
import { need, orRefuse, Refused } from './refused.ts'

export type TrustedIssuer = {
  name: string
  /** `vct` values and doctypes that it may issue: a driving licence authority issues no diplomas. */
  types: string[]
  anchors: Certificate[]
  /** Its credentials must name a status. Without this they may, and then it counts. */
  requiresStatus: boolean
}

/** Who stands behind a credential: the key that signs, and its path, anchor last. */
export type IssuerPath = { issuer: TrustedIssuer; key: KeyObject; path: Certificate[] }

const MAX_CHAIN = 5
const MAX_ISSUERS = 1000
/** ISO/IEC 18013-5 B.1.4: the usage of certificates that sign mobile documents. */
const MDOC_SIGNING = '1.0.18013.5.1.2'

/** Reads `[{name, types, anchors: [base64 DER], requiresStatus?}]`. Throws `invalid_input`. */
export function readTrustedIssuers(value: unknown): TrustedIssuer[] {
  if (!Array.isArray(value) || value.length > MAX_ISSUERS) throw wrong('a list of issuers is needed')
  return value.map((one: unknown) => {
    if (!isObject(one) || typeof one.name !== 'string' || one.name === '') throw wrong('an issuer has a name')
    if (!isTexts(one.types) || one.types.length === 0) throw wrong(`types of ${one.name}`)
    if (!isTexts(one.anchors) || one.anchors.length === 0) throw wrong(`anchors of ${one.name}`)
    const anchors = one.anchors.map((der) => parseCertificate(Buffer.from(der, 'base64')))
    return { name: one.name, types: one.types, anchors, requiresStatus: one.requiresStatus === true }
  })
}

function wrong(what: string): Fault {
  return new Fault('invalid_input', { what })
}

/**
 * The trusted issuer of `type` to which the chain leads at `at`. HAIP 1.0: the chain must not hold the anchor. What the credential
 * says of its issuer counts for nothing.
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
    issuers.some(({ anchors }) => anchors.some(({ sha256 }) => sha256 === one.sha256))
  need(![leaf, ...others].some(isAnchor), 'trust_anchor_in_chain')
  need(maySign(leaf, q.format), 'issuer_untrusted', 'not a certificate for signing credentials')
  let why: string | undefined
  for (const issuer of issuers.filter(({ types }) => types.includes(type))) {
    try {
      const question = { certificate: leaf, intermediates: others, anchors: issuer.anchors, at }
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
  if (format !== 'mso_mdoc' || usages === undefined) return true
  return usages.includes(MDOC_SIGNING) || usages.includes(OID.anyExtendedKeyUsage)
}

/** A chain as JOSE carries it: `x5c`, standard base64 of DER, the signer's certificate first (RFC 7515 4.1.6). */
export function readX5c(value: unknown): Buffer[] {
  need(isTexts(value) && value.length <= MAX_CHAIN, 'issuer_chain_malformed', 'x5c')
  return value.map((text) => {
    const der = Buffer.from(text, 'base64')
    need(der.toString('base64') === text, 'issuer_chain_malformed', 'x5c')
    return der
  })
}
