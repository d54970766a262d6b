/** Rows of backups, and what a backup holds of the database: every table of one moment, with what a person compares. */

import { newestAuditRow } from '#platform/audit-log/store.ts'
import type { BackupFacts } from '#platform/backups/manifest.ts'
import { migrationsIn } from '#platform/database/dialect-dump.ts'
import { dumpTables } from '#platform/database/dump.ts'
import {
  type Database,
  inSnapshot,
  inTransaction,
  openDatabase,
  tablesOf,
} from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { BackupRow } from '../migrations/backups.ts'
import type { Tables } from '../migrations/tables.ts'
import { counted, type Page, textContains } from '../store.ts'
import { createLogStore } from '../transparency-log/store.ts'

export type BackupStore = ReturnType<typeof createBackupStore>
/** `q` is looked for in the name of the file and in why it failed. */
type Filter = { state?: BackupRow['state'] | undefined; q?: string | undefined }

/** Sessions that ended would be alive again, and a used login could be used twice. */
const WITHOUT = ['session', 'used_login']
const MOST_ROWS = 2000
const COLUMNS = [
  ...(['id', 'name', 'node', 'by', 'begun_at', 'ended_at'] as const),
  ...(['state', 'failure', 'bytes', 'sha256', 'configuration_index'] as const),
] as const

/** `url` is the database's own, for a connection that reads while others write. */
export function createBackupStore(database: Database, url: string) {
  const tables = tablesOf<Tables>(database)
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
    /** Writes all rows of one moment; what the register was then. Nobody who changes something waits for it. */
    async dump(write: (line: string) => Promise<void>): Promise<BackupFacts> {
      // Another connection would open another database.
      const own = url === 'sqlite::memory:' ? undefined : await openDatabase(url)
      try {
        return await inSnapshot((own ?? database).kysely, async (snapshot) => {
          const of = tablesOf<Tables>({ kysely: snapshot })
          const published = await of
            .selectFrom('publication')
            .select(({ fn }) => fn.max('configuration_index').as('index'))
            .executeTakeFirst()
          const list = await of.selectFrom('suspension_list').select('number').executeTakeFirst()
          const head = await createLogStore({ ...database, kysely: snapshot }).head()
          const audit = await newestAuditRow(of)
          return {
            rows: await dumpTables(snapshot, { without: WITHOUT, write }),
            configurationIndex: published?.index ?? 0,
            suspensionList: list?.number ?? 0,
            transparencyLogSize: head?.size ?? 0,
            transparencyLogRoot: head?.root.toString('base64') ?? null,
            auditLogRecords: audit?.sequence ?? 0,
            auditLogDigest: audit?.digest.toString('hex') ?? null,
            migrations: await migrationsIn(snapshot),
          }
        })
      } finally {
        await own?.close()
      }
    },
    begin: (row: Pick<BackupRow, 'name' | 'node' | 'by' | 'begun_at'>): Promise<number> =>
      inTransaction(tables, async (transaction) => {
        const none = { ended_at: null, failure: null, bytes: null, sha256: null, configuration_index: null }
        const { id } = await transaction
          .insertInto('backup')
          .values({ ...row, state: 'running', ...none })
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
    async find(id: number): Promise<BackupRow> {
      const row = await rows().where('id', '=', id).executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: `the backup ${id}` })
      return row
    },
    newest: () => newest(),
    newestMade: () => newest('made'),
    /** Newest first. */
    list: ({ offset, limit, ...filter }: Page & Filter): Promise<BackupRow[]> =>
      where(filter).selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (filter: Filter) => counted(where(filter)),
  }
}
