/** Stores the exports: who ordered them, how far they are, and until when their files are kept. */
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'

export type ExportRow = {
  id: string
  node: string
  ordered_by_id: string
  ordered_by_name: string
  ordered_at: string
  format: string
  filter: string
  /** The clearance of the person who ordered the export, which limits what it shows. */
  clearance: number
  case_number: string | null
  reason: string | null
  state: string
  checkpoint: string
  size: number
  erased: number
  next_idx: number
  /** When the present run began, and with which index. */
  run_at: string | null
  run_from: number
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
    /** Adds the row and runs `also` in the same transaction. */
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
    /** Returns false when the row no longer exists, because somebody deleted the export. */
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
