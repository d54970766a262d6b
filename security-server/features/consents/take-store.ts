/**
 * Takes the consents of calls in the database, of many calls in one transaction: its commit costs the same
 * for all. Guarantees that no two calls get what one consent allows: the rows are locked, in one order on all
 * nodes, from before they are read until the calls are counted.
 */
import type { Kysely } from 'kysely'
import { boundLockWaits, isLocked } from '#platform/database/dialect.ts'
import { inTransaction } from '#platform/database/open-database.ts'
import type { ConsentRule } from '#schemas/contract.ts'
import type { CallCounts, ConsentKey, Counted, Held } from './count-calls-store.ts'
import { stretchOf } from './stretches.ts'
import type { ConsentRow, Tables, UseRow } from './tables.ts'
import type { UseWriter } from './write-uses-store.ts'

/** `use` without what the consent says of it. */
export type CallToTake = Pick<ConsentRow, 'person' | 'client' | 'contract' | 'demand'> & {
  frequency: ConsentRule['frequency']
  use: Omit<UseRow, 'number' | 'time'>
}

/**
 * `counted` where a number bounds the calls; none has to be counted before one under another standing
 * consent.
 */
export type TakenRow = Pick<Held, 'number' | 'digest' | 'valid_until'> & { counted?: UseRow }

/**
 * For so long calls wait for a row: another node keeps it for some milliseconds, or has stopped in the
 * middle.
 */
const LOCK_MS = 1000

/**
 * The consent of each call at this time, undefined where none is in force that allows it, or where another
 * node keeps its row too long: the others go on without it. Of two calls with one request id, of which the
 * log takes one, the later gets none.
 */
export async function takeTogether(
  store: { tables: Kysely<Tables>; counts: CallCounts; writer: Pick<UseWriter, 'insertNew'> },
  calls: readonly CallToTake[],
  now: number,
): Promise<(TakenRow | undefined)[]> {
  try {
    return await takeAll(store, calls, { now, skipLocked: false })
  } catch (thrown) {
    if (!isLocked(thrown)) throw thrown
    return await takeAll(store, calls, { now, skipLocked: true })
  }
}

function takeAll(
  { tables, counts, writer }: Parameters<typeof takeTogether>[0],
  calls: readonly CallToTake[],
  { now, skipLocked }: { now: number; skipLocked: boolean },
): Promise<(TakenRow | undefined)[]> {
  const time = new Date(now).toISOString()
  return inTransaction(tables, async (transaction) => {
    await boundLockWaits(transaction, LOCK_MS)
    const keys = calls.map(keyOf)
    const asked = new Map(calls.map((call, at) => [keys[at]!, call]))
    const found = await counts.inForce(transaction, [...asked.values()], { time, skipLocked })
    const rows = new Map(found.map((row) => [keyOf(row), row]))
    const allowed = new Map<string, UseRow>()
    const taken = calls.map((call, at): TakenRow | undefined => {
      const row = rows.get(keys[at]!)
      if (row?.demand !== call.demand) return undefined
      if (!isBounded(row, call)) return row
      const use = { ...call.use, number: row.number, time }
      if (allowed.has(idOf(use)) || !countOne(row, call, now)) return undefined
      allowed.set(idOf(use), use)
      return { ...row, counted: use }
    })
    if (allowed.size === 0) return taken
    const written = await writer.insertNew(transaction, [...allowed.values()])
    const made = Map.groupBy(written, ({ number }) => number)
    const counted = found.flatMap(({ number, stretch }): Counted[] =>
      made.has(number) ? [{ number, stretch, calls: made.get(number)!.length }] : [],
    )
    await counts.count(transaction, counted, time)
    const ids = new Set(written.map(idOf))
    return taken.map((one) => (one?.counted === undefined || ids.has(idOf(one.counted)) ? one : undefined))
  })
}

function isBounded({ kind }: Held, { frequency }: CallToTake): boolean {
  return kind === 'once' || frequency !== undefined
}

/**
 * Counts a call in the row if the consent allows one more: of one-time consents one, of others so many in a
 * stretch of time.
 */
function countOne(row: Held, { frequency }: CallToTake, now: number): boolean {
  const stretch = frequency === undefined ? '' : stretchOf(now, frequency.per)
  if (row.kind === 'once' && row.uses > 0) return false
  // Not in an earlier one: a node whose clock is behind would begin it anew.
  if (row.stretch > stretch && frequency !== undefined) return false
  const before = row.stretch === stretch ? row.stretch_uses : 0
  if (frequency !== undefined && before >= frequency.times) return false
  row.uses += 1
  row.stretch = stretch
  row.stretch_uses = before + 1
  return true
}

/** Neither a name nor the id of a contract has a space. */
function keyOf({ person, client, contract }: ConsentKey): string {
  return `${person} ${contract} ${client}`
}

function idOf({ number, request_id: id }: Pick<UseRow, 'number' | 'request_id'>): string {
  return `${number} ${id}`
}
