/** Table of the circumstances of exchanges, each distinct document once; records name it by its hash. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const circumstances: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { blob } = columnTypes(kysely)
    await kysely.schema
      .createTable('circumstances')
      .addColumn('digest', blob, (column) => column.primaryKey())
      .addColumn('document', blob, (column) => column.notNull())
      .execute()
  },
}
