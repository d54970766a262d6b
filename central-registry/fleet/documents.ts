/** Verifies the report of a security server before anything of it is kept: exactly its fields, signed now by the server's owner; pure. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import {
  integer,
  isoTime,
  list,
  oneOf,
  optional,
  plainText,
  type Read,
  record,
  unique,
} from '#core/contract/fields.ts'
import { memberId, sha256, uuid } from '#core/contract/read-content.ts'
import { serverId } from '#core/contract/verify-seal.ts'
import { Fault } from '#schemas/fault.ts'
import {
  FLEET_DOCUMENT,
  MOST_CERTIFICATES,
  OCSP_STATES,
  type ReportedCertificate,
  type ServerReport,
} from '#schemas/fleet.ts'
import { ofOwner, verified } from '../contracts/documents.ts'

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

export const MAX_REPORT_BYTES = 256 * 1024

/** Only the owner of a server reports for it. */
export function verifyReport(
  bytes: Buffer,
  trust: { configuration: ConfigurationIndex; now: number },
): ServerReport {
  return asInput(() =>
    ofOwner(verified(bytes, FLEET_DOCUMENT.report, report, { ...trust, maxBytes: MAX_REPORT_BYTES })),
  )
}

/** A text that people read, as servers take it. */
export function checkMessage(message: string): string {
  return asInput(() => plainText(500)(message, 'message'))
}

/** The readers of fields were made for contracts, and say so. */
function asInput<R>(read: () => R): R {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'invalid_contract')
      throw new Fault('invalid_input', { what: thrown.what })
    throw thrown
  }
}
