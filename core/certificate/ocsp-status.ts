/**
 * Reads the status of a certificate from an OCSP answer of any time. For old evidence, an answer that was
 * made later can say more than one from the time in question. The answer must still be genuine.
 */

import { say } from '#schemas/said.ts'
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
 * The status in the answer. Its responder must have been allowed to answer for the issuer when it made the
 * answer. Undefined if the answer is about another certificate. Throws `malformed_ocsp` or
 * `incorrect_validation_info`.
 */
export function readOcspStatus(
  q: OcspStatusQuestion,
): (Omit<SingleResponse, 'certId'> & { producedAt: Date }) | undefined {
  const response = parseOcspResponse(q.response)
  const { certId: about, ...single } = response.responses[0]!
  if (!about.equals(certId(q.certificate, q.issuer))) return undefined
  const { producedAt } = response
  if (producedAt.getTime() + CLOCK_SKEW_MS < single.thisUpdate.getTime())
    throw refused(say`its thisUpdate lies ahead of it`)
  asOcspFault('responder', () => checkResponder(response, { ...q, at: producedAt }))
  return { ...single, producedAt }
}
