/**
 * The exchanges that this process has begun and not closed, and the closing records that the log refused: a moment without
 * room or without its database must not leave an exchange open, nor make a known outcome an unknown one.
 */
import type { Clock } from '#platform/clock.ts'
import type { RecordInput } from './record-input.ts'

/** Signed proofs of refusals in memory; what is refused beyond them is closed without its proof. */
const MAX_PROOFS = 256

type OpenExchanges = {
  /** A record is durable under this index. */
  logged(record: RecordInput, index: number): void
  /** The log did not acknowledge a record; it may have it all the same. */
  refused(record: RecordInput): void
  /** The log failed: it may hold what nobody was told of. */
  suspect(): void
  isSuspect(): boolean
  /** From here on only new failures make it suspect again. */
  beginCheck(): { underWay: number[]; unclosed: ReadonlyMap<number, RecordInput> }
  /** The exchange that began at this index is closed. */
  closed(index: number): void
}

export function createOpenExchanges(): OpenExchanges {
  const open = new Set<number>()
  const unclosed = new Map<number, RecordInput>()
  // Before this start a crash may have left anything open.
  let suspect = true
  return {
    logged(record, index) {
      if (record.kind === 'request') open.add(index)
      if (record.answers !== undefined) open.delete(record.answers)
    },
    refused(record) {
      suspect = true
      // A reply that was refused is followed by a record that says what became of its exchange.
      if (record.answers === undefined || record.kind === 'reply') return
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

/** Closes what is open and not under way; says how many. What the log refuses again waits for the next time. */
export async function closeRest(q: {
  exchanges: OpenExchanges
  /** Closes what nobody knows of; says how many, and which of the exchanges under way are open on disk. */
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
      // What was refused may have become durable all the same: it is not written twice.
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
 * A closing record as it is written later. Its time is now, since it is counted from there how long a signature waits for
 * its time-stamp; when it was decided stands beside it.
 */
function closedLate(record: RecordInput, now: number): RecordInput {
  return { ...record, time: new Date(now), extra: { ...record.extra, decided: record.time.toISOString() } }
}
