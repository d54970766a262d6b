/** Rows of revisions: numbered without gaps under one lock, and never taken away. */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { RevisionTables } from './tables.ts'

export type RevisionRow = RevisionTables['revision']
type NewRevision = Omit<RevisionRow, 'number' | keyof End>
type End = Pick<RevisionRow, 'ended_at' | 'end_sequence' | 'done' | 'waiting' | 'failure'>

const COLUMNS = [
  ...(['number', 'sha256', 'bytes', 'begun_at', 'caller_id', 'caller_name', 'reason'] as const),
  ...(['removes', 'restores', 'audit_sequence', 'ended_at', 'end_sequence'] as const),
  ...(['done', 'waiting', 'failure'] as const),
] as const

const SEARCHED = ['reason', 'caller_name', 'sha256'] as const

/**
 * All are kept for good, so that a key that runs wild must not fill the disk; of one caller, so that it holds
 * up nobody else.
 */
const MOST_A_DAY = 500
const MOST_BYTES_A_DAY = 268_435_456

export type RevisionStore = {
  /**
   * The row with the next number, and its text, in the place of one that differs: nobody can tell what
   * damaged that. Throws `conflict` while one that was begun after `openSince` has not ended: two at a time
   * would undo each other; and when the caller has kept enough since `dayAgo`, for none is ever taken away.
   */
  add(row: NewRevision, content: Buffer, times: { openSince: string; dayAgo: string }): Promise<RevisionRow>
  /** Newest first; `q` is searched in the reason, the name of who applied it and the SHA-256. */
  list(page: Page): Promise<RevisionRow[]>
  count(q?: string): Promise<number>
  find(number: number): Promise<RevisionRow | undefined>
  content(sha256: string): Promise<Buffer | undefined>
  /** False when it had ended before. */
  end(number: number, end: End): Promise<boolean>
}

export function createRevisionStore(database: Database): RevisionStore {
  const tables = tablesOf<RevisionTables>(database)
  const rows = (kysely: Kysely<RevisionTables>) => kysely.selectFrom('revision').select(COLUMNS)
  const having = (q = '') =>
    tables
      .selectFrom('revision')
      .$if(q !== '', (query) =>
        query.where(({ or }) => or(SEARCHED.map((column) => textContains(column, q)))),
      )
  return {
    add: (given, content, { openSince, dayAgo }) =>
      inTransaction(tables, async (transaction) => {
        await lockFor(transaction, 'revision')
        const open = await rows(transaction)
          .where('ended_at', 'is', null)
          .where('begun_at', '>', openSince)
          .executeTakeFirst()
        if (open !== undefined)
          throw new Fault('conflict', {
            what: say`revision ${open.number} is being applied by ${open.caller_name}: try again when it has ended; if it broke off, end it with end-revision ${open.number} --failure`,
          })
        const { found, sum } = await transaction
          .selectFrom('revision')
          .where('begun_at', '>', dayAgo)
          .where('caller_id', '=', given.caller_id)
          .select(({ fn }) => [fn.countAll().as('found'), fn.sum('bytes').as('sum')])
          .executeTakeFirstOrThrow()
        if (Number(found) >= MOST_A_DAY || Number(sum ?? 0) + given.bytes > MOST_BYTES_A_DAY)
          throw new Fault('conflict', {
            what: say`a caller keeps at most ${MOST_A_DAY} revisions and ${MOST_BYTES_A_DAY} bytes of them in 24 hours`,
          })
        const newest = await rows(transaction).orderBy('number', 'desc').limit(1).executeTakeFirst()
        const row = {
          ...{ ...given, number: (newest?.number ?? 0) + 1 },
          ...{ ended_at: null, end_sequence: null, done: null, waiting: null, failure: null },
        }
        await transaction
          .insertInto('revision_content')
          .values({ sha256: given.sha256, content })
          .onConflict((conflict) =>
            conflict
              .column('sha256')
              .doUpdateSet({ content })
              .where('revision_content.content', '<>', content),
          )
          .execute()
        await transaction.insertInto('revision').values(row).execute()
        return row
      }),
    list: ({ q, offset, limit }) =>
      having(q).select(COLUMNS).orderBy('number', 'desc').offset(offset).limit(limit).execute(),
    count: (q) => counted(having(q)),
    find: (number) => rows(tables).where('number', '=', number).executeTakeFirst(),
    content: async (sha256) => {
      const query = tables.selectFrom('revision_content').select('content').where('sha256', '=', sha256)
      return (await query.executeTakeFirst())?.content
    },
    end: async (number, end) => {
      const changed = await tables
        .updateTable('revision')
        .set(end)
        .where('number', '=', number)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return changed.numUpdatedRows > 0n
    },
  }
}
