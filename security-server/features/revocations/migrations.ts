/** The certificates of peers that their CAs said are revoked: kept, so that a restart or another node does not trust them again. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export type RevocationTables = {
  revoked_certificate: {
    sha256: string
    instance: string
    der: Buffer
    /** The `thisUpdate` of the answer: only a newer one can say that the certificate is good again. */
    since: string
    not_after: string
  }
}

export const revocationMigrations: Record<string, Migration> = {
  'revocations-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('revoked_certificate')
        .addColumn('sha256', type.text, (column) => column.primaryKey())
        .addColumn('instance', type.text, (column) => column.notNull())
        .addColumn('der', type.blob, (column) => column.notNull())
        .addColumn('since', type.text, (column) => column.notNull())
        .addColumn('not_after', type.text, (column) => column.notNull())
        .execute()
    },
  },
}
