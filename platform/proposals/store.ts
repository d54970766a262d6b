/** Rows of proposals. All nodes make their decisions one after the other, each on the row as it is then. */
import type { Kysely, SelectQueryBuilder } from 'kysely'
import { columnTypes, lockFor } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'
import { aboutPerson, parametersText } from './rules.ts'

export type ProposalRow = {
  id: Uuid
  operation: string
  target: string
  /** RFC 8785 JSON: see rules.ts. */
  content: string
  sha256: string
  reason: string
  proposer_kind: string
  proposer_id: string
  proposer_name: string
  proposer_maker: string | null
  proposed_at: Time
  expires_at: Time
  state: 'proposed' | 'approved' | 'rejected' | 'withdrawn' | 'expired' | 'failed'
  decider_id: string | null
  decider_name: string | null
  decided_at: Time | null
  decision_reason: string | null
  /** Null until an approved proposal has been carried out. */
  finished_at: Time | null
  result: string | null
  failure: string | null
}

export type ProposalTables = { proposal: ProposalRow }

/** Creates the table, in a migration of the server. */
export async function createProposalTable(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const required = ['operation', 'target', 'content', 'sha256', 'reason', 'proposer_kind', 'proposer_id']
  const later = [
    'proposer_maker',
    'decider_id',
    'decider_name',
    'decided_at',
    'decision_reason',
    'finished_at',
  ]
  let table = kysely.schema
    .createTable('proposal')
    .addColumn('id', type.text, (column) => column.primaryKey())
  for (const name of [...required, 'proposer_name', 'proposed_at', 'expires_at', 'state'])
    table = table.addColumn(name, type.text, (column) => column.notNull())
  for (const name of [...later, 'result', 'failure']) table = table.addColumn(name, type.text)
  await table.execute()
  // Waiting proposals are searched for all the time, while decided ones accumulate.
  const index = (name: string) => kysely.schema.createIndex(`proposal_${name}`).on('proposal')
  await index('state').columns(['state', 'proposed_at']).execute()
  await index('proposer').columns(['proposer_id', 'proposed_at']).execute()
  await index('proposed_at').column('proposed_at').execute()
}

/**
 * A selection of proposals; `waiting` selects those that this person may decide, `only` those of these
 * operations and one's own.
 */
export type View =
  | { view: 'all'; only?: { caller: string; operations: string[] } }
  | { view: 'mine'; caller: string }
  | { view: 'waiting'; caller: string; operations: string[]; now: string }

type Narrowed = { q?: string | undefined; id?: Uuid[] | undefined }
export type ProposalPage = Page & Narrowed

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
  const tables = tablesOf<ProposalTables>(database)
  const rows = (kysely: Kysely<ProposalTables>) => kysely.selectFrom('proposal').select(COLUMNS)
  const locked = <R>(act: (transaction: Kysely<ProposalTables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      await lockFor(transaction, 'approvals')
      return act(transaction)
    })

  async function find(id: string, kysely = tables): Promise<ProposalRow> {
    const row = await rows(kysely).where('id', '=', id).executeTakeFirst()
    if (row === undefined) throw new Fault('not_found', { what: say`the proposal ${id}` })
    return row
  }

  return {
    find: (id: string) => find(id),
    /** Newest first. */
    list: (view: View, { q = '', id, offset, limit }: ProposalPage): Promise<ProposalRow[]> =>
      seen(tables.selectFrom('proposal'), view, { q, id })
        .select(COLUMNS)
        .orderBy('proposed_at', 'desc')
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (view: View, { q = '', id }: Narrowed = {}): Promise<Whole> =>
      counted(seen(tables.selectFrom('proposal'), view, { q, id })),
    /** Whether an open proposal has this operation with these parameters. */
    isProposed: async (
      { operation, params }: { operation: string; params: Record<string, string> },
      now: string,
    ): Promise<boolean> => {
      const row = await tables
        .selectFrom('proposal')
        .select('id')
        .where('state', '=', 'proposed')
        .where('expires_at', '>', now)
        .where('operation', '=', operation)
        .where('content', 'like', `%${parametersText(params)}%`)
        .executeTakeFirst()
      return row !== undefined
    },
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
          throw new Fault('conflict', { what: say`${most} proposals of yours wait already: withdraw some` })
        await transaction.insertInto('proposal').values(row).execute()
      }),
    /**
     * Writes what `decide` returns for the row, before anybody else can read the row. When `decide` throws,
     * nothing changes.
     */
    decide: (
      id: string,
      decide: (row: ProposalRow, within: Within) => Partial<ProposalRow> | Promise<Partial<ProposalRow>>,
    ): Promise<ProposalRow> =>
      locked(async (transaction) => {
        const row = await find(id, transaction)
        const values = await decide(row, transaction)
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
     * Marks as failed every proposal that was claimed before `before` and never ended. Returns each of them
     * to one caller only.
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

type Proposals<R> = SelectQueryBuilder<ProposalTables, 'proposal', R>

/** The rows of a view that contain `q`, and of these ids. */
function seen<R>(query: Proposals<R>, view: View, { q = '', id }: Narrowed): Proposals<R> {
  let found = id === undefined ? query : query.where('id', 'in', id)
  if (view.view === 'all' && view.only !== undefined) {
    const { caller, operations } = view.only
    found = found.where(({ or, eb }) =>
      or([...operations.map((operation) => eb('operation', '=', operation)), eb('proposer_id', '=', caller)]),
    )
  }
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
