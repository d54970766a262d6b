/**
 * Verifies a security server's report before anything of it is stored; pure. It has exactly its fields, and
 * the server's owner signed it now.
 */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import {
  flag,
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  pattern,
  plainText,
  type Read,
  record,
  serverId,
  unique,
} from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type CallCounts,
  type CallOutcomes,
  FLEET_DOCUMENT,
  MOST_CALL_ID,
  MOST_CALLS,
  MOST_CERTIFICATES,
  MOST_EXCHANGES,
  OCSP_STATES,
  type ReportedCalls,
  type ReportedCertificate,
  type ServerReport,
} from '#schemas/fleet.ts'
import { decodeSegment, encodeSegment, idText, parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { asInput } from '../../documents/as-input.ts'
import { ofOwner, verified } from '../../documents/verify-document.ts'

const DAY_MS = 86_400_000
const text = plainText(300)

const certificate = record<ReportedCertificate>({
  sha256,
  usage: oneOf(['AUTHENTICATION', 'SIGNING']),
  member: optional(memberId),
  authority: optional(sha256),
  notAfter: isoTime,
  ocsp: oneOf(OCSP_STATES),
  ocspFailure: optional(text),
})

const report: Read<ServerReport> = record<ServerReport>({
  id: uuid,
  createdAt: isoTime,
  signer: memberId,
  server: serverId,
  version: plainText(50),
  configuration: record<ServerReport['configuration']>({
    index: optional(integer(1, Number.MAX_SAFE_INTEGER)),
    fetchedAt: optional(isoTime),
    expiresAt: optional(isoTime),
    failure: optional(text),
  }),
  timeStamping: record<ServerReport['timeStamping']>({
    oldestUnstamped: optional(isoTime),
    failure: optional(text),
  }),
  certificates: unique(list(certificate, 0, MOST_CERTIFICATES), (one) => one.sha256),
  clockErrorMs: optional(integer(-DAY_MS, DAY_MS)),
})

const MAX_REPORT_BYTES = 256 * 1024

const number = integer(0, MOST_EXCHANGES)
const outcomes = { answered: number, failed: number, refused: number }
const day = pattern(/^\d{4}-\d\d-\d\d$/, 'a day, 2026-01-31')

const calls: Read<CallCounts> = record<CallCounts>({
  ...{ id: uuid, createdAt: isoTime, signer: memberId, server: serverId },
  day: (value, at) => isoTime(`${day(value, at)}T00:00:00.000Z`, at).slice(0, 10),
  settled: flag,
  calls: unique(
    list(
      record<ReportedCalls>({
        side: oneOf(['consumer', 'provider'] as const),
        consumer: ofLength((text) => idText(parseClientId(text))),
        service: ofLength(serviceText),
        ...outcomes,
      }),
      0,
      MOST_CALLS,
    ),
    ({ side, consumer, service }) => JSON.stringify([side, consumer, service]),
  ),
  rest: record<CallOutcomes>(outcomes),
})

const MAX_CALLS_BYTES = 512 * 1024

/**
 * Only the owner of a server may report its calls. The day must not be later than the day of the document,
 * and must be over to be settled.
 */
export function verifyCalls(
  bytes: Buffer,
  trust: { configuration: ConfigurationIndex; now: number },
): CallCounts {
  return asInput(() => {
    const document = ofOwner(
      verified(bytes, FLEET_DOCUMENT.calls, calls, { ...trust, maxBytes: MAX_CALLS_BYTES }),
    )
    const today = document.createdAt.slice(0, 10)
    if (document.day > today || (document.settled && document.day === today))
      throw new Fault('invalid_input', { what: say`the day ${document.day} is not over` })
    return document
  })
}

/** Five segments, or six for a SOAP service with a version. */
function serviceText(text: string): string {
  const parts = text.split('/')
  if (parts.length !== 6) return idText(parseServiceId(text))
  const last = parts.pop()!
  return `${idText(parseServiceId(parts.join('/')))}/${encodeSegment(decodeSegment(last))}`
}

function ofLength(canonical: (text: string) => string): Read<string> {
  return (value, at) => {
    if (typeof value === 'string' && value.length <= MOST_CALL_ID) {
      try {
        if (canonical(value) === value) return value
      } catch {
        // The fault is thrown below.
      }
    }
    throw new Fault('invalid_contract', { what: `${at} is no id of at most ${MOST_CALL_ID} characters` })
  }
}

/** Only the owner of a server may report for it. */
export function verifyReport(
  bytes: Buffer,
  trust: { configuration: ConfigurationIndex; now: number },
): ServerReport {
  return asInput(() =>
    ofOwner(verified(bytes, FLEET_DOCUMENT.report, report, { ...trust, maxBytes: MAX_REPORT_BYTES })),
  )
}

/** A text for people, in the form that servers accept. Throws `invalid_input`. */
export function checkMessage(message: string): string {
  return asInput(() => plainText(500)(message, 'message'))
}
