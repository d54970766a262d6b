/**
 * What an OCSP answer says of a certificate, whenever it was made: for old evidence, where an answer that came later tells
 * more than one of the time in question. Genuine it must be all the same.
 */
import type { Certificate } from './certificate.ts'
import { parseOcspResponse, type SingleResponse } from './ocsp-parse.ts'
import { asOcspFault, certId } from './ocsp-request.ts'
import { CLOCK_SKEW_MS, checkResponder, refused } from './ocsp-response.ts'

type OcspStatusQuestion = {
  response: Buffer
  certificate: Certificate
  issuer: Certificate
  /** Certificates of responders that the configuration names for this issuer. */
  responders: Certificate[]
}

/**
 * The answer's words, by a responder that might speak for the issuer when it said them. Undefined when it is about another
 * certificate. Throws `malformed_ocsp` or `incorrect_validation_info`.
 */
export function readOcspStatus(
  q: OcspStatusQuestion,
): (Omit<SingleResponse, 'certId'> & { producedAt: Date }) | undefined {
  const response = parseOcspResponse(q.response)
  const { certId: about, ...single } = response.responses[0]!
  if (!about.equals(certId(q.certificate, q.issuer))) return undefined
  const { producedAt } = response
  if (producedAt.getTime() + CLOCK_SKEW_MS < single.thisUpdate.getTime())
    throw refused('its thisUpdate lies ahead of it')
  asOcspFault('responder', () => checkResponder(response, { ...q, at: producedAt }))
  return { ...single, producedAt }
}
