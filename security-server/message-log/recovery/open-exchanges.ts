/**
 * The exchanges that this process began and has not closed, and the closing records that the log refused. A
 * moment without disk space or database must not leave an exchange open, nor turn a known outcome into an
 * unknown one.
 */
import type { Clock } from '#platform/clock.ts'
import type { RecordInput } from '../record-input.ts'

/** How many signed refusals are kept in memory; further exchanges are closed without theirs. */
const MAX_PROOFS = 256

type OpenExchanges = {
  /** Call when a record is durable under this index. */
  logged(record: RecordInput, index: number): void
  /** Call when the log did not acknowledge a record; the record may be durable all the same. */
  refused(record: RecordInput): void
  /** Call when the log failed: it may have records that were never acknowledged. */
  suspect(): void
  isSuspect(): boolean
  /** Returns the open exchanges. From now on only new failures make the log suspect again. */
  beginCheck(): { underWay: number[]; unclosed: ReadonlyMap<number, RecordInput> }
  /** Call when the exchange that began at this index is closed. */
  closed(index: number): void
}

export function createOpenExchanges(): OpenExchanges {
  const open = new Set<number>()
  const unclosed = new Map<number, RecordInput>()
  // A crash before this start may have left exchanges open.
  let suspect = true
  return {
    logged(record, index) {
      if (record.kind === 'request') open.add(index)
      if (record.answers !== undefined) open.delete(record.answers)
    },
    refused(record) {
      suspect = true
      if (!isClosedLater(record) || record.answers === undefined) return
      const withProof = unclosed.size < MAX_PROOFS
      const bare = { ...record, message: undefined, signature: undefined }
      unclosed.set(record.answers, withProof ? record : bare)
    },
    suspect: () => {
      suspect = true
    },
    isSuspect: () => suspect,
    beginCheck() {
      suspect = false
      return { underWay: [...open], unclosed: new Map(unclosed) }
    },
    closed(index) {
      open.delete(index)
      unclosed.delete(index)
    },
  }
}

/**
 * Whether a record that the log refused is written again, by `closeRest`. After a refused reply the caller
 * writes another closing record.
 */
export function isClosedLater({ answers, kind }: RecordInput): boolean {
  return answers !== undefined && kind !== 'reply'
}

/**
 * Closes open exchanges that are not under way; resolves to their number. Records that the log refuses again
 * are retried the next time.
 */
export async function closeRest(q: {
  exchanges: OpenExchanges
  /**
   * Closes exchanges of unknown outcome. Resolves to their number, and to those exchanges under way that are
   * open on disk.
   */
  recover(underWay: number[]): Promise<{ closed: number; open: number[] }>
  write(record: RecordInput): Promise<unknown>
  clock: Clock
}): Promise<number> {
  const { exchanges, clock } = q
  if (!exchanges.isSuspect()) return 0
  const { underWay, unclosed } = exchanges.beginCheck()
  try {
    const { closed, open } = await q.recover(underWay)
    const stillOpen = new Set(open)
    const written = [...unclosed].map(async ([index, record]) => {
      // A refused record may be durable all the same: it is not written twice.
      if (stillOpen.has(index)) await q.write(closedLate(record, clock()))
      exchanges.closed(index)
    })
    for (const outcome of await Promise.allSettled(written)) {
      if (outcome.status === 'rejected') throw outcome.reason
    }
    return closed + [...unclosed.keys()].filter((index) => stillOpen.has(index)).length
  } catch (thrown) {
    exchanges.suspect()
    throw thrown
  }
}

/**
 * A closing record that is written later. Its `time` is now, because the wait of its signature for a
 * time-stamp is counted from there. The time of the decision is in `extra.decided`.
 */
function closedLate(record: RecordInput, now: number): RecordInput {
  return { ...record, time: new Date(now), extra: { ...record.extra, decided: record.time.toISOString() } }
}
