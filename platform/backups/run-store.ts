/** Rows of backups that were made or failed; the files are in a folder of a node. */
import type { Kysely } from 'kysely'
import { columnTypes, identity } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type BackupRow = {
  id: Whole
  /** The name of the file in the node's folder. */
  name: string
  node: string
  /** The person who asked; '' for the daily backup. */
  by: string
  begun_at: Time
  ended_at: Time | null
  state: 'running' | 'made' | 'failed'
  failure: string | null
  bytes: Whole | null
  sha256: string | null
  /** Registry only: the newest configuration in the backup. */
  configuration_index: Whole | null
}

export type BackupRuns = ReturnType<typeof createBackupRuns>
/** `q` is searched in the file name and in the reason of the failure. */
type Filter = { state?: BackupRow['state'] | undefined; q?: string | undefined }

const MOST_ROWS = 2000
const COLUMNS = [
  ...(['id', 'name', 'node', 'by', 'begun_at', 'ended_at'] as const),
  ...(['state', 'failure', 'bytes', 'sha256', 'configuration_index'] as const),
] as const

/** Creates the table, in a migration of the server's own database. */
export async function createBackupTable(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  let backups = kysely.schema.createTable('backup').addColumn('id', ...identity(kysely))
  for (const name of ['name', 'node', 'by', 'begun_at', 'state'])
    backups = backups.addColumn(name, type.text, (column) => column.notNull())
  for (const name of ['ended_at', 'failure', 'sha256']) backups = backups.addColumn(name, type.text)
  for (const name of ['bytes', 'configuration_index']) backups = backups.addColumn(name, type.integer)
  await backups.execute()
}

export function createBackupRuns(database: Database) {
  const tables = tablesOf<{ backup: BackupRow }>(database)
  const rows = () => tables.selectFrom('backup').select(COLUMNS)
  const newest = (state?: 'made') =>
    rows()
      .$if(state !== undefined, (query) => query.where('state', '=', 'made'))
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()

  const where = ({ state, q = '' }: Filter) =>
    tables
      .selectFrom('backup')
      .$if(state !== undefined, (query) => query.where('state', '=', state!))
      .$if(q !== '', (query) =>
        query.where(({ or }) => or([textContains('name', q), textContains('failure', q)])),
      )

  return {
    begin: (row: Pick<BackupRow, 'name' | 'node' | 'by' | 'begun_at'>): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        const none = { ended_at: null, failure: null, bytes: null, sha256: null, configuration_index: null }
        const { id } = await transaction
          .insertInto('backup')
          .values({ ...row, state: 'running', ...none } as BackupRow)
          .returning('id')
          .executeTakeFirstOrThrow()
        await transaction
          .deleteFrom('backup')
          .where('id', '<=', id - MOST_ROWS)
          .execute()
        return id
      }),
    async end(
      id: number,
      end: Pick<BackupRow, 'ended_at' | 'state'> &
        Partial<Pick<BackupRow, 'failure' | 'bytes' | 'sha256' | 'configuration_index'>>,
    ): Promise<void> {
      await tables.updateTable('backup').set(end).where('id', '=', id).execute()
    },
    /** Throws `not_found`. */
    async find(id: number): Promise<BackupRow> {
      const row = await rows().where('id', '=', id).executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`the backup ${id}` })
      return row
    },
    newest: () => newest(),
    oldest: (): Promise<BackupRow | undefined> => rows().orderBy('id').limit(1).executeTakeFirst(),
    newestMade: () => newest('made'),
    /** Newest first. */
    list: ({ offset, limit, ...filter }: Page & Filter): Promise<BackupRow[]> =>
      where(filter).selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (filter: Filter) => counted(where(filter)),
  }
}
