/**
 * Bodies that are too large for a record's row are durable in a segment before their records are written, or
 * in the log's database with them. If a segment fails, only the records with such a body are refused. Nothing
 * is written of a request that repeats another: no record would ever refer to it, and whoever may send one
 * message could fill the disk with it.
 */
import { Fault } from '#schemas/fault.ts'
import { LARGEST_IN_ROW } from '../bodies/spool.ts'
import type { PackedRecord } from '../formats/group-format.ts'
import type { HotStore, PieceRow, ReplayKey } from '../hot-store.ts'

export const SEGMENT_GONE = 'another node has deleted the file of a body, because this one stood still'

export type KeptBody = { name: string; dataKey: Buffer }

/** A writer of segments, or what keeps bodies in the database. */
export type BodyKeeper = {
  /**
   * When it returns, the bodies are durable, or are so with the commit of `pieces`. Throws what the system
   * says.
   */
  keep(bodies: Buffer[]): {
    kept: KeptBody[]
    pieces?: PieceRow[]
    /** Whether they are still there, just before the commit. */
    areThere?(): boolean
    /** Call at once when no record will ever refer to them: frees their space. */
    undo(): void
  }
}

type Stored = {
  records: (PackedRecord | Fault)[]
  /** Rows to be written with them. */
  pieces: PieceRow[]
  /** Call just before the commit, under the lock of the head. Throws `logging_failed` when a body is gone. */
  check(): void
  /** Call when none of the records was written: frees the space of their bodies. */
  undo(): void
}

/**
 * The records as they are to be stored; a fault in the place of one that repeats another, or whose body
 * cannot be kept. Throws `logging_failed` when the store does not tell which repeat others.
 */
export async function keepLargerBodies(
  records: PackedRecord[],
  store: Pick<HotStore, 'taken'>,
  keeper: BodyKeeper,
): Promise<Stored> {
  if (!records.some(isLarger)) return { records, pieces: [], check: nothing, undo: nothing }
  const repeated = await repeatedOf(records, store)
  const fresh = records.map((record, position) =>
    repeated.has(position) ? new Fault('replayed_request') : record,
  )
  return keepFresh(fresh, keeper)
}

async function repeatedOf(
  records: PackedRecord[],
  store: Pick<HotStore, 'taken'>,
): Promise<ReadonlySet<number>> {
  const keys = records.flatMap((record, position): ReplayKey[] =>
    record.replayKey === undefined || !isLarger(record)
      ? []
      : [{ position, key: record.replayKey, time: record.head.time }],
  )
  return keys.length === 0 ? new Set() : store.taken(keys)
}

function keepFresh(records: (PackedRecord | Fault)[], keeper: BodyKeeper): Stored {
  const larger = records.filter(isLarger)
  if (larger.length === 0) return { records, pieces: [], check: nothing, undo: nothing }
  try {
    const { kept, pieces = [], areThere, undo } = keeper.keep(larger.map(({ body }) => body!))
    const stored = records.map((record) => {
      if (!isLarger(record)) return record
      const at = larger.indexOf(record)
      const { name, dataKey } = kept[at]!
      const head = { ...record.head, body: { size: record.body!.length, name } }
      return { ...record, head, body: undefined, bodyKey: dataKey }
    })
    const check = (): void => {
      if (areThere?.() === false) throw new Fault('logging_failed', { what: SEGMENT_GONE })
    }
    return { records: stored, pieces, check, undo }
  } catch (cause) {
    const fault = new Fault('logging_failed', { what: 'a body cannot be written', cause })
    return {
      records: records.map((record) => (isLarger(record) ? fault : record)),
      pieces: [],
      check: nothing,
      undo: nothing,
    }
  }
}

function nothing(): void {}

function isLarger(record: PackedRecord | Fault): record is PackedRecord {
  if (record instanceof Fault) return false
  // At other levels no content is stored.
  const { head, body } = record
  return head.logLevel === 'full' && body !== undefined && body.length > LARGEST_IN_ROW
}
