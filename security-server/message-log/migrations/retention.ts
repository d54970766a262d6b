/**
 * Tables of retention: classes, the end of each record's content, remainders, legal holds, archives. One
 * migration made both the log's tables for erasing and those of the feature that decides what is erased, so
 * it belongs to the log.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf, identity } from '#platform/database/dialect.ts'

export const retention: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const key = dialectOf(kysely) === 'sqlite' ? 'integer' : 'bigint'
    const { schema } = kysely
    await schema
      .createTable('retention_class')
      .addColumn('id', ...identity(kysely))
      .addColumn('name', text, (column) => column.notNull().unique())
      .addColumn('keep_days', integer)
      .addColumn('at_end', text, (column) => column.notNull())
      .addColumn('archive', text, (column) => column.notNull())
      .execute()
    // Nothing ends by itself until somebody has decided so.
    await sql`insert into retention_class (name, keep_days, at_end, archive)
      values ('default', null, 'PROOF_KEPT', 'NONE')`.execute(kysely)
    await schema
      .createTable('retention_assignment')
      .addColumn('service', text, (column) => column.primaryKey())
      .addColumn('class', integer, (column) => column.notNull())
      .execute()
    await schema
      .createTable('retention')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('class', integer, (column) => column.notNull())
      .addColumn('ends', text)
      .addColumn('stopped_by', integer, (column) => column.notNull())
      .addColumn('archive', integer)
      .execute()
    // With these columns, rows that are stopped by a hold or wait for an archive never come before due rows.
    await schema.createIndex('retention_due').on('retention').columns(['stopped_by', 'ends', 'idx']).execute()
    await schema
      .createTable('legal_hold')
      .addColumn('id', ...identity(kysely))
      .addColumn('case_number', text, (column) => column.notNull())
      .addColumn('reason', text, (column) => column.notNull())
      .addColumn('scope', text, (column) => column.notNull())
      .addColumn('set_by', text, (column) => column.notNull())
      .addColumn('set_at', text, (column) => column.notNull())
      .addColumn('lifted_by', text)
      .addColumn('lifted_at', text)
      .addColumn('lift_reason', text)
      .execute()
    await schema
      .createTable('remainder')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('seed', blob, (column) => column.notNull())
      .addColumn('content', blob, (column) => column.notNull())
      .execute()
    await schema
      .createTable('proof_erasure')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('erasure_idx', integer, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .execute()
    await schema
      .createTable('archive')
      .addColumn('id', ...identity(kysely))
      .addColumn('class', integer, (column) => column.notNull())
      .addColumn('file', text, (column) => column.notNull())
      .addColumn('node', text, (column) => column.notNull())
      // 0: the archive is written and verified, but its file may not have its final name yet. 1: the file has
      // its final name.
      .addColumn('complete', integer, (column) => column.notNull())
      .addColumn('sha256', blob, (column) => column.notNull())
      .addColumn('size', integer, (column) => column.notNull())
      .addColumn('records', text, (column) => column.notNull())
      .addColumn('containers', integer, (column) => column.notNull())
      .addColumn('created_at', text, (column) => column.notNull())
      .addColumn('linking_digest', text, (column) => column.notNull())
      .addColumn('manifest_digest', blob, (column) => column.notNull())
      .execute()
    await schema.createIndex('archive_complete').on('archive').columns(['complete']).execute()
    await schema.createIndex('archive_class').on('archive').columns(['class', 'id']).execute()
    await schema
      .createTable('erased_body_file')
      .addColumn('name', text, (column) => column.primaryKey())
      .execute()
    // Erasing requires that this number has not changed; setting a hold raises it
    // (features/retention/holds/store.ts).
    await sql`insert into mark (name, value) values ('holds', 0)`.execute(kysely)
  },
}
