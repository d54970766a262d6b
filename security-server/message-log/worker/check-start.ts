/** Checks before the first record of this start: no record is missing, and the current key is on record. */
import { Fault } from '#schemas/fault.ts'
import type { HotStore } from '../hot-store.ts'
import { checkHighWater, readHighWater, writeHighWater } from '../keys/high-water.ts'
import { type KeyRing, keyRotationRecord } from '../keys/key-ring.ts'
import type { LogDatabase } from '../log-store.ts'
import type { Settled } from '../records/settled.ts'
import type { OwnRecord } from '../records/writer.ts'
import { lowWaterMark } from '../recovery/recover.ts'
import { draftCheckpoint } from '../tree/draft-checkpoint.ts'
import type { WorkerSetup } from '../worker-api.ts'

/**
 * Throws `log_inconsistent` when the tree head does not fit the rows, or the log is shorter than it was: the
 * database was restored or edited. Going on would fork the log.
 */
export async function checkLogIsWhole(log: LogDatabase, size: number, keyFolder: string): Promise<void> {
  const last = await log.records.lastIndex()
  const checkpoint = await log.tree.newestCheckpoint()
  // On PostgreSQL other nodes may have appended after the head was read.
  const isLonger = log.database.dialect === 'sqlite' && last >= size
  if (last < size - 1 || isLonger || (checkpoint?.size ?? 0) > Math.max(size, last + 1)) {
    throw new Fault('log_inconsistent', {
      what: `the tree head says ${size} records, the tables say otherwise`,
    })
  }
  const mark = readHighWater(keyFolder)
  if (mark === undefined) return
  const [stored] = await log.tree.checkpointsAfter(mark.size - 1, 1)
  checkHighWater(keyFolder, mark, size, stored?.size === mark.size ? stored.root : undefined)
}

/**
 * Writes the high-water mark at the very first start: without a mark a lost database would look like a new
 * log.
 */
export async function markBeginning(q: {
  log: LogDatabase
  store: HotStore
  ring: KeyRing
  setup: WorkerSetup
}): Promise<void> {
  const { keyFolder, origin } = q.setup
  if (readHighWater(keyFolder) !== undefined) return
  const first = await draftCheckpoint(q.log, await q.store.head(), origin, q.ring.checkpointKey())
  if (first !== undefined) writeHighWater(keyFolder, first.note)
}

/**
 * A node without a mark has never written to this log, so it has no open exchange. Setting the mark saves the
 * first recovery of a new node from reading everything that others wrote.
 */
export async function markFirstStart(log: LogDatabase, node: string, size: number): Promise<void> {
  const name = lowWaterMark(node)
  if ((await log.records.mark(name)) === undefined) await log.records.setMark(name, size)
}

/** Writes the record of the current key when there is none. */
export async function registerKey(
  log: LogDatabase,
  ring: KeyRing,
  setup: WorkerSetup,
  append: (record: OwnRecord) => Promise<number>,
  settled: Pick<Settled, 'sizeNow'>,
): Promise<void> {
  const id = ring.current().id.toString('hex')
  const isKnown = async () => {
    const size = await settled.sizeNow()
    return (await log.records.logKeys()).some((key) => key.id === id && key.idx < size)
  }
  if (await isKnown()) return
  try {
    await append(keyRotationRecord(ring, setup.now, setup.node))
  } catch (fault) {
    // Another node that starts at the same moment may have written it.
    if (!(await isKnown())) throw fault
  }
}
