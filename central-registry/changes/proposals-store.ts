/** Rows of proposals. All nodes make their decisions one after the other, each on the row as it is then. */
import type { Kysely, SelectQueryBuilder } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { ProposalRow, RegisterTables } from '../register/tables.ts'
import { aboutPerson } from './rules.ts'
import { counted, type Page, textContains } from './store.ts'

/** A selection of proposals; `waiting` selects those that this person may decide. */
export type View =
  | { view: 'all' }
  | { view: 'mine'; caller: string }
  | { view: 'waiting'; caller: string; operations: string[]; now: string }

export type ProposalStore = ReturnType<typeof createProposalStore>

const COLUMNS = [
  ...([
    'id',
    'operation',
    'target',
    'content',
    'sha256',
    'reason',
    'proposed_at',
    'expires_at',
    'state',
  ] as const),
  ...(['proposer_kind', 'proposer_id', 'proposer_name', 'proposer_maker'] as const),
  ...([
    'decider_id',
    'decider_name',
    'decided_at',
    'decision_reason',
    'finished_at',
    'result',
    'failure',
  ] as const),
] as const

export function createProposalStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)
  const rows = (kysely: Kysely<RegisterTables>) => kysely.selectFrom('proposal').select(COLUMNS)
  const locked = <R>(act: (transaction: Kysely<RegisterTables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      await lockFor(transaction, 'approvals')
      return act(transaction)
    })

  async function find(id: string, kysely = tables): Promise<ProposalRow> {
    const row = await rows(kysely).where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: `the proposal ${id}` })
    return row
  }

  return {
    find: (id: string) => find(id),
    /** Newest first. */
    list: (view: View, { q = '', offset, limit }: Page): Promise<ProposalRow[]> =>
      seen(tables.selectFrom('proposal'), view, q)
        .select(COLUMNS)
        .orderBy('proposed_at', 'desc')
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (view: View, q = ''): Promise<number> => counted(seen(tables.selectFrom('proposal'), view, q)),
    /** Throws `conflict` when the proposer has `most` open ones already. */
    insert: (row: ProposalRow, most: number): Promise<void> =>
      locked(async (transaction) => {
        const open = await transaction
          .selectFrom('proposal')
          .select('id')
          .where('state', '=', 'proposed')
          .where('expires_at', '>', row.proposed_at)
          .where('proposer_id', '=', row.proposer_id)
          .limit(most)
          .execute()
        if (open.length >= most)
          throw new Fault('conflict', { what: `${most} proposals of yours wait already: withdraw some` })
        await transaction.insertInto('proposal').values(row).execute()
      }),
    /** Writes what `decide` returns for the row, before anybody else can read the row. When `decide` throws, nothing changes. */
    decide: (id: string, decide: (row: ProposalRow) => Partial<ProposalRow>): Promise<ProposalRow> =>
      locked(async (transaction) => {
        const row = await find(id, transaction)
        const values = decide(row)
        await transaction.updateTable('proposal').set(values).where('id', '=', id).execute()
        return { ...row, ...values }
      }),
    /** Records how a claimed proposal ended, even when another node has given it up meanwhile. */
    finish: async (
      id: string,
      end: {
        state: 'approved' | 'failed'
        result: string | null
        failure: string | null
        finished_at: string
      },
    ): Promise<void> => {
      await tables
        .updateTable('proposal')
        .set(end)
        .where('id', '=', id)
        .where('state', 'in', ['approved', 'failed'])
        .where('finished_at', 'is', null)
        .execute()
    },
    expire: async (now: string): Promise<void> => {
      await tables
        .updateTable('proposal')
        .set({ state: 'expired' })
        .where('state', '=', 'proposed')
        .where('expires_at', '<=', now)
        .execute()
    },
    /**
     * Marks as failed every proposal that was claimed before `before` and never ended. Returns each of them to one caller only.
     */
    giveUp: (before: string, failure: string): Promise<ProposalRow[]> =>
      tables
        .updateTable('proposal')
        .set({ state: 'failed', failure })
        .where('state', '=', 'approved')
        .where('finished_at', 'is', null)
        .where('decided_at', '<', before)
        .returning(COLUMNS)
        .execute(),
  }
}

type Proposals<R> = SelectQueryBuilder<RegisterTables, 'proposal', R>

/** The rows of a view that contain `q`. */
function seen<R>(query: Proposals<R>, view: View, q: string): Proposals<R> {
  let found = query
  if (view.view === 'mine') found = found.where('proposer_id', '=', view.caller)
  if (view.view === 'waiting') {
    const { caller, operations, now } = view
    found = found
      .where('state', '=', 'proposed')
      .where('expires_at', '>', now)
      .where('operation', 'in', operations)
      .where('proposer_id', '!=', caller)
      .where(({ or, eb }) => or([eb('proposer_maker', 'is', null), eb('proposer_maker', '!=', caller)]))
      .where('content', 'not like', `%${aboutPerson(caller)}%`)
  }
  if (q === '') return found
  const columns = ['operation', 'target', 'reason', 'proposer_name']
  return found.where(({ or, eb }) =>
    or([...columns.map((column) => textContains(column, q)), eb('id', '=', q.toLowerCase())]),
  )
}
