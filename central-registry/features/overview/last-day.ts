/**
 * What administrators did in the last 24 hours, by hour, and what failed meanwhile: jobs, approved proposals
 * and e-mails.
 */

import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Jobs } from '#platform/jobs/create-jobs.ts'
import type { OverviewStore } from './store.ts'

const HOURS = 24
const HOUR_MS = 3_600_000
/** Acts that are counted at once: of a day with more, the newest. */
const MOST_ACTS = 5000
/** Failures of a kind that are counted at once. */
const MOST_FAILURES = 500
/** Failures of a kind that are told one by one. */
const LISTED = 20
const REFUSED = 'loginRefused'

type Hour = { acts: number; refused: number; failed: number }

type Undelivered = { id: number; at: string }

export function lastDayHandlers(q: {
  store: Pick<OverviewStore, 'failedProposals'>
  audit: Pick<AuditLog, 'newest'>
  jobs: Pick<Jobs, 'state'>
  /** The e-mails that were rejected or given up since then, the newest first. */
  undeliveredSince(from: string, limit: number): Promise<Undelivered[]>
  clock: Clock
}): Record<string, OperationHandler> {
  return {
    getLastDay: async () => {
      const end = Math.ceil(q.clock() / HOUR_MS) * HOUR_MS
      const hours = Array.from({ length: HOURS }, (_, at) =>
        new Date(end - (HOURS - at) * HOUR_MS).toISOString(),
      )
      const from = hours[0]!
      const acts = await q.audit.newest(MOST_ACTS)
      // Of a job only its last run is known, whenever that was: what still fails is never left out.
      const jobs = (await q.jobs.state()).filter(({ lastError }) => lastError !== null)
      const proposals = await q.store.failedProposals({ from, limit: MOST_FAILURES })
      const mail = await q.undeliveredSince(from, MOST_FAILURES)

      const counted = new Map<string, Hour>()
      const add = (at: string | null, what: Partial<Hour>): void => {
        if (at === null) return
        const before = counted.get(at.slice(0, 13)) ?? NOTHING
        const [acted, refused, failed] = (['acts', 'refused', 'failed'] as const).map(
          (name) => before[name] + (what[name] ?? 0),
        )
        counted.set(at.slice(0, 13), { acts: acted!, refused: refused!, failed: failed! })
      }
      for (const { at, operation } of acts) add(at, { acts: 1, refused: operation === REFUSED ? 1 : 0 })
      for (const { lastEndedAt } of jobs) add(lastEndedAt, { failed: 1 })
      for (const { decided_at } of proposals) add(decided_at, { failed: 1 })
      for (const { at } of mail) add(at, { failed: 1 })
      return {
        hours: hours.map((at) => ({ at, ...(counted.get(at.slice(0, 13)) ?? NOTHING) })),
        isWhole: acts.length < MOST_ACTS || acts.at(-1)!.at < from,
        failures: {
          jobs: jobs.map(({ kind, lastError, lastEndedAt }) => ({ kind, lastError, lastEndedAt })),
          proposals: proposals.slice(0, LISTED).map(({ id, operation, failure, decided_at }) => ({
            ...{ id, operation, failure, decidedAt: decided_at },
          })),
          mail: mail.length,
        },
      }
    },
  }
}

const NOTHING: Hour = { acts: 0, refused: 0, failed: 0 }
