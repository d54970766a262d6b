/** Tables of witnesses' cosignatures, and of contradictions between a witness and this log. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, identity } from '#platform/database/dialect.ts'

export const cosignatures: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer } = columnTypes(kysely)
    await kysely.schema
      .createTable('cosignature')
      .addColumn('size', integer, (column) => column.notNull())
      .addColumn('witness', text, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('line', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('cosignature_pk', ['size', 'witness'] as never[])
      .execute()
    await kysely.schema
      .createIndex('cosignature_witness')
      .on('cosignature')
      .columns(['witness', 'size'])
      .execute()
    await kysely.schema
      .createTable('contradiction')
      .addColumn('id', ...identity(kysely))
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('witness', text, (column) => column.notNull())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('own_note', text, (column) => column.notNull())
      .addColumn('known_note', text, (column) => column.notNull())
      .execute()
  },
}
