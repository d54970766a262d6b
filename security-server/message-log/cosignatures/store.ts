/** The cosignatures of checkpoints, and contradictions. A stored cosignature never changes. */
import { byteOrder } from '#platform/database/dialect.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Contradiction, Tables } from '../tables.ts'
import type { StoredCheckpoint } from '../tree/store.ts'

export type StoredCosignature = Tables['cosignature']

/** The largest size that a witness cosigned. */
export type CosignedSize = { witness: string; size: number; time: string }

export type CosignatureStore = ReturnType<typeof createCosignatureStore>

/** A tree head that somebody cosigned, with the names of who did. */
export type CosignedHead = { size: number; witnesses: string[] }

/** How many tree heads that somebody cosigned are read at once. */
const HEADS_AT_ONCE = 128
/** How many checkpoints that cover a record are compared to find the one with the most cosignatures. */
const LOOKED_AT = 32
const MAX_CONTRADICTIONS = 64

export function createCosignatureStore(database: Database) {
  const kysely = tablesOf<Tables>(database)

  const of = (sizes: number[]): Promise<StoredCosignature[]> =>
    sizes.length === 0
      ? Promise.resolve([])
      : kysely
          .selectFrom('cosignature')
          .selectAll()
          .where('size', 'in', sizes)
          .orderBy('size')
          .orderBy('witness')
          .execute()

  return {
    of,

    /** Those after `last`, ordered by size and name. */
    after: (last: { size: number; witness: string }, limit: number): Promise<StoredCosignature[]> =>
      kysely
        .selectFrom('cosignature')
        .selectAll()
        .where(({ or, and, eb }) =>
          or([
            eb('size', '>', last.size),
            and([eb('size', '=', last.size), eb(byteOrder(kysely, 'witness'), '>', last.witness)]),
          ]),
        )
        .orderBy('size')
        .orderBy(byteOrder(kysely, 'witness'))
        .limit(limit)
        .execute(),

    /** Those among these tree heads, in their order, that somebody cosigned. */
    headsAmong: async (sizes: number[]): Promise<CosignedHead[]> => {
      const lines = await of(sizes)
      return sizes
        .map((size) => ({
          size,
          witnesses: lines.filter((line) => Number(line.size) === size).map(({ witness }) => witness),
        }))
        .filter(({ witnesses }) => witnesses.length > 0)
    },

    /** Sizes of tree heads between these that somebody cosigned, the newest first. */
    sizesBetween: async (q: { above: number; below: number }): Promise<number[]> => {
      const rows = await kysely
        .selectFrom('cosignature')
        .innerJoin('checkpoint', 'checkpoint.size', 'cosignature.size')
        .select('cosignature.size')
        .distinct()
        .where('cosignature.size', '>', q.above)
        .where('cosignature.size', '<', q.below)
        .orderBy('cosignature.size', 'desc')
        .limit(HEADS_AT_ONCE)
        .execute()
      return rows.map(({ size }) => Number(size))
    },

    put: async (cosignature: StoredCosignature): Promise<void> => {
      await kysely
        .insertInto('cosignature')
        .values(cosignature)
        .onConflict((conflict) => conflict.columns(['size', 'witness']).doNothing())
        .execute()
    },

    /**
     * The largest size that each of these witnesses cosigned; witnesses without a cosignature are left out.
     */
    newest: async (witnesses: string[]): Promise<CosignedSize[]> => {
      const rows = await Promise.all(
        witnesses.map((witness) =>
          kysely
            .selectFrom('cosignature')
            .select(['witness', 'size', 'time'])
            .where('witness', '=', witness)
            .orderBy('size', 'desc')
            .limit(1)
            .executeTakeFirst(),
        ),
      )
      return rows.filter((row) => row !== undefined)
    },

    /** The checkpoint with more than `index` leaves that has the most cosignatures; the newest of several. */
    bestCheckpoint: async (
      index: number,
    ): Promise<(StoredCheckpoint & { cosignatures: StoredCosignature[] }) | undefined> => {
      const checkpoints = await kysely
        .selectFrom('checkpoint')
        .selectAll()
        .where('size', '>', index)
        .orderBy('size', 'desc')
        .limit(LOOKED_AT)
        .execute()
      // While witnesses are away the newest checkpoints have no cosignatures: an older one that covers the
      // record proves more.
      const cosigned = await kysely
        .selectFrom('checkpoint')
        .selectAll()
        .where('size', 'in', (cosignature) =>
          cosignature
            .selectFrom('cosignature')
            .select('size')
            .distinct()
            .where('size', '>', index)
            .orderBy('size', 'desc')
            .limit(LOOKED_AT),
        )
        .where('size', '<', checkpoints.at(-1)?.size ?? 0)
        .orderBy('size', 'desc')
        .execute()
      checkpoints.push(...cosigned)
      const lines = await of(checkpoints.map(({ size }) => size))
      const found = checkpoints.map((one) => ({
        ...one,
        cosignatures: lines.filter(({ size }) => size === one.size),
      }))
      const most = Math.max(...found.map((one) => one.cosignatures.length))
      return found.find((one) => one.cosignatures.length === most)
    },

    /** The checkpoint of this size with its cosignatures. */
    checkpointOf: async (
      size: number,
    ): Promise<(StoredCheckpoint & { cosignatures: StoredCosignature[] }) | undefined> => {
      const found = await kysely
        .selectFrom('checkpoint')
        .selectAll()
        .where('size', '=', size)
        .executeTakeFirst()
      return found && { ...found, cosignatures: await of([size]) }
    },

    /** Newest first, those with fewer than `before` leaves. */
    checkpoints: async (before: number, limit: number) => {
      const rows = await kysely
        .selectFrom('checkpoint')
        .select(['size', 'time'])
        .where('size', '<', before)
        .orderBy('size', 'desc')
        .limit(limit)
        .execute()
      const lines = await of(rows.map(({ size }) => size))
      return rows.map((row) => ({
        ...row,
        witnesses: lines
          .filter(({ size }) => size === row.size)
          .map(({ witness, time }) => ({ witness, time })),
      }))
    },

    /**
     * Resolves to false when the same one is stored already, or so many are stored that another would add
     * nothing.
     */
    putContradiction: async (found: Omit<Contradiction, 'id'>): Promise<boolean> => {
      const known = await kysely
        .selectFrom('contradiction')
        .select(['witness', 'kind', 'known_note'])
        .execute()
      const isKnown = known.some(
        (one) =>
          one.witness === found.witness && one.kind === found.kind && one.known_note === found.known_note,
      )
      if (isKnown || known.length >= MAX_CONTRADICTIONS) return false
      await kysely.insertInto('contradiction').values(found).execute()
      return true
    },
    contradictions: (): Promise<Contradiction[]> =>
      kysely.selectFrom('contradiction').selectAll().orderBy('id').execute(),
  }
}

/** The note of a checkpoint with the witnesses' lines below the signatures of the log and the member. */
export function withCosignatures(note: string, cosignatures: readonly { line: string }[]): string {
  return `${note}${cosignatures.map(({ line }) => `${line}\n`).join('')}`
}
