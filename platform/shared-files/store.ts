/**
 * The rows of shared files. The counter orders the changes of all nodes: a row has the number of the change
 * that wrote it last.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { type Database, inTransaction, openDatabase, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'

type Tables = {
  shared_file_change: { id: Whole; counter: Whole; epoch: string | null }
  shared_file: { name: string; change: Whole; sealed: Buffer }
}

export type SharedRow = { name: string; change: Whole; sealed: Buffer }

/** The tables of this store, which no backup holds: their content is in the folders of the nodes. */
export const SHARED_FILE_TABLES = ['shared_file', 'shared_file_change']

export const sharedFileMigrations: Record<string, Migration> = {
  'shared-files-001': {
    up: async (kysely: Kysely<unknown>) => {
      const type = columnTypes(kysely)
      await kysely.schema
        .createTable('shared_file_change')
        .addColumn('id', type.integer, (column) => column.primaryKey())
        .addColumn('counter', type.integer, (column) => column.notNull())
        .execute()
      await kysely.schema
        .createTable('shared_file')
        .addColumn('name', type.text, (column) => column.primaryKey())
        .addColumn('change', type.integer, (column) => column.notNull())
        .addColumn('sealed', type.blob, (column) => column.notNull())
        .execute()
    },
  },
  'shared-files-002': {
    up: async (kysely: Kysely<unknown>) => {
      await kysely.schema
        .alterTable('shared_file_change')
        .addColumn('epoch', columnTypes(kysely).text)
        .execute()
    },
  },
}

/** For a command beside the nodes: opens the database, whose tables a node has made. */
export async function openSharedFileStore(
  url: string,
): Promise<{ store: SharedFileStore; close: () => Promise<void> }> {
  const database = await openDatabase(url)
  return { store: createSharedFileStore(database), close: database.close }
}

export type SharedFileStore = ReturnType<typeof createSharedFileStore>

export function createSharedFileStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  const counterIn = async (kysely: Kysely<Tables>): Promise<number> => {
    const row = await kysely
      .selectFrom('shared_file_change')
      .select('counter')
      .where('id', '=', 1)
      .executeTakeFirst()
    return Number(row?.counter ?? 0)
  }
  return {
    /**
     * Random, and made with the first change: numbers of another database mean other changes. Undefined
     * before that.
     */
    async epoch(): Promise<string | undefined> {
      const made = randomBytes(16).toString('hex')
      await tables.updateTable('shared_file_change').set({ epoch: made }).where('epoch', 'is', null).execute()
      const row = await tables
        .selectFrom('shared_file_change')
        .select('epoch')
        .where('id', '=', 1)
        .executeTakeFirst()
      return row?.epoch ?? undefined
    },
    /** The number of the newest change; 0 when nothing was ever shared. */
    counter: () => counterIn(tables),
    /** The rows of changes after this one, the oldest first. */
    async after(change: number): Promise<SharedRow[]> {
      const rows = await tables
        .selectFrom('shared_file')
        .selectAll()
        .where('change', '>', change)
        .orderBy('change')
        .execute()
      return rows.map((row) => ({ ...row, change: Number(row.change) }))
    },
    /**
     * Replaces how a row is sealed, not what it says. Returns false when it is not sealed as `before` any
     * more.
     */
    async replaceSealed(q: { name: string; before: Buffer; sealed: Buffer }): Promise<boolean> {
      const { numUpdatedRows } = await tables
        .updateTable('shared_file')
        .set({ sealed: q.sealed })
        .where('name', '=', q.name)
        .where('sealed', '=', q.before)
        .executeTakeFirst()
      return numUpdatedRows === 1n
    },
    /**
     * Writes one row, if its last change is `known` (0: there is none). Otherwise nothing is written, and it
     * resolves to undefined. Resolves to the number of the change, for which `seal` makes the row's content.
     */
    write(q: { name: string; known: number; seal: (change: number) => Buffer }): Promise<number | undefined> {
      const { name, known, seal } = q
      return inTransaction(tables, async (transaction) => {
        // The lock on this row lets one node change files at a time.
        await transaction
          .insertInto('shared_file_change')
          .values({ id: 1, counter: 0, epoch: randomBytes(16).toString('hex') })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute()
        const { counter } = await transaction
          .updateTable('shared_file_change')
          .set((row) => ({ counter: row('counter', '+', 1) }))
          .where('id', '=', 1)
          .returning('counter')
          .executeTakeFirstOrThrow()
        const change = Number(counter)
        const present = await transaction
          .selectFrom('shared_file')
          .select('change')
          .where('name', '=', name)
          .executeTakeFirst()
        if (Number(present?.change ?? 0) !== known) return undefined
        const row = { change, sealed: seal(change) }
        await transaction
          .insertInto('shared_file')
          .values({ name, ...row })
          .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
          .execute()
        return change
      })
    },
  }
}
