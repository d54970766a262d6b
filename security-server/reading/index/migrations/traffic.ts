/**
 * Adds hourly counts of records, with which a search for rare records need not read all of them, and an index
 * by request id. Records that an older version indexed are counted here.
 */
import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes, dialectOf } from '#platform/database/dialect.ts'
import { DIMENSIONS, keyOf } from '../../../message-log/daily-counts/dimensions.ts'
import { BLOCK } from '../block-store.ts'
import { HOUR, type TrafficRow } from '../traffic-store.ts'

export const traffic: Migration = {
  up: async (kysely: Kysely<unknown>) => {
    const { text, integer, blob } = columnTypes(kysely)
    const table = DIMENSIONS.reduce(
      (made, name) => made.addColumn(name, text, (column) => column.notNull()),
      kysely.schema
        .createTable('traffic')
        .addColumn('hour', text, (column) => column.notNull())
        .addColumn('key', blob, (column) => column.notNull()),
    )
    const whole = table
      .addColumn('records', integer, (column) => column.notNull())
      .addColumn('first_idx', integer, (column) => column.notNull())
      .addColumn('last_idx', integer, (column) => column.notNull())
      .addPrimaryKeyConstraint('traffic_pk', ['hour', 'key'])
    // Queries read ranges of the primary key with all columns, so the table needs no second tree.
    await (dialectOf(kysely) === 'sqlite' ? whole.modifyEnd(sql`without rowid`) : whole).execute()
    await sql`create index search_request_id on search (${BLOCK}, request_id)`.execute(kysely)
    const columns = sql.join(DIMENSIONS.map((name) => sql.ref(name)))
    const { rows } = await sql<TrafficRow>`select ${HOUR} as hour, ${columns}, count(*) as records,
      min(idx) as first_idx, max(idx) as last_idx from search group by ${HOUR}, ${columns}`.execute(kysely)
    const tables = kysely as Kysely<{ traffic: TrafficRow & { key: Buffer } }>
    for (const row of rows) {
      const counted = { records: Number(row.records), first_idx: Number(row.first_idx) }
      const last_idx = Number(row.last_idx)
      await tables
        .insertInto('traffic')
        .values({ ...row, ...counted, last_idx, key: keyOf(row, createHash('sha256')) })
        .execute()
    }
  },
}
