/** Stores the exports: who ordered them, how far they are, and until when their files are kept. */
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'

export type ExportRow = {
  id: Uuid
  /** The node that took the order; it makes the file and has it, unless that is in the database. */
  node: string
  /** The file in the database, which any node makes; null for one in the node's folder. */
  stored: string | null
  ordered_by_id: string
  ordered_by_name: string
  ordered_at: Time
  format: string
  filter: string
  /** The clearance of the person who ordered the export, which limits what it shows. */
  clearance: Whole
  case_number: string | null
  reason: string | null
  state: string
  checkpoint: string
  size: Whole
  erased: Whole
  next_idx: Whole
  /** When the present run began, and with which index. */
  run_at: Time | null
  run_from: Whole
  records: Whole
  bytes: Whole
  error: string | null
  ended_at: Time | null
  expires_at: Time
}

type Tables = { record_export: ExportRow; stored_file: { id: Uuid } }

export type ExportStore = ReturnType<typeof createExportStore>

const MAX_LISTED = 200
const MAX_UNFINISHED = 5
const MAX_KEPT = 50

export function createExportStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /** Adds the row and runs `also` in the same transaction. Throws `conflict` when there are too many. */
    add: (row: ExportRow, also: (within: Within) => Promise<void>): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        // Of two orders at once the second one counts the first.
        await lockFor(transaction, 'record exports')
        const { all, unfinished } = await countIn(transaction)
        if (unfinished >= MAX_UNFINISHED)
          throw new Fault('conflict', {
            what: say`${unfinished} exports are under way: wait for one to end, or delete one`,
          })
        if (all >= MAX_KEPT) throw new Fault('conflict', { what: say`${all} exports are kept: delete one` })
        await transaction.insertInto('record_export').values(row).execute()
        await also(transaction)
      }),
    list: (clearance: number): Promise<ExportRow[]> =>
      kysely
        .selectFrom('record_export')
        .selectAll()
        .where('clearance', '<=', clearance)
        .orderBy('ordered_at', 'desc')
        .orderBy('id')
        .limit(MAX_LISTED)
        .execute(),
    get: (id: string): Promise<ExportRow | undefined> =>
      kysely.selectFrom('record_export').selectAll().where('id', '=', id).executeTakeFirst(),
    count: () => countIn(kysely),
    /** Returns false when the export has ended, or somebody deleted it. */
    update: async (id: string, facts: Partial<ExportRow>): Promise<boolean> => {
      const update = kysely
        .updateTable('record_export')
        .set(facts)
        .where('id', '=', id)
        .where('state', 'in', ['waiting', 'running'])
      return (await update.executeTakeFirst()).numUpdatedRows === 1n
    },
    /** Ends as failed what this node makes in a folder of its own. */
    endOf: async (node: string, facts: { error: string; ended_at: string }): Promise<void> => {
      await kysely
        .updateTable('record_export')
        .set({ ...facts, state: 'failed' })
        .where('node', '=', node)
        .where('stored', 'is', null)
        .where('state', 'in', ['waiting', 'running'])
        .execute()
    },
    /**
     * Notes how far the export is, unless another run has gone on meanwhile, or somebody deleted it: then it
     * returns false. `within` is the transaction that adds what was found up to here.
     */
    advance: async (
      id: string,
      from: number,
      facts: Partial<ExportRow>,
      within: Within = kysely,
    ): Promise<boolean> => {
      const row = tablesOf<Tables>({ kysely: within })
        .updateTable('record_export')
        .set(facts)
        .where('id', '=', id)
        .where('next_idx', '=', from)
        .where('state', '=', 'running')
      return (await row.executeTakeFirst()).numUpdatedRows === 1n
    },

    /** Runs `act` in one transaction. */
    together: (act: (within: Within) => Promise<void>): Promise<void> => inTransaction(kysely, act),

    delete: async (id: string): Promise<boolean> => {
      const row = kysely.deleteFrom('record_export').where('id', '=', id)
      return (await row.executeTakeFirst()).numDeletedRows === 1n
    },
    all: (): Promise<ExportRow[]> => kysely.selectFrom('record_export').selectAll().execute(),

    /** Files in the database that no export means any more. */
    unmeant: async (): Promise<string[]> => {
      const rows = await kysely
        .selectFrom('stored_file')
        .leftJoin('record_export', 'record_export.stored', 'stored_file.id')
        .select('stored_file.id')
        .where('record_export.id', 'is', null)
        .execute()
      return rows.map(({ id }) => id)
    },
  }
}

async function countIn(
  within: ReturnType<typeof tablesOf<Tables>>,
): Promise<{ all: number; unfinished: number }> {
  const rows = await within.selectFrom('record_export').select('state').execute()
  return {
    all: rows.length,
    unfinished: rows.filter(({ state }) => state === 'waiting' || state === 'running').length,
  }
}
