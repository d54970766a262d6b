/**
 * Bodies as rows of pieces in the log's database, on PostgreSQL. A row of `body_under_way` is there from the
 * first piece on, until the commit of the record that refers to the body deletes it, or the body is given up.
 * So what no record refers to is always known, with the node that wrote it, and neither side can win unseen
 * by the other: who gives a body up marks that row, and the record's commit needs it unmarked. The row counts
 * the octets of the pieces, each of which is added at the end that its writer knows; the commit needs all of
 * the body: pieces that a standby had not got when it became primary are not missed only when somebody reads.
 */
import { sql } from 'kysely'
import { type Database, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Tables } from '../tables.ts'

/** A part of a stored piece: octets from `start` on. */
type StoredPart = { start: Whole; octets: Buffer }

export type PieceStore = {
  /** Writes the first piece of a body that this node begins. Durable when it resolves, as each piece. */
  begin(q: { name: string; node: string; octets: Buffer }): Promise<void>
  /** Resolves to false, and writes nothing, when the body was given up or does not end at `start`. */
  append(q: { name: string; start: number; octets: Buffer }): Promise<boolean>
  /**
   * What the pieces have of the octets from `start` to `end` (not included), in order; pieces have at most
   * `most` octets.
   */
  read(q: { name: string; start: number; end: number; most: number }): Promise<StoredPart[]>
  /** Deletes a body unless a record refers to it. May be repeated at any point. */
  giveUp(name: string): Promise<void>
  /** Deletes the pieces of a body whose record was erased. May be repeated at any point. */
  erase(name: string): Promise<void>
  /** Names of bodies of a node to which no record refers, in their order. */
  underWay(q: { node: string; after: string; limit: number }): Promise<string[]>
}

/** Deleted in one statement: 64 MiB. A body has up to 40,000 pieces, and a statement five seconds. */
const DELETED_AT_ONCE = 256

/** With connections of its own, which are made when they are needed. */
export async function openPieceStore(url: string): Promise<PieceStore & { close(): Promise<void> }> {
  const database = await openDatabase(url)
  return { ...createPieceStore(database), close: () => database.close() }
}

export function createPieceStore(database: Pick<Database, 'kysely'>): PieceStore {
  const kysely = tablesOf<Tables>(database)
  const erase = async (name: string): Promise<void> => {
    for (;;) {
      const { numAffectedRows = 0n } = await sql`delete from body_piece where name = ${name} and start in
        (select start from body_piece where name = ${name} order by start limit ${DELETED_AT_ONCE})`.execute(
        kysely,
      )
      if (numAffectedRows < DELETED_AT_ONCE) return
    }
  }
  return {
    begin: async ({ name, node, octets }) => {
      await sql`with begun as (insert into body_under_way (name, node, size, given_up)
        values (${name}, ${node}, ${octets.length}, 0) returning name)
        insert into body_piece (name, start, octets) select name, 0, ${octets}::bytea from begun`.execute(
        kysely,
      )
    },
    append: async ({ name, start, octets }) => {
      // The lock orders this and giving up: no piece comes after the others are deleted.
      const { numAffectedRows } = await sql`with longer as (
          update body_under_way set size = size + ${octets.length}::bigint
          where name = ${name} and given_up = 0 and size = ${start}::bigint returning name)
        insert into body_piece (name, start, octets) select name, ${start}::bigint, ${octets}::bytea from longer`.execute(
        kysely,
      )
      return numAffectedRows === 1n
    },
    read: async ({ name, start, end, most }) => {
      // In base64, for what the driver gets by itself is twice as long as the octets.
      const { rows } = await sql<{
        start: number
        text: string
      }>`select greatest(start, ${start}::bigint) as start,
        encode(substring(octets from (greatest(${start}::bigint - start, 0) + 1)::int
          for (${end}::bigint - greatest(start, ${start}::bigint))::int), 'base64') as text
        from body_piece where name = ${name} and start > ${start - most}::bigint and start < ${end}::bigint
        order by body_piece.start`.execute(kysely)
      const parts = rows.map((row) => ({ start: row.start, octets: Buffer.from(row.text, 'base64') }))
      return parts.filter(({ octets }) => octets.length > 0)
    },
    giveUp: async (name) => {
      const { numUpdatedRows } = await kysely
        .updateTable('body_under_way')
        .set({ given_up: 1 })
        .where('name', '=', name)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) return
      await erase(name)
      await kysely.deleteFrom('body_under_way').where('name', '=', name).execute()
    },
    erase,
    underWay: async ({ node, after, limit }) => {
      const rows = await kysely
        .selectFrom('body_under_way')
        .select('name')
        .where('node', '=', node)
        .where('name', '>', after)
        .orderBy('name')
        .limit(limit)
        .execute()
      return rows.map(({ name }) => name)
    },
  }
}
