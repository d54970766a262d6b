/**
 * Decides whether an OCSP answer proves that a certificate was good at a given time. The answer must be about
 * this certificate, fresh, and signed by a responder that may answer for its issuer (RFC 6960 section 3.2).
 * Anything else throws.
 *
 * The answer's signature does not cover the certificates in the answer. The issuer signs the responder's own
 * certificate; further certificates have no effect.
 */
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { type Said, say, type Word } from '#schemas/said.ts'
import { type Certificate, isIssuedBy, isSignedBy, parseCertificate } from './certificate.ts'
import { type OcspResponse, parseOcspResponse, type SingleResponse } from './ocsp-parse.ts'
import { asOcspFault, certId, keyHash } from './ocsp-request.ts'

export { buildOcspError, buildOcspResponse, type OcspAnswer } from './ocsp-write.ts'

/**
 * How far a responder's clock may be ahead of ours. X-Road has no such limit. Without one, an answer dated a
 * year ahead would count as fresh until then.
 */
export const CLOCK_SKEW_MS = 60_000

export type OcspVerdict = {
  thisUpdate: Date
  nextUpdate: Date | undefined
  producedAt: Date
  /**
   * When the answer stops being fresh: thisUpdate + freshness, or nextUpdate if that is earlier and checked.
   */
  validUntil: Date
}

export type OcspQuestion = {
  response: Buffer
  certificate: Certificate
  issuer: Certificate
  /** Certificates of responders that the configuration names for this issuer. */
  responders: Certificate[]
  at: Date
  freshnessSeconds: number
  checkNextUpdate?: boolean
  /** If set, the answer must contain it. */
  nonce?: Buffer
}

type ResponderQuestion = Pick<OcspQuestion, 'issuer' | 'responders' | 'at'>

/**
 * Returns the times of the answer. Throws `malformed_ocsp`, or `incorrect_validation_info` unless the
 * certificate was good at `at`.
 */
export function verifyOcspResponse(q: OcspQuestion): OcspVerdict {
  const response = parseOcspResponse(q.response)
  // As in X-Road, only the first entry counts, and its CertID is compared byte for byte.
  const single = response.responses[0]!
  if (!single.certId.equals(certId(q.certificate, q.issuer)))
    throw refused(say`it is about another certificate`)
  if (q.nonce !== undefined && !response.nonce?.equals(q.nonce))
    throw refused(say`it does not carry our nonce`)
  asOcspFault('responder', () => checkResponder(response, q))
  if (single.status !== 'good') throw refused(say`the certificate is ${single.status}`)
  return checkTimes(response.producedAt, single, q)
}

function checkTimes(producedAt: Date, single: SingleResponse, q: OcspQuestion): OcspVerdict {
  const { thisUpdate, nextUpdate } = single
  const at = q.at.getTime()
  const until = thisUpdate.getTime() + q.freshnessSeconds * 1000
  if (thisUpdate.getTime() > at + CLOCK_SKEW_MS) throw refused(say`its thisUpdate lies ahead`)
  if (producedAt.getTime() > at + CLOCK_SKEW_MS) throw refused(say`its producedAt lies ahead`)
  if (until < at) throw refused(say`it is too old`)
  if (nextUpdate === undefined || q.checkNextUpdate === false) {
    return { thisUpdate, nextUpdate, producedAt, validUntil: new Date(until) }
  }
  if (nextUpdate < thisUpdate) throw refused(say`its nextUpdate comes before its thisUpdate`)
  if (nextUpdate.getTime() < at) throw refused(say`its nextUpdate has passed`)
  return { thisUpdate, nextUpdate, producedAt, validUntil: new Date(Math.min(until, nextUpdate.getTime())) }
}

/**
 * Throws `incorrect_validation_info` unless a responder signed the answer that may answer for the issuer at
 * `at`.
 */
export function checkResponder(response: OcspResponse, q: ResponderQuestion): void {
  let reason = say`its responder is not known`
  for (const { certificate, trusted } of candidates(response, q)) {
    if (!isNamed(response, certificate)) continue
    const objection = whyNotAuthorised(certificate, trusted, q)
    if (objection !== undefined) {
      reason = objection
    } else if (isSignedBy(response, certificate)) {
      return
    } else {
      reason = say`its signature does not verify`
    }
  }
  throw refused(reason)
}

type Candidate = { certificate: Certificate; trusted: 'issuer' | 'configured' | 'delegated' }

/** Our own copies come before the certificates in the answer, which anybody could have replaced. */
function* candidates(response: OcspResponse, q: ResponderQuestion): Generator<Candidate> {
  yield { certificate: q.issuer, trusted: 'issuer' }
  for (const certificate of q.responders) yield { certificate, trusted: 'configured' }
  for (const bytes of response.certificates) {
    yield {
      certificate: parseCertificate(bytes),
      trusted: 'delegated',
    }
  }
}

function isNamed(response: OcspResponse, certificate: Certificate): boolean {
  const { responder } = response
  return 'name' in responder
    ? responder.name.equals(certificate.subject.der)
    : responder.keyHash.equals(keyHash(certificate))
}

/**
 * Why this certificate may not answer for the issuer; undefined when it may. It must be valid at `at`. Its
 * own revocation is not checked (with or without id-pkix-ocsp-nocheck), as in X-Road: the issuer makes it
 * short-lived.
 */
function whyNotAuthorised(
  certificate: Certificate,
  trusted: Candidate['trusted'],
  q: ResponderQuestion,
): Said | undefined {
  if (trusted === 'issuer') return undefined
  if (q.at < certificate.notBefore || q.at > certificate.notAfter)
    return say`the certificate of its responder is out of date`
  if (trusted === 'configured') return undefined
  const { extendedKeyUsage, keyUsage, unknownCritical } = certificate.extensions
  // anyExtendedKeyUsage does not count (RFC 6960 4.2.2.2).
  if (extendedKeyUsage?.includes(OID.ocspSigning) !== true)
    return say`its responder is not authorised by the issuer`
  if (keyUsage !== undefined && !keyUsage.has('digitalSignature') && !keyUsage.has('nonRepudiation')) {
    return say`its responder may not sign`
  }
  if (unknownCritical.length > 0) return say`the certificate of its responder has unknown critical extensions`
  return isIssuedBy(certificate, q.issuer) ? undefined : say`its responder was not appointed by the issuer`
}

export function refused(what: Word): Fault {
  return new Fault('incorrect_validation_info', { what: say`OCSP answer refused: ${what}` })
}
