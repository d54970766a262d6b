/**
 * The rows of stored files: one for each file, and one for each of its pieces, by the octet at which the
 * piece begins.
 */
import { type Kysely, sql } from 'kysely'
import { columnTypes } from '#platform/database/dialect.ts'
import {
  type Database,
  inTransaction,
  openDatabase,
  tablesOf,
  type Within,
} from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'

type FileRow = {
  id: string
  /** `removed`: its pieces are being deleted. */
  state: 'begun' | 'complete' | 'removed'
  /**
   * The process that writes it, and without which it is never completed. Null where another one may go on.
   */
  maker: string | null
  /** Octets so far. */
  size: Whole
  sha256: Buffer | null
}

type Tables = { stored_file: FileRow; stored_file_piece: { file: string; start: Whole; sealed: Buffer } }

export type SealedPiece = { start: number; sealed: Buffer }
type PieceName = { file: string; start: number }
export type StoredFileStore = ReturnType<typeof createStoredFileStore>

/** A delete of so many rows ends long before the database's limit for a statement. */
const DROPPED_AT_ONCE = 32

/** The tables of this store, which no backup of a server holds. */
export const STORED_FILE_TABLES = ['stored_file', 'stored_file_piece']

/** Creates the tables, in a migration of the database that has the rows which name the files. */
export async function createStoredFileTables(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  await kysely.schema
    .createTable('stored_file')
    .addColumn('id', type.text, (column) => column.primaryKey())
    .addColumn('state', type.text, (column) => column.notNull())
    .addColumn('maker', type.text)
    .addColumn('size', type.integer, (column) => column.notNull())
    .addColumn('sha256', type.blob)
    .execute()
  await kysely.schema
    .createTable('stored_file_piece')
    .addColumn('file', type.text, (column) => column.notNull())
    .addColumn('start', type.integer, (column) => column.notNull())
    .addColumn('sealed', type.blob, (column) => column.notNull())
    .addPrimaryKeyConstraint('stored_file_piece_key', ['file', 'start'])
    .execute()
}

/** One archive is made at a time, and pieces are read one after the other. */
const CONNECTIONS = 4

/** Connections of one's own to the database, for a thread; the tables are there already. */
export async function openStoredFileStore(
  url: string,
): Promise<{ store: StoredFileStore; close: () => Promise<void> }> {
  const database = await openDatabase(url, { connections: CONNECTIONS })
  return { store: createStoredFileStore(database), close: database.close }
}

