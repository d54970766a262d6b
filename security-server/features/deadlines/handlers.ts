/**
 * What ends within 60 days and who was told of it, for operators; and the act that sends anew what was
 * refused.
 */

import { thresholdOf } from '#core/mail/threshold.ts'
import { collectFailures } from '#platform/collect-failures.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { kept } from '#schemas/said.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import type { DeadlineRooms } from './rooms.ts'
import type { DeadlineSettings } from './settings.ts'
import type { DeadlineStore } from './store.ts'
import { keyOf, thingsThatEnd } from './things.ts'

const MOST_LETTERS = 200
/** What is looked at where the settings name nobody. */
const UNSET = { backupDays: 3, language: 'en' } as const

export function deadlineHandlers(
  rooms: DeadlineRooms & { store: DeadlineStore; settings: DeadlineSettings | undefined },
): Handlers {
  const { store, settings, clock, node, log } = rooms
  // What fails is logged, and fails the job that writes letters.
  const thingsNow = () => thingsThatEnd(rooms, settings ?? UNSET, collectFailures(log))
  return {
    async getDeadlines() {
      const now = clock()
      const { things, failed } = await thingsNow()
      const passed = things.flatMap((thing) => {
        const threshold = thresholdOf(thing, now)
        return threshold === undefined ? [] : [{ ...thing, threshold }]
      })
      return {
        available: settings !== undefined,
        recipients: settings?.to.length ?? 0,
        failed,
        things: passed
          .toSorted((a, b) => a.ends - b.ends)
          .map((thing) => ({
            ...{ id: keyOf(thing), kind: thing.kind, name: thing.name, of: thing.of },
            ...{ endsAt: new Date(thing.ends).toISOString(), threshold: thing.threshold },
            ...(thing.isOfNode && { node }),
            ...(thing.overdue !== undefined && { overdue: thing.overdue }),
          })),
        // Who they went to is personal data, and stands in the settings.
        letters: (await store.list(MOST_LETTERS)).map((row) => ({
          ...{ kind: row.kind, name: row.name, endsAt: row.ends_at, threshold: wholeNumber(row.threshold) },
          ...{ state: row.state, createdAt: row.created_at, attempts: wholeNumber(row.attempts) },
          ...(row.node !== '' && { node: row.node }),
          ...(row.ended_at !== null && { endedAt: row.ended_at }),
          ...(row.last_error !== null && { error: kept(row.last_error) }),
        })),
      }
    },
    async retryDeadlineLetters() {
      const { things } = await thingsNow()
      return {
        retried: await store.retry({ things: things.map(keyOf), to: settings?.to ?? [], now: clock() }),
      }
    },
  }
}
