/**
 * Archives in the log's database: their files, and which of them an archive is; what was decided of each
 * content. The other tables are older, and the log's own.
 */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import { createStoredFileTables } from '#platform/stored-files/store.ts'

export const retentionMigrations: Record<string, SchemaChange> = {
  '2026-12-21-archives-in-the-database': {
    // An older version completes or abandons archives that are not complete: those in the database are so
    // from their first commit.
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      await createStoredFileTables(kysely)
      await kysely.schema.alterTable('archive').addColumn('stored', columnTypes(kysely).text).execute()
    },
  },
  '2026-12-24-what-stays-as-decided': {
    // An older version leaves the columns as they are, and reads what stays from the class. So while one
    // runs, nothing is decided again (retention.ts).
    olderVersionsGoOn: true,
    async up(kysely: Kysely<unknown>) {
      const { text } = columnTypes(kysely)
      await kysely.schema.alterTable('retention').addColumn('at_end', text).execute()
      await kysely.schema.alterTable('retention').addColumn('archive_mode', text).execute()
    },
  },
}