export function createStoredFileStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const inside = (within: Within | undefined): Kysely<Tables> =>
    within === undefined ? tables : tablesOf<Tables>({ kysely: within })
  return {
    async begin(id: string, q: { maker: string | null; within?: Within | undefined }): Promise<void> {
      const row = { id, state: 'begun', maker: q.maker, size: 0, sha256: null } as const
      await inside(q.within).insertInto('stored_file').values(row).execute()
    },

    /**
     * Adds the pieces and runs `also`, in one transaction. Returns false, and changes nothing, unless the
     * file is begun and ends with the octet `at`: it was removed, or another process writes it.
     */
    append(q: {
      id: string
      at: number
      size: number
      pieces: SealedPiece[]
      also: (within: Within) => Promise<void>
    }): Promise<boolean> {
      return inTransaction(tables, async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('stored_file')
          .set({ size: q.size })
          .where('id', '=', q.id)
          .where('state', '=', 'begun')
          .where('size', '=', q.at)
          .executeTakeFirst()
        if (numUpdatedRows !== 1n) return false
        for (const piece of q.pieces)
          await transaction
            .insertInto('stored_file_piece')
            .values({ file: q.id, ...piece })
            .execute()
        await q.also(transaction)
        return true
      })
    },

    /**
     * Names size and digest of a file that has all its pieces. Returns false when it is not one that was
     * begun and has this size.
     */
    async complete(id: string, q: { size: number; sha256: Buffer; within: Within }): Promise<boolean> {
      const { numUpdatedRows } = await inside(q.within)
        .updateTable('stored_file')
        .set({ state: 'complete', sha256: q.sha256 })
        .where('id', '=', id)
        .where('state', '=', 'begun')
        .where('size', '=', q.size)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    async get(id: string): Promise<FileRow | undefined> {
      const row = await tables.selectFrom('stored_file').selectAll().where('id', '=', id).executeTakeFirst()
      return row && { ...row, size: Number(row.size) }
    },

    /** The piece in which this octet is, if there is one. */
    async pieceWith(id: string, octet: number): Promise<SealedPiece | undefined> {
      const row = await tables
        .selectFrom('stored_file_piece')
        .select(['start', 'sealed'])
        .where('file', '=', id)
        .where('start', '<=', octet)
        .orderBy('start', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { start: Number(row.start), sealed: row.sealed }
    },

    /**
     * Some pieces from a place on, in the order of their files, each with the beginning of its sealed octets.
     */
    async heads(q: {
      after: PieceName
      octets: number
      most: number
    }): Promise<(PieceName & { head: Buffer })[]> {
      const { file, start } = q.after
      const rows = await tables
        .selectFrom('stored_file_piece')
        .select(['file', 'start', sql<Buffer | null>`substr(sealed, 1, ${sql.lit(q.octets)})`.as('head')])
        .where((row) => row(row.refTuple('file', 'start'), '>', row.tuple(file, start)))
        .orderBy('file')
        .orderBy('start')
        .limit(q.most)
        .execute()
      return rows.map((row) => ({
        file: row.file,
        start: Number(row.start),
        head: Buffer.from(row.head ?? ''),
      }))
    },

    /**
     * Replaces how a piece is sealed, not what it says. Returns false when it does not begin with `head` any
     * more.
     */
    async replaceSealed(q: PieceName & { head: Buffer; sealed: Buffer }): Promise<boolean> {
      const { numUpdatedRows } = await tables
        .updateTable('stored_file_piece')
        .set({ sealed: q.sealed })
        .where('file', '=', q.file)
        .where('start', '=', q.start)
        .where(sql<Buffer>`substr(sealed, 1, ${sql.lit(q.head.length)})`, '=', q.head)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },

    /** Files that only their maker can complete, and those whose pieces are still being deleted. */
    async unfinished(): Promise<{ begun: { id: string; maker: string }[]; removed: string[] }> {
      const rows = await tables
        .selectFrom('stored_file')
        .select(['id', 'state', 'maker'])
        .where('state', '!=', 'complete')
        .execute()
      return {
        begun: rows.flatMap(({ id, state, maker }) =>
          state === 'begun' && maker !== null ? [{ id, maker }] : [],
        ),
        removed: rows.flatMap(({ id, state }) => (state === 'removed' ? [id] : [])),
      }
    },

    /** From now on nobody can write the file. `unlessComplete` leaves one that was completed meanwhile. */
    async markRemoved(id: string, q: { unlessComplete: boolean }): Promise<void> {
      await tables
        .updateTable('stored_file')
        .set({ state: 'removed' })
        .where('id', '=', id)
        .$if(q.unlessComplete, (query) => query.where('state', '!=', 'complete'))
        .execute()
    },

    /**
     * Deletes some pieces of a file that was removed, and with the last of them its row. Returns whether
     * there are more.
     */
    async dropSome(id: string): Promise<boolean> {
      const some = tables
        .selectFrom('stored_file_piece')
        .select('start')
        .where('file', '=', id)
        .orderBy('start')
        .limit(DROPPED_AT_ONCE)
      const { numDeletedRows } = await tables
        .deleteFrom('stored_file_piece')
        .where('file', '=', id)
        .where('start', 'in', some)
        .executeTakeFirst()
      if (numDeletedRows > 0n) return true
      await tables.deleteFrom('stored_file').where('id', '=', id).where('state', '=', 'removed').execute()
      return false
    },
  }
}
