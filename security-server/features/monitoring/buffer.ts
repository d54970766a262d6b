/**
 * Keeps records of exchanges that have ended, in memory, until the job writes them. It never waits and never
 * throws: when the database is away for long the oldest are given up, and counted. What it keeps of an
 * exchange is the line of its record, never a request or a fault.
 */

/** As X-Road's buffer. */
const MOST = 20_000

/** A record as its line. */
export type WaitingRecord = {
  line: string
  /** Of an exchange under a secret contract; where no contract was known, by its members. */
  secret: boolean | readonly [client: string, provider: string]
}

export type RecordBuffer = {
  add(record: WaitingRecord): void
  /** Removes and returns the oldest. */
  take(most: number): WaitingRecord[]
  size(): number
}

export function createRecordBuffer(q: { most?: number; onLost(records: number): void }): RecordBuffer {
  const { most = MOST, onLost } = q
  let held: WaitingRecord[] = []
  return {
    add(record) {
      held.push(record)
      const lost = held.length - most
      if (lost <= 0) return
      // Cut by tenths: to cut one by one would copy the list for each exchange.
      held = held.slice(lost + Math.floor(most / 10))
      onLost(lost + Math.floor(most / 10))
    },
    take(count) {
      const taken = held.slice(0, count)
      held = held.slice(count)
      return taken
    },
    size: () => held.length,
  }
}
