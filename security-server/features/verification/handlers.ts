/** Verifications of the log for auditors: the results of the latest runs, and a new run on request. */

import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { kept } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { StoredReport } from './checks/verify-stored.ts'
import type { Needs } from './needs.ts'
import type { VerificationRow } from './tables.ts'

export function verificationHandlers({ verifications }: Needs): Handlers {
  return {
    getVerifications: async ({ query }) => {
      const filter = query as { before?: number; limit: number; outcome?: string }
      const rows = await verifications.list(filter)
      return rows.map(verificationView)
    },
    startVerification: async ({ body }) => {
      const { full = false } = (body ?? {}) as { full?: boolean }
      return answer(verificationView(await verifications.start({ full })), { status: 202 })
    },
  }
}

function verificationView(row: VerificationRow) {
  return {
    id: wholeNumber(row.id),
    startedAt: row.started_at,
    endedAt: row.ended_at,
    mode: row.mode,
    outcome: row.outcome,
    firstRecord: row.first_record,
    records: row.records,
    reason: kept(row.reason),
    report: row.report === null ? null : reportView(JSON.parse(row.report) as StoredReport),
  }
}

function reportView({ problems, ...report }: StoredReport) {
  return { ...report, problems: problems.map(({ index, what }) => ({ index, what: kept(what) })) }
}
