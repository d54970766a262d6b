/**
 * Work that can wait, done in small slices between groups: tree tiles, the maintenance of the parts, the
 * low-water mark, old replay keys, new partitions, the counts of a past day.
 */
import { closeDay } from '../daily-counts/close-day.ts'
import type { HotStore } from '../hot-store.ts'
import type { LogDatabase } from '../log-store.ts'
import type { OpenPart } from '../part.ts'
import type { Settled } from '../records/settled.ts'
import type { Writer } from '../records/writer.ts'
import { lowWaterMark } from '../recovery/recover.ts'
import { extendTiles } from '../tree/tiles.ts'
import type { WorkerSetup } from '../worker-api.ts'

type Maintenance = {
  /**
   * Does one slice of each kind of work, on the first `size` records. Resolves to true when there is more to
   * do.
   */
  slice(q: {
    size: number
    now: number
    elapsed: number
    oldestArrival: number | undefined
  }): Promise<boolean>
  /** Runs the maintenance of all parts up to the newest record that is durable. */
  catchUp(): Promise<void>
  markLowWater(): Promise<void>
  /** Call after recovery: from now on the writer knows all open exchanges. */
  recovered(): void
  /**
   * Call when a commit failed, because it may have been done all the same. The mark is not moved until the
   * next recovery.
   */
  unsure(): void
}

const TILES_AT_ONCE = 4
const REPLAY_EVERY_MS = 60_000
const AGAIN_MS = 60_000

export function createMaintenance(q: {
  log: LogDatabase
  store: HotStore
  settled: Pick<Settled, 'sizeNow'>
  writer: Writer
  parts: readonly Pick<OpenPart<object>, 'maintain'>[]
  setup: WorkerSetup
  sizeAtStart: number
}): Maintenance {
  const { log, store, settled, writer, setup } = q
  let hasRecovered = false
  let marked = -1
  let forgotten = Number.NEGATIVE_INFINITY
  let notClosed = Number.NEGATIVE_INFINITY

  const markLowWater = async (): Promise<void> => {
    // Before recovery there may be open intents that this process does not know of.
    if (!hasRecovered) return
    const first = writer.open.keys().next().value
    const mark = first ?? Math.max(writer.size, q.sizeAtStart)
    if (mark === marked) return
    await log.records.setMark(lowWaterMark(setup.node), mark)
    marked = mark
  }
  // A failure to close the day is reported, but retried only after AGAIN_MS and not with every search that
  // waits for the index.
  const close = async (now: number, size: number): Promise<void> => {
    if (now >= notClosed && now - notClosed < AGAIN_MS) return
    notClosed = now
    await closeDay({ log, writer, now, node: setup.node, size })
    notClosed = Number.NEGATIVE_INFINITY
  }
  const maintainParts = async (size: number): Promise<boolean> => {
    let more = false
    for (const part of q.parts) more = ((await part.maintain?.(size)) ?? false) || more
    return more
  }
  return {
    catchUp: async () => {
      const size = await settled.sizeNow()
      while (await maintainParts(size));
    },
    markLowWater,
    recovered: () => {
      hasRecovered = true
    },
    unsure: () => {
      hasRecovered = false
    },
    slice: async ({ size, now, elapsed, oldestArrival }) => {
      const tiles = await extendTiles({
        tree: log.tree,
        records: log.records,
        size,
        limit: TILES_AT_ONCE,
        recent: writer.recent,
      })
      const partsHaveMore = await maintainParts(size)
      let deleted = 0
      if (elapsed - forgotten > REPLAY_EVERY_MS) {
        deleted = await store.forgetReplayKeys({ now, elapsed, oldestArrival })
        if (deleted === 0) forgotten = elapsed
      }
      await store.makeRoom(size)
      const more = tiles === TILES_AT_ONCE || partsHaveMore || deleted > 0
      if (!more) {
        await markLowWater()
        await close(now, size)
      }
      return more
    },
  }
}
