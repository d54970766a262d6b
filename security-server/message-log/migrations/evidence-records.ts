/**
 * Table of evidence records over tree heads. A renewal replaces a row with one that contains the old record.
 */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'

export const evidenceRecords: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, blob } = columnTypes(kysely)
    await kysely.schema
      .createTable('evidence_record')
      .addColumn('size', dialectOf(kysely) === 'sqlite' ? 'integer' : 'bigint', (column) =>
        column.primaryKey(),
      )
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('renew_at', text, (column) => column.notNull())
      .addColumn('record', blob, (column) => column.notNull())
      .addColumn('evidence', blob, (column) => column.notNull())
      .execute()
    await kysely.schema
      .createIndex('evidence_record_renew')
      .on('evidence_record')
      .column('renew_at')
      .execute()
  },
}
