/** Rows of letters: one for each thing, threshold and recipient, kept until a year after the thing's end. */
import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import { DAY_MS } from '#core/mail/threshold.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { whereOver } from '#platform/database/where-over.ts'
import type { DeadlineTables, LetterState } from './migrations.ts'
import { LONGEST_PAUSE_MS, type Thing } from './rules.ts'

export type Letter = Selectable<DeadlineTables['deadline_letter']>
export type DeadlineStore = ReturnType<typeof createDeadlineStore>

/** Longer than any try takes: so long another node leaves a letter to the one that took it. */
const CLAIM_MS = 600_000
const KEPT_MS = 365 * DAY_MS
const GIVE_UP_MS = 30 * DAY_MS
/** No claim is as long as the longest pause. */
const isDueAt = (now: number) => whereOver('next_at', { now: iso(now), longestMs: LONGEST_PAUSE_MS })
const iso = (ms: number): string => new Date(ms).toISOString()

export function createDeadlineStore(database: Database) {
  const tables = tablesOf<DeadlineTables>(database)
  const end = (id: string, state: LetterState, q: { error: string | null; now: number }) =>
    tables
      .updateTable('deadline_letter')
      .set({ state, last_error: q.error, ended_at: iso(q.now) })
      .where('id', '=', id)
      // Another node may have sent it meanwhile.
      .where('state', '=', 'WAITING')
      .execute()

  return {
    /**
     * Makes the letters to those who have none yet; what waits of earlier thresholds is superseded in the
     * same transaction. Nodes that do this at the same time make each letter once.
     */
    write: (
      thing: Thing,
      q: { threshold: number; node: string; to: string[]; now: number },
    ): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        let made = 0
        for (const recipient of q.to) {
          const inserted = await transaction
            .insertInto('deadline_letter')
            .values({
              ...{ thing: thing.id, threshold: q.threshold, recipient, id: randomUUID(), node: q.node },
              ...{ kind: thing.kind, name: thing.name, ends_at: iso(thing.ends), state: 'WAITING' },
              ...{ overdue: thing.overdue ?? null, created_at: iso(q.now), next_at: iso(q.now) },
              ...{ ended_at: null, attempts: 0, last_error: null },
            })
            .onConflict((conflict) =>
              conflict
                .columns(['thing', 'threshold', 'recipient'])
                // What ended the need for a letter may be gone again: a renewal that is late anew, a person
                // who is written to again.
                .doUpdateSet({
                  ...{ state: 'WAITING', ended_at: null, attempts: 0, last_error: null },
                  ...{ overdue: thing.overdue ?? null, created_at: iso(q.now), next_at: iso(q.now) },
                })
                .where('deadline_letter.state', '=', 'SETTLED'),
            )
            .returning('id')
            .executeTakeFirst()
          if (inserted === undefined) continue
          made += 1
          await transaction
            .updateTable('deadline_letter')
            .set({ state: 'SUPERSEDED', ended_at: iso(q.now) })
            .where('thing', '=', thing.id)
            .where('recipient', '=', recipient)
            .where('state', '=', 'WAITING')
            .where('id', '!=', inserted.id)
            .execute()
        }
        return made
      }),
    waiting: (): Promise<Pick<Letter, 'id' | 'thing' | 'node' | 'kind' | 'recipient'>[]> =>
      tables
        .selectFrom('deadline_letter')
        .select(['id', 'thing', 'node', 'kind', 'recipient'])
        .where('state', '=', 'WAITING')
        .execute(),
    async isDue(now: number): Promise<boolean> {
      const row = await tables
        .selectFrom('deadline_letter')
        .select('id')
        .where('state', '=', 'WAITING')
        .where(isDueAt(now))
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
    due: (now: number, limit: number): Promise<Letter[]> =>
      tables
        .selectFrom('deadline_letter')
        .selectAll()
        .where('state', '=', 'WAITING')
        .where(isDueAt(now))
        .orderBy('ends_at')
        .limit(limit)
        .execute(),
    /**
     * Whether this caller sends it: nobody else took it since it was read, and nobody does within ten
     * minutes.
     */
    async claim({ id, next_at }: Pick<Letter, 'id' | 'next_at'>, now: number): Promise<boolean> {
      const { numUpdatedRows } = await tables
        .updateTable('deadline_letter')
        .set(({ eb }) => ({ next_at: iso(now + CLAIM_MS), attempts: eb('attempts', '+', 1) }))
        .where('id', '=', id)
        .where('state', '=', 'WAITING')
        .where('next_at', '=', next_at)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    async tried(id: string, q: { error: string; nextAt: number }): Promise<void> {
      await tables
        .updateTable('deadline_letter')
        .set({ last_error: q.error, next_at: iso(q.nextAt) })
        .where('id', '=', id)
        .where('state', '=', 'WAITING')
        .execute()
    },
    end,
    /**
     * Of what was refused or given up, and of what waits after a failure, the letter of the threshold that
     * passed last waits anew: of these things, to these people. Returns how many.
     */
    async retry({ things, to, now }: { things: string[]; to: string[]; now: number }): Promise<number> {
      const rows = await tables
        .selectFrom('deadline_letter')
        .select(['id', 'thing', 'threshold', 'recipient', 'state', 'last_error'])
        .where('ends_at', '>', iso(now - KEPT_MS))
        .execute()
      const [present, wanted] = [new Set(things), new Set(to)]
      const newest = new Map<string, (typeof rows)[number]>()
      for (const row of rows) {
        const key = JSON.stringify([row.thing, row.recipient])
        const before = newest.get(key)
        if (before === undefined || Number(row.threshold) < Number(before.threshold)) newest.set(key, row)
      }
      let retried = 0
      for (const { id, thing, recipient, state, last_error } of newest.values()) {
        // What is being sent at this moment is left to its sender.
        const isStuck =
          state === 'REFUSED' || state === 'GIVEN_UP' || (state === 'WAITING' && last_error !== null)
        if (!isStuck || !present.has(thing) || !wanted.has(recipient)) continue
        const { numUpdatedRows } = await tables
          .updateTable('deadline_letter')
          .set({ state: 'WAITING', ended_at: null, last_error: null, next_at: iso(now) })
          .where('id', '=', id)
          .where('state', '=', state)
          .executeTakeFirst()
        retried += Number(numUpdatedRows)
      }
      return retried
    },
    /** The newest first. */
    list: (limit: number): Promise<Letter[]> =>
      tables
        .selectFrom('deadline_letter')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('thing')
        .orderBy('recipient')
        .limit(limit)
        .execute(),
    async counts(): Promise<(readonly [LetterState, number])[]> {
      const rows = await tables
        .selectFrom('deadline_letter')
        .select(({ fn }) => ['state', fn.countAll<number>().as('letters')])
        .groupBy('state')
        .execute()
      return rows.map(({ state, letters }) => [state, Number(letters)] as const)
    },
    async forget(now: number): Promise<void> {
      await tables
        .updateTable('deadline_letter')
        .set({ state: 'GIVEN_UP', ended_at: iso(now) })
        .where('state', '=', 'WAITING')
        .where('ends_at', '<', iso(now - GIVE_UP_MS))
        .where('created_at', '<', iso(now - GIVE_UP_MS))
        .execute()
      await tables
        .deleteFrom('deadline_letter')
        .where('state', '!=', 'WAITING')
        .where('ends_at', '<', iso(now - KEPT_MS))
        .execute()
    },
  }
}
