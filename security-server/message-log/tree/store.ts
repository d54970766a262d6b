/** Tiles and checkpoints. Tiles are derived from the leaves; a checkpoint, once stored, never changes. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { Tables } from '../tables.ts'

export type StoredCheckpoint = { size: Whole; root: Buffer; time: string; note: string }

export type TreeStore = ReturnType<typeof createTreeStore>

export function createTreeStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    tile: async (level: number, number: number): Promise<Buffer | undefined> => {
      const row = await kysely
        .selectFrom('tile')
        .select('hashes')
        .where('level', '=', level)
        .where('number', '=', number)
        .executeTakeFirst()
      return row?.hashes
    },

    /** Writes tiles and the number of complete tiles of level 0, in one transaction. */
    putTiles: (tiles: Tables['tile'][], complete: number): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        for (const tile of tiles) {
          await transaction
            .insertInto('tile')
            .values(tile)
            .onConflict((conflict) =>
              conflict.columns(['level', 'number']).doUpdateSet({ hashes: tile.hashes }),
            )
            .execute()
        }
        await transaction
          .insertInto('mark')
          .values({ name: 'tiles', value: complete })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: complete }))
          .execute()
      }),

    /** A second checkpoint of the same size is ignored. */
    putCheckpoint: async (checkpoint: StoredCheckpoint): Promise<void> => {
      await kysely
        .insertInto('checkpoint')
        .values(checkpoint)
        .onConflict((conflict) => conflict.column('size').doNothing())
        .execute()
    },

    newestCheckpoint: (): Promise<StoredCheckpoint | undefined> =>
      kysely.selectFrom('checkpoint').selectAll().orderBy('size', 'desc').limit(1).executeTakeFirst(),

    checkpointOf: (size: number): Promise<StoredCheckpoint | undefined> =>
      kysely.selectFrom('checkpoint').selectAll().where('size', '=', size).executeTakeFirst(),

    /** Newest first. */
    newestCheckpoints: (limit: number): Promise<StoredCheckpoint[]> =>
      kysely.selectFrom('checkpoint').selectAll().orderBy('size', 'desc').limit(limit).execute(),

    /** Checkpoints of more than `size` leaves, in order. */
    checkpointsAfter: (size: number, limit: number): Promise<StoredCheckpoint[]> =>
      kysely
        .selectFrom('checkpoint')
        .selectAll()
        .where('size', '>', size)
        .orderBy('size')
        .limit(limit)
        .execute(),
  }
}
