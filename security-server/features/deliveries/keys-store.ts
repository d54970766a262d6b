/**
 * The ids of the keys that nodes seal with: a node that lacks one says so, before messages wait for it
 * unseen.
 */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from './tables.ts'

const BOXES = ['outbox', 'inbox'] as const
const STATES = [
  'accepting',
  'waiting',
  'delivered',
  'done',
  'consumed',
  'dead',
  'abandoned',
  'unconfirmed',
] as const

export type KeyRecords = ReturnType<typeof createKeyRecords>

export function createKeyRecords(database: Database) {
  const tables = tablesOf<Tables>(database)

  const sealedWith = async (id: string, states: readonly string[], most: number): Promise<number> => {
    let rows = 0
    for (const box of BOXES) {
      // A state at a time, so that the index leads straight to them.
      for (const state of states) {
        const { count } = await tables
          .selectFrom((is) =>
            is
              .selectFrom(box as 'outbox')
              .select('position')
              .where('state', '=', state as 'waiting')
              .where('key_id', '=', id)
              .limit(most)
              .as('some'),
          )
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .executeTakeFirstOrThrow()
        rows += Number(count)
      }
    }
    return Math.min(rows, most)
  }
  const list = (): Promise<{ id: string; since: string }[]> =>
    tables.selectFrom('delivery_key').selectAll().orderBy('since').orderBy('id').execute()

  return {
    list,
    sealedWith: (id: string, most: number): Promise<number> => sealedWith(id, STATES, most),
    /** Call when a node seals with this key. */
    note: async (id: string, since: string): Promise<void> => {
      await tables
        .insertInto('delivery_key')
        .values({ id, since })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },
    remove: async (ids: string[]): Promise<void> => {
      await tables.deleteFrom('delivery_key').where('id', 'in', ids).execute()
    },
    /** Other keys than these, under which something waits. */
    missing: async (known: string[]): Promise<string[]> => {
      const missing: string[] = []
      for (const { id } of await list())
        if (!known.includes(id) && (await sealedWith(id, ['waiting'], 1)) > 0) missing.push(id)
      return missing
    },
  }
}
