/** The tables of the message log, first version; docs/message-log-format.md describes them. */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'

/** In SQLite only `integer primary key` is the rowid; any other type would cost a second B-tree. */
function keyType(kysely: Kysely<unknown>): 'integer' | 'bigint' {
  return dialectOf(kysely) === 'sqlite' ? 'integer' : 'bigint'
}

export const first: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const key = keyType(kysely)
    const { schema } = kysely
    await schema
      .createTable('record')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('leaf', blob, (column) => column.notNull())
      .addColumn('form', text, (column) => column.notNull())
      .addColumn('signature_id', integer)
      .addColumn('content', blob, (column) => column.notNull())
      .execute()
    await schema
      .createTable('record_key')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('seed', blob, (column) => column.notNull())
      .execute()
    await schema
      .createTable('signature_document')
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('digest', blob, (column) => column.notNull())
      .addColumn('base', integer)
      .addColumn('document', blob, (column) => column.notNull())
      .execute()
    const replay = schema.createTable('replay_key').addColumn('time', integer, (column) => column.notNull())
    // The embedded store has one writer, which keeps the keys of two windows in memory: one row per group and
    // no index.
    await (dialectOf(kysely) === 'sqlite'
      ? replay.addColumn('prints', blob, (column) => column.notNull())
      : replay.addColumn('key', blob, (column) => column.primaryKey())
    ).execute()
    await schema
      .createTable('body_file')
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('idx', integer, (column) => column.notNull())
      .execute()
    await schema
      .createTable('tree_head')
      .addColumn('id', key, (column) => column.primaryKey())
      .addColumn('size', integer, (column) => column.notNull())
      .addColumn('peaks', blob, (column) => column.notNull())
      .execute()
    await sql`insert into tree_head (id, size, peaks) values (1, 0, ${Buffer.alloc(0)})`.execute(kysely)
    await schema
      .createTable('tile')
      .addColumn('level', integer, (column) => column.notNull())
      .addColumn('number', integer, (column) => column.notNull())
      .addColumn('hashes', blob, (column) => column.notNull())
      .addPrimaryKeyConstraint('tile_pk', ['level', 'number'])
      .execute()
    await schema
      .createTable('checkpoint')
      .addColumn('size', key, (column) => column.primaryKey())
      .addColumn('root', blob, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('note', text, (column) => column.notNull())
      .execute()
    await schema
      .createTable('time_stamp')
      .addColumn('last_id', key, (column) => column.primaryKey())
      .addColumn('first_id', integer, (column) => column.notNull().unique())
      .addColumn('idx', integer, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('digests', blob, (column) => column.notNull())
      .addColumn('hash_chain_result', blob)
      .addColumn('token', blob, (column) => column.notNull())
      .addColumn('evidence', blob, (column) => column.notNull())
      .execute()
    await schema
      .createTable('search')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('kind', text, (column) => column.notNull())
      .addColumn('direction', text, (column) => column.notNull())
      .addColumn('outcome', text, (column) => column.notNull())
      .addColumn('query_id', text, (column) => column.notNull())
      .addColumn('request_id', text, (column) => column.notNull())
      .addColumn('client', text, (column) => column.notNull())
      .addColumn('service', text, (column) => column.notNull())
      .addColumn('peer', text, (column) => column.notNull())
      .addColumn('answers', integer)
      .execute()
    // By block (reading/index/block-store.ts): the index must contain the same expression as the search.
    await sql`create index search_query_id on search ((idx / 32768), query_id)`.execute(kysely)
    await schema
      .createTable('erasure')
      .addColumn('idx', key, (column) => column.primaryKey())
      .addColumn('erasure_idx', integer, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .execute()
    await schema
      .createTable('log_key')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('idx', integer, (column) => column.notNull())
      .addColumn('time', text, (column) => column.notNull())
      .addColumn('checkpoint_key', blob, (column) => column.notNull())
      .execute()
    await schema
      .createTable('mark')
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('value', integer, (column) => column.notNull())
      .execute()
  },
}
