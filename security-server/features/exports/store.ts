/** Rows of exports: what was ordered by whom, how far it is, and until when its file is kept. */
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'

export type ExportRow = {
  id: string
  node: string
  ordered_by_id: string
  ordered_by_name: string
  ordered_at: string
  format: string
  filter: string
  /** What of the log it may show: that of who ordered it. */
  clearance: number
  case_number: string | null
  reason: string | null
  state: string
  checkpoint: string
  size: number
  erased: number
  next_idx: number
  records: number
  bytes: number
  error: string | null
  ended_at: string | null
  expires_at: string
}

type Tables = { record_export: ExportRow }

export type ExportStore = ReturnType<typeof createExportStore>

const MAX_LISTED = 200

export function createExportStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /** Adds the row and, together with it, what `also` does. */
    add: (row: ExportRow, also: (within: Within) => Promise<void>): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
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
    count: async (): Promise<{ all: number; unfinished: number }> => {
      const rows = await kysely.selectFrom('record_export').select('state').execute()
      return {
        all: rows.length,
        unfinished: rows.filter(({ state }) => state === 'waiting' || state === 'running').length,
      }
    },
    /** False when the row is gone: somebody has deleted the export meanwhile. */
    update: async (id: string, facts: Partial<ExportRow>): Promise<boolean> => {
      const update = kysely.updateTable('record_export').set(facts).where('id', '=', id)
      return (await update.executeTakeFirst()).numUpdatedRows === 1n
    },
    delete: async (id: string): Promise<boolean> => {
      const row = kysely.deleteFrom('record_export').where('id', '=', id)
      return (await row.executeTakeFirst()).numDeletedRows === 1n
    },
    ofNode: (node: string): Promise<ExportRow[]> =>
      kysely.selectFrom('record_export').selectAll().where('node', '=', node).execute(),
  }
}
