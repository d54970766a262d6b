/**
 * Rows of nodes and of secrets to join. All times are those of the database's clock, so that a node with a
 * wrong clock decides nothing.
 */
import { databaseTime } from '#platform/database/dialect.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { JoinSecretRow, NodeRow, NodeSettingsRow, NodeTables } from './migrations.ts'
import { isLive } from './told.ts'

/** After every time of the database as a text. */
const EVER = '9'
const KEEP_MS = 7 * 86_400_000

export type NodeStore = ReturnType<typeof createNodeStore>

export function createNodeStore(database: Database) {
  const tables = tablesOf<NodeTables>(database)
  const now = (): Promise<number> => databaseTime(database.kysely)
  return {
    now,
    /** The processes that live (`instance`), by the database's clock. */
    async living(): Promise<Set<string>> {
      const [rows, at] = [await tables.selectFrom('node').selectAll().execute(), await now()]
      return new Set(rows.filter((row) => isLive(row, at)).map(({ instance }) => instance))
    },
    /** The names of nodes that are there: they have not left and, where `asLive`, live now. */
    async present({ asLive }: { asLive: boolean }): Promise<Set<string>> {
      const [rows, at] = [await tables.selectFrom('node').selectAll().execute(), await now()]
      const there = rows.filter((row) => row.left_at === null && (!asLive || isLive(row, at)))
      return new Set(there.map(({ name }) => name))
    },
    /** The names of nodes that have left: no process ever has them again. */
    async left(): Promise<Set<string>> {
      const rows = tables.selectFrom('node').select('name').where('left_at', 'is not', null)
      return new Set((await rows.execute()).map(({ name }) => name))
    },
    list: (): Promise<NodeRow[]> => tables.selectFrom('node').selectAll().orderBy('name').execute(),
    get: (name: string): Promise<NodeRow | undefined> =>
      tables.selectFrom('node').selectAll().where('name', '=', name).executeTakeFirst(),
    /**
     * From now on the name is this process's. Returns false when the node has left, and when a process
     * elsewhere than in `place` was seen since `unseenSince`.
     */
    async claim(
      row: Pick<NodeRow, 'name' | 'instance' | 'version' | 'started_at' | 'told'>,
      q: { place: string; unseenSince: string | undefined },
    ): Promise<boolean> {
      const { name, ...begun } = row
      const values = { ...begun, seen_at: begun.started_at }
      const claimed = await tables
        .insertInto('node')
        .values({ name, ...values, cloned_at: null, left_at: null })
        .onConflict((conflict) =>
          conflict
            .column('name')
            .doUpdateSet(values)
            .where('node.left_at', 'is', null)
            .where((row) =>
              row.or([
                row('node.instance', 'like', `${q.place}.%`),
                row('node.seen_at', '<', q.unseenSince ?? EVER),
              ]),
            ),
        )
        .returning('name')
        .executeTakeFirst()
      return claimed !== undefined
    },
    /** Returns false when the name is not this process's any more. */
    async beat(q: Pick<NodeRow, 'name' | 'instance' | 'told'> & { at: string }): Promise<boolean> {
      const beaten = await tables
        .updateTable('node')
        .set({ seen_at: q.at, told: q.told })
        .where('name', '=', q.name)
        .where('instance', '=', q.instance)
        .where('left_at', 'is', null)
        .returning('name')
        .executeTakeFirst()
      return beaten !== undefined
    },
    /** Of a process that was never at work: its name is free again. */
    async forget(q: Pick<NodeRow, 'name' | 'instance'>): Promise<void> {
      const row = tables.deleteFrom('node').where('name', '=', q.name).where('instance', '=', q.instance)
      await row.execute()
    },
    /** What this node says of its settings from now on. */
    async tellSettings({ name, ...told }: NodeSettingsRow): Promise<void> {
      await tables
        .insertInto('node_settings')
        .values({ name, ...told })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(told))
        .execute()
    },
    settings: (): Promise<NodeSettingsRow[]> => tables.selectFrom('node_settings').selectAll().execute(),
    async noteClone(name: string, at: string): Promise<void> {
      await tables.updateTable('node').set({ cloned_at: at }).where('name', '=', name).execute()
    },
    /** Returns false when it was seen since, or has left already. */
    async leave(name: string, q: { at: string; unseenSince: string }): Promise<boolean> {
      const left = await tables
        .updateTable('node')
        .set({ left_at: q.at })
        .where('name', '=', name)
        .where('seen_at', '<', q.unseenSince)
        .where('left_at', 'is', null)
        .returning('name')
        .executeTakeFirst()
      if (left === undefined) return false
      await tables.deleteFrom('node_settings').where('name', '=', name).execute()
      return true
    },
    async addSecret(row: Omit<JoinSecretRow, 'shown_at' | 'used_at'>): Promise<void> {
      const old = new Date((await now()) - KEEP_MS).toISOString()
      await tables.deleteFrom('join_secret').where('expires_at', '<', old).execute()
      await tables
        .insertInto('join_secret')
        .values({ ...row, shown_at: null, used_at: null })
        .execute()
    },
    secret: (id: string): Promise<JoinSecretRow | undefined> =>
      tables.selectFrom('join_secret').selectAll().where('id', '=', id).executeTakeFirst(),
    /** Marks it, once and while it is valid; returns false otherwise. */
    async mark(id: string, as: 'shown_at' | 'used_at'): Promise<boolean> {
      const at = new Date(await now()).toISOString()
      const marked = await tables
        .updateTable('join_secret')
        // Who gets a copy of the database later finds no used secret in it.
        .set(as === 'used_at' ? { used_at: at, sealed: Buffer.alloc(0) } : { shown_at: at })
        .where('id', '=', id)
        .where(as, 'is', null)
        .where('expires_at', '>', at)
        .returning('id')
        .executeTakeFirst()
      return marked !== undefined
    },
  }
}
