/** Stores requests to see content. Each is decided at most once. */
import type { SelectQueryBuilder } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type ContentRequest = {
  id: Uuid
  /** `exchange N` (N: index of its first record), `export ID`, `search ID` or `archive N`. */
  target: string
  case_number: string
  reason: string
  asked_by: string
  asked_by_name: string
  asked_at: Time
  state: 'waiting' | 'granted' | 'declined'
  decided_by: string | null
  decided_by_name: string | null
  decided_at: Time | null
  decision_reason: string | null
}
type Decision = Pick<ContentRequest, 'decided_by' | 'decided_by_name' | 'decided_at' | 'decision_reason'> & {
  state: 'granted' | 'declined'
}
export type RequestFilter = { state?: ContentRequest['state'] | undefined; q?: string | undefined }

type Tables = { content_request: ContentRequest }
type Requests<R> = SelectQueryBuilder<Tables, 'content_request', R>

export type ContentRequestStore = ReturnType<typeof createContentRequestStore>

const SEARCHED = ['target', 'case_number', 'reason', 'asked_by_name']

export function createContentRequestStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /**
     * Throws `conflict` when the asker already has the same request waiting, or `most` requests waiting.
     * Requests from before `since` are void and do not count.
     */
    add: (row: ContentRequest, q: { since: string; most: number }): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'content requests')
        const waiting = await transaction
          .selectFrom('content_request')
          .select(['target', 'case_number'])
          .where('asked_by', '=', row.asked_by)
          .where('state', '=', 'waiting')
          .where('asked_at', '>', q.since)
          .limit(q.most)
          .execute()
        if (
          waiting.some(({ target, case_number }) => target === row.target && case_number === row.case_number)
        )
          throw new Fault('conflict', { what: say`you have asked for this already` })
        if (waiting.length >= q.most)
          throw new Fault('conflict', { what: say`${q.most} of your requests wait to be decided` })
        await transaction.insertInto('content_request').values(row).execute()
      }),
    find: (id: string): Promise<ContentRequest | undefined> =>
      tables.selectFrom('content_request').selectAll().where('id', '=', id).executeTakeFirst(),
    /**
     * Returns false when the request was already decided. `check` throws when the decider may not decide any
     * more.
     */
    decide: (id: string, decision: Decision, check: (within: Within) => Promise<void>): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        await check(transaction)
        const { numUpdatedRows } = await transaction
          .updateTable('content_request')
          .set(decision)
          .where('id', '=', id)
          .where('state', '=', 'waiting')
          .executeTakeFirst()
        return numUpdatedRows === 1n
      }),
    /** Whether somebody granted this auditor the content for this case after `since`. */
    isGranted: async (q: { target: string; askedBy: string; caseNumber: string; since: string }) => {
      const row = await tables
        .selectFrom('content_request')
        .select('id')
        .where('target', '=', q.target)
        .where('asked_by', '=', q.askedBy)
        .where('case_number', '=', q.caseNumber)
        .where('state', '=', 'granted')
        .where('decided_at', '>', q.since)
        .executeTakeFirst()
      return row !== undefined
    },
    /** Newest first. */
    list: (filter: RequestFilter & { offset: number; limit: number }): Promise<ContentRequest[]> =>
      narrowed(tables.selectFrom('content_request'), filter)
        .selectAll()
        .orderBy('asked_at', 'desc')
        .orderBy('id')
        .offset(filter.offset)
        .limit(filter.limit)
        .execute(),
    count: (filter: RequestFilter): Promise<Whole> =>
      counted(narrowed(tables.selectFrom('content_request'), filter)),
  }
}

function narrowed<R>(query: Requests<R>, { state, q = '' }: RequestFilter): Requests<R> {
  const ofState = state === undefined ? query : query.where('state', '=', state)
  if (q === '') return ofState
  return ofState.where(({ or }) => or(SEARCHED.map((column) => textContains(column, q))))
}
