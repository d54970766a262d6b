/**
 * Verifies the request of a record: who signed it, and whether that is a verifier whom the reader of the
 * record expects.
 */
import { createHash } from 'node:crypto'
import { type Certificate, parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import { Fault } from '#schemas/fault.ts'
import { type Asked, readAsked } from './asked.ts'
import { isObject, isTexts } from './json.ts'
import { isSignedWith, readJws } from './jws.ts'
import { need, orRefuse } from './refused.ts'
import { readX5c } from './trusted-issuers.ts'

/**
 * Whose requests count: under one of these anchors, by one of these client identifiers, or both where both
 * are named.
 */
export type ExpectedVerifiers = { anchors: Certificate[]; clientIds: string[] }

const BY_HASH = 'x509_hash'
const BY_NAME = 'x509_san_dns'

/** Reads `{anchors?: [base64 DER], clientIds?: [...]}`. Throws `invalid_input`. */
export function readExpectedVerifiers(value: unknown): ExpectedVerifiers {
  const { anchors = [], clientIds = [] } = isObject(value) ? value : {}
  if (!isTexts(anchors) || !isTexts(clientIds) || anchors.length + clientIds.length === 0)
    throw new Fault('invalid_input', { what: 'expected verifiers have anchors or clientIds' })
  // Anybody can put a name into a certificate of their own.
  if (anchors.length === 0 && clientIds.some((id) => prefixOf(id) !== BY_HASH))
    throw new Fault('invalid_input', { what: `a client identifier other than ${BY_HASH} needs anchors` })
  return { anchors: anchors.map((der) => parseCertificate(Buffer.from(der, 'base64'))), clientIds }
}

/**
 * What was asked. The request is signed by the key whose certificate its client identifier names, valid when
 * it signed. Without `expected` nobody has said whose certificate that is: anybody can make one.
 */
export function verifyRequest(token: string, expected: ExpectedVerifiers | undefined): Asked {
  const jws = readJws(token, 'record_malformed')
  need(jws.header.typ === 'oauth-authz-req+jwt', 'record_malformed', 'typ')
  const asked = readAsked(jws.payload)
  const chain = readX5c(jws.header.x5c)
  need(chain.length > 0, 'record_malformed', 'x5c')
  const [leaf, ...others] = orRefuse('record_malformed', () => chain.map(parseCertificate)) as [
    Certificate,
    ...Certificate[],
  ]
  const isSigned = orRefuse('request_signature_invalid', () => isSignedWith(jws, publicKeyOf(leaf)))
  need(isSigned && isNamed(asked.clientId, leaf), 'request_signature_invalid')
  const { issuedAt: at } = asked
  need(at >= leaf.notBefore && at <= leaf.notAfter, 'request_signature_invalid', 'outside its validity')
  if (expected === undefined) return asked
  const { anchors, clientIds } = expected
  need(clientIds.length === 0 || clientIds.includes(asked.clientId), 'verifier_untrusted', 'client_id')
  if (anchors.length === 0) {
    need(prefixOf(asked.clientId) === BY_HASH, 'verifier_untrusted', 'a name without an anchor')
    return asked
  }
  const question = { certificate: leaf, intermediates: others, anchors, at, purpose: 'any' as const }
  orRefuse('verifier_untrusted', () => validatePath(question))
  return asked
}

function prefixOf(clientId: string): string {
  return clientId.slice(0, Math.max(clientId.indexOf(':'), 0))
}

/** All after the first colon is the name: a tail is no part that may be left unread. */
function isNamed(clientId: string, { der, extensions }: Certificate): boolean {
  const prefix = prefixOf(clientId)
  const name = clientId.slice(prefix.length + 1)
  if (prefix === BY_HASH) return name === createHash('sha256').update(der).digest('base64url')
  const names = (extensions.subjectAltNames ?? []).flatMap((one) =>
    one.kind === 'dNSName' ? [one.text] : [],
  )
  return prefix === BY_NAME && names.includes(name)
}
