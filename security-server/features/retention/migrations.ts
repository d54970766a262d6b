/** Archives in the log's database: their files, and which of them an archive is. The other tables are older, and the log's own. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { createStoredFileTables } from '#platform/stored-files/store.ts'

export const retentionMigrations: Record<string, Migration> = {
  '2026-12-21-archives-in-the-database': {
    async up(kysely: Kysely<unknown>) {
      await createStoredFileTables(kysely)
      await kysely.schema.alterTable('archive').addColumn('stored', columnTypes(kysely).text).execute()
    },
  },
}
