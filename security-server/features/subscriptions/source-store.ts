/** The sources that event types declare for their publishers: each is one publisher's in the whole room. */
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { SourceRow, Tables } from './tables.ts'

export type DeclaredSource = Pick<SourceRow, 'source' | 'publisher'>
export type SourceStore = ReturnType<typeof createSourceStore>

const MAX_SOURCE = 256

export function createSourceStore(database: Database) {
  const tables = tablesOf<Tables>(database)

  return {
    ofType: (type: number): Promise<DeclaredSource[]> =>
      tables
        .selectFrom('room_source')
        .select(['source', 'publisher'])
        .where('type', '=', type)
        .orderBy('source')
        .execute(),
    /** Replaces those of a type. Throws `conflict` for one that the room has for another publisher. */
    declare: (q: { room: string; type: number }, sources: DeclaredSource[]): Promise<void> =>
      inTransaction(tables, (transaction) => declareSources(transaction, q, sources)),
    /** What types of the room declare of this source or of one above it; and all of this type. */
    around: (q: { room: string; type: number }, source: string): Promise<SourceRow[]> =>
      tables
        .selectFrom('room_source')
        .selectAll()
        .where('room', '=', q.room)
        .where((is) => is.or([is('source', 'in', atOrAbove(source)), is('type', '=', q.type)]))
        .execute()
        .then((rows) => rows.map((row) => ({ ...row, type: Number(row.type) }))),
  }
}

/** The same in a transaction that goes on. */
export async function declareSources(
  transaction: Kysely<Tables>,
  q: { room: string; type: number },
  sources: DeclaredSource[],
): Promise<void> {
  // Before anything is removed: of two declarations at once the second one has to see the rows of the first.
  await lockFor(transaction, `sources of room ${q.room}`)
  await transaction.deleteFrom('room_source').where('type', '=', q.type).execute()
  for (const { source, publisher } of sources) {
    const other = await transaction
      .selectFrom('room_source')
      .select('publisher')
      .where('room', '=', q.room)
      .where('source', '=', source)
      .where('publisher', '<>', publisher)
      .limit(1)
      .executeTakeFirst()
    if (other !== undefined)
      throw new Fault('conflict', { what: say`${source} is declared for another publisher of the room` })
    await transaction
      .insertInto('room_source')
      .values({ ...q, source, publisher })
      .execute()
  }
}

/**
 * A source and those above it, by whole segments, as far as one of them could be declared; the root `/` is
 * above all that begin with it.
 */
export function atOrAbove(source: string): string[] {
  const found = new Set(source.length <= MAX_SOURCE ? [source] : [])
  for (let at = source.indexOf('/'); at >= 0 && at <= MAX_SOURCE; at = source.indexOf('/', at + 1))
    found.add(source.slice(0, at) || '/')
  return [...found]
}
