/** Reports of security servers, well and badly, as the registry takes them. */
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { FLEET_DOCUMENT, type ServerReport } from '#schemas/fleet.ts'
import { headOf, ocspFor, type Party } from './management-requests.ts'

/** Of a server in good order. */
export function reportAt(signer: string, now: number, more: Partial<ServerReport> = {}): ServerReport {
  const iso = (ms: number): string => new Date(ms).toISOString()
  return {
    ...headOf(signer, now),
    server: `${signer}/SS1`,
    version: '0.1.0',
    configuration: { index: 1, fetchedAt: iso(now - 30_000), expiresAt: iso(now + 570_000) },
    timeStamping: {},
    certificates: [],
    ...more,
  }
}

export function signedReport(
  report: object,
  by: Party,
  type: string = FLEET_DOCUMENT.report,
  ocsp = ocspFor(by),
): Buffer {
  const signers = [{ certificates: [by.certificate], ocspResponses: ocsp, key: by.key }]
  return Buffer.from(writeSignedJson(report, type, signers))
}
