/**
 * The certificates of peers that their CAs said are revoked: kept, so that a restart or another node does not
 * trust them again.
 */
import type { Kysely } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import type { SchemaChange } from '#platform/database/older-versions.ts'
import type { Time } from '#schemas/sent-values.ts'

export type RevocationTables = {
  /** What a CA says by a responder that an instance approves counts for that instance alone. */
  revoked_in_instance: {
    sha256: string
    instance: string
    der: Buffer
    /** The `thisUpdate` of the answer: only a newer one can say that the certificate is good again. */
    since: Time
    not_after: Time
  }
}

export const revocationMigrations: Record<string, SchemaChange> = {
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
  'security-server-revocations-002': {
    // Older versions go on with their own table, which nothing reads any more once they are gone.
    olderVersionsGoOn: true,
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('revoked_in_instance')
        .addColumn('sha256', type.text, (column) => column.notNull())
        .addColumn('instance', type.text, (column) => column.notNull())
        .addColumn('der', type.blob, (column) => column.notNull())
        .addColumn('since', type.text, (column) => column.notNull())
        .addColumn('not_after', type.text, (column) => column.notNull())
        .addPrimaryKeyConstraint('revoked_in_instance_key', ['instance', 'sha256'])
        .execute()
      const columns = ['sha256', 'instance', 'der', 'since', 'not_after'] as const
      const tables = kysely as Kysely<
        RevocationTables & { revoked_certificate: RevocationTables['revoked_in_instance'] }
      >
      await tables
        .insertInto('revoked_in_instance')
        .columns(columns)
        .expression(tables.selectFrom('revoked_certificate').select(columns))
        .execute()
    },
  },
}
