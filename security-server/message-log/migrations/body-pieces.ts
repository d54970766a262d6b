/**
 * On PostgreSQL, the tables of bodies that lie in the log's database (pieces/). Older versions go on with the
 * log until a node keeps bodies there: from then on they would take those records for damaged.
 */
import { type Kysely, sql } from 'kysely'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'
import { endForOlderVersions, type SchemaChange } from '#platform/database/older-versions.ts'
import type { Database } from '#platform/database/open-database.ts'

export const BODY_PIECES = '2026-12-23-message-log-body-pieces'

export const bodyPieces: SchemaChange = {
  olderVersionsGoOn: true,
  up: async (kysely: Kysely<unknown>) => {
    if (dialectOf(kysely) === 'sqlite') return
    const { text, integer, blob } = columnTypes(kysely)
    await kysely.schema
      .createTable('body_piece')
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('start', integer, (column) => column.notNull())
      .addColumn('octets', blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('body_piece_pk', ['name', 'start'])
      .execute()
    // Ciphertext cannot be made smaller, and a part of a piece is read without the rest.
    await sql`alter table body_piece alter column octets set storage external`.execute(kysely)
    await kysely.schema
      .createTable('body_under_way')
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('node', text, (column) => column.notNull())
      .addColumn('size', integer, (column) => column.notNull())
      .addColumn('given_up', 'integer', (column) => column.notNull())
      .execute()
    await kysely.schema.createIndex('body_under_way_node').on('body_under_way').column('node').execute()
  },
}

/** Call before the first body goes to the database. */
export function beginPieces(
  { kysely }: Pick<Database, 'kysely'>,
  beforeOlderOnesEnd: () => void,
): Promise<void> {
  return endForOlderVersions(kysely, BODY_PIECES, beforeOlderOnesEnd)
}
