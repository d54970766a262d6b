/**
 * Reads an OCSP answer (RFC 6960 section 4.2) completely and strictly; does not decide whether to trust it.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBitString,
  readEnumerated,
  readNull,
  readOctetString,
  readOid,
  readSmallInteger,
  readTime,
  TAG,
} from '#core/asn1/der.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from './certificate.ts'
import { readMessageExtensions, readNonce } from './ocsp-extensions.ts'
import { asOcspFault, MAX_OCSP_BYTES, MAX_OCSP_ENTRIES, readCertId } from './ocsp-request.ts'

type OcspStatus = 'good' | 'revoked' | 'unknown'

export type SingleResponse = {
  certId: Buffer
  status: OcspStatus
  revokedAt: Date | undefined
  thisUpdate: Date
  nextUpdate: Date | undefined
}

export type OcspResponse = {
  /** The signed bytes. */
  tbs: Buffer
  /** Exactly one of the two names the responder: the DER of its Name, or the SHA-1 of its key. */
  responder: { name: Buffer } | { keyHash: Buffer }
  producedAt: Date
  responses: SingleResponse[]
  nonce: Buffer | undefined
  signatureAlgorithm: AlgorithmIdentifier
  signature: Buffer
  /** DER of the certificates in the answer; the signature does not cover them. */
  certificates: Buffer[]
}

const MAX_CERTIFICATES = 8
const ERRORS: Record<number, string> = {
  1: 'malformedRequest',
  2: 'internalError',
  3: 'tryLater',
  5: 'sigRequired',
  6: 'unauthorized',
}

/**
 * Reads an answer. Throws `malformed_ocsp`, or `incorrect_validation_info` when the responder answered with
 * an error status instead.
 */
export function parseOcspResponse(bytes: Buffer): OcspResponse {
  return asOcspFault('response', () => {
    if (bytes.length > MAX_OCSP_BYTES) throw malformed(`longer than ${MAX_OCSP_BYTES} bytes`)
    const [status, content, ...more] = children(expectTag(parseDer(bytes), TAG.sequence, 'response'))
    if (more.length > 0) throw malformed('fields after the response')
    const code = readEnumerated(status)
    if (code !== 0) throw refusal(code, content)
    const bytesField = onlyChild(expectTag(content, 0xa0, 'response bytes'))
    const [type, basic, ...rest] = children(expectTag(bytesField, TAG.sequence, 'response bytes'))
    if (rest.length > 0) throw malformed('fields after the response bytes')
    if (readOid(type) !== OID.ocspBasic) throw malformed('not a basic response')
    return readBasicResponse(parseDer(readOctetString(basic)))
  })
}

function refusal(code: number, content: Der | undefined): Fault {
  const name = ERRORS[code]
  if (name === undefined || content !== undefined) return malformed('response status')
  return new Fault('incorrect_validation_info', { what: `the OCSP responder answered ${name}` })
}

function readBasicResponse(basic: Der): OcspResponse {
  const [tbs, algorithm, signature, certificates, ...more] = children(
    expectTag(basic, TAG.sequence, 'basic response'),
  )
  if (more.length > 0) throw malformed('fields after the certificates')
  const { unused, bytes } = readBitString(signature)
  if (unused !== 0) throw malformed('signature that ends inside a byte')
  return {
    ...readTbs(expectTag(tbs, TAG.sequence, 'response data')),
    signatureAlgorithm: readAlgorithmIdentifier(expectTag(algorithm, TAG.sequence, 'algorithm')),
    signature: bytes,
    certificates: certificates === undefined ? [] : readCertificates(certificates),
  }
}

function readCertificates(tagged: Der): Buffer[] {
  const list = children(
    expectTag(onlyChild(expectTag(tagged, 0xa0, 'certificates')), TAG.sequence, 'certificates'),
  )
  if (list.length > MAX_CERTIFICATES) throw malformed(`more than ${MAX_CERTIFICATES} certificates`)
  return list.map((certificate) => expectTag(certificate, TAG.sequence, 'certificate').raw)
}

function readTbs(tbs: Der): Pick<OcspResponse, 'tbs' | 'responder' | 'producedAt' | 'responses' | 'nonce'> {
  const fields = children(tbs)
  if (fields[0]?.tag === 0xa0 && readSmallInteger(onlyChild(fields.shift()!)) !== 0)
    throw malformed('version')
  const [responder, producedAt, responses, extensions, ...more] = fields
  if (more.length > 0) throw malformed('fields after the extensions')
  const singles = children(expectTag(responses, TAG.sequence, 'responses'))
  if (singles.length === 0 || singles.length > MAX_OCSP_ENTRIES) throw malformed('number of responses')
  const listed = extensions && onlyChild(expectTag(extensions, 0xa1, 'response extensions'))
  return {
    tbs: tbs.raw,
    responder: readResponder(responder),
    producedAt: readTime(expectTag(producedAt, TAG.generalizedTime, 'producedAt')),
    responses: singles.map(readSingle),
    nonce: readNonce(listed),
  }
}

function readResponder(responder: Der | undefined): OcspResponse['responder'] {
  if (responder?.tag === 0xa1)
    return { name: expectTag(onlyChild(responder), TAG.sequence, 'responder name').raw }
  const keyHash = readOctetString(onlyChild(expectTag(responder, 0xa2, 'responder')))
  if (keyHash.length !== 20) throw malformed('responder key hash of wrong length')
  return { keyHash }
}

function readSingle(single: Der): SingleResponse {
  const fields = children(expectTag(single, TAG.sequence, 'single response'))
  const [certId, status, thisUpdate] = fields.splice(0, 3)
  readCertId(expectTag(certId, TAG.sequence, 'CertID'))
  const next = fields[0]?.tag === 0xa0 ? onlyChild(fields.shift()!) : undefined
  const extensions = fields.shift()
  if (fields.length > 0) throw malformed('fields after the single extensions')
  // No single extension is known here, so every critical one makes the answer refused (archive cutoff
  // included).
  if (extensions !== undefined) {
    readMessageExtensions(onlyChild(expectTag(extensions, 0xa1, 'single extensions')), [])
  }
  return {
    certId: certId!.raw,
    ...readStatus(status),
    thisUpdate: readTime(expectTag(thisUpdate, TAG.generalizedTime, 'thisUpdate')),
    nextUpdate: next && readTime(expectTag(next, TAG.generalizedTime, 'nextUpdate')),
  }
}

function readStatus(status: Der | undefined): Pick<SingleResponse, 'status' | 'revokedAt'> {
  if (status?.tag === 0x80 || status?.tag === 0x82) {
    readNull(status, status.tag)
    return { status: status.tag === 0x80 ? 'good' : 'unknown', revokedAt: undefined }
  }
  const [time, reason, ...more] = children(expectTag(status, 0xa1, 'certificate status'))
  if (reason !== undefined) readEnumerated(onlyChild(expectTag(reason, 0xa0, 'revocation reason')))
  if (more.length > 0) throw malformed('fields after the revocation reason')
  return {
    status: 'revoked',
    revokedAt: readTime(expectTag(time, TAG.generalizedTime, 'revocation time')),
  }
}
