/** Reports of security servers, correct and incorrect, in the form that the registry accepts. */
import { writeSignedJson } from '#core/signature/signed-json.ts'
import { type CallCounts, FLEET_DOCUMENT, type ServerReport } from '#schemas/fleet.ts'
import { headOf, ocspFor, type Party } from './management-requests.ts'

/** The report of a server without problems. */
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

/** The exchanges of `signer`'s server on the day of `on`; by default on the current day. */
export function callsAt(
  signer: string,
  now: number,
  { on = now, ...more }: Partial<CallCounts> & { on?: number } = {},
): CallCounts {
  const day = new Date(on).toISOString().slice(0, 10)
  const rest = { answered: 0, failed: 0, refused: 0 }
  return {
    ...{ ...headOf(signer, now), server: `${signer}/SS1`, day },
    ...{ settled: day < new Date(now).toISOString().slice(0, 10), calls: [], rest, ...more },
  }
}

export function signedCalls(counts: object, by: Party): Buffer {
  return signedReport(counts, by, FLEET_DOCUMENT.calls)
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
