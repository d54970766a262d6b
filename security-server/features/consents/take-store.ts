/**
 * Takes the consents of calls in the database, of many calls in one transaction: its commit costs the same for all. Guarantees that no two calls
 * get what one consent allows: the rows are locked, in one order on all nodes, from before they are read until the calls are counted.
 */
import { type Kysely, sql } from 'kysely'
import { boundLockWaits, dialectOf, isLocked } from '#platform/database/dialect.ts'
import { inTransaction } from '#platform/database/open-database.ts'
import type { ConsentRule } from '#schemas/contract.ts'
import { stretchOf } from './stretches.ts'
import type { ConsentRow, Tables, UseRow } from './tables.ts'
import type { UseWriter } from './write-uses-store.ts'

/** `use` without what the consent says of it. */
export type CallToTake = Pick<ConsentRow, 'person' | 'client' | 'contract' | 'demand'> & {
  frequency: ConsentRule['frequency']
  use: Omit<UseRow, 'number' | 'time'>
}

type Row = Pick<ConsentRow, 'number' | 'person' | 'client' | 'contract' | 'demand' | 'kind' | 'valid_until'> &
  Pick<ConsentRow, 'digest' | 'uses' | 'stretch' | 'stretch_uses'>

/** `counted` where a number bounds the calls; none has to be counted before one under another standing consent. */
export type TakenRow = Pick<Row, 'number' | 'digest' | 'valid_until'> & { counted?: UseRow }

/** For so long calls wait for a row: another node keeps it for some milliseconds, or has stopped in the middle. */
const LOCK_MS = 1000

/**
 * The consent of each call at this time, undefined where none is in force that allows it, or where another node keeps its row too long: the
 * others go on without it. Of two calls with one request id, of which the log takes one, the later gets none.
 */
export async function takeTogether(
  store: { tables: Kysely<Tables>; writer: Pick<UseWriter, 'insertNew'> },
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
  { tables, writer }: Parameters<typeof takeTogether>[0],
  calls: readonly CallToTake[],
  { now, skipLocked }: { now: number; skipLocked: boolean },
): Promise<(TakenRow | undefined)[]> {
  const time = new Date(now).toISOString()
  return inTransaction(tables, async (transaction) => {
    await boundLockWaits(transaction, LOCK_MS)
    const found = await inForce(transaction, calls, { time, skipLocked })
    const rows = new Map(found.map((row) => [keyOf(row), row]))
    const allowed = new Map<string, { row: Row; use: UseRow }>()
    const taken = calls.map((call): TakenRow | undefined => {
      const row = rows.get(keyOf(call))
      if (row?.demand !== call.demand) return undefined
      if (!isBounded(row, call)) return row
      const use = { ...call.use, number: row.number, time }
      if (allowed.has(idOf(use)) || !countOne(row, call, now)) return undefined
      allowed.set(idOf(use), { row, use })
      return { ...row, counted: use }
    })
    if (allowed.size === 0) return taken
    const uses = [...allowed.values()].map(({ use }) => use)
    const written = new Set((await writer.insertNew(transaction, uses)).map(idOf))
    for (const [id, { row }] of allowed)
      if (!written.has(id)) {
        row.uses -= 1
        row.stretch_uses -= 1
      }
    const counted = new Set([...allowed.values()].map(({ row }) => row))
    await count(transaction, [...counted], time)
    return taken.map((one) =>
      one?.counted === undefined || written.has(idOf(one.counted)) ? one : undefined,
    )
  })
}

/** At most one of each person, client and contract: a newer consent has ended the one before. */
async function inForce(
  transaction: Kysely<Tables>,
  calls: readonly CallToTake[],
  { time, skipLocked }: { time: string; skipLocked: boolean },
): Promise<Row[]> {
  const keys = new Map(calls.map((call) => [keyOf(call), call]))
  const values = [...keys.values()].map(
    ({ person, client, contract }) => sql`(${person}, ${client}, ${contract})`,
  )
  let query = transaction
    .selectFrom('consent')
    .select(['number', 'person', 'client', 'contract', 'demand', 'kind', 'valid_until', 'digest'])
    .select(['uses', 'stretch', 'stretch_uses'])
    .where('withdrawn_at', 'is', null)
    .where('valid_until', '>', time)
    .where(sql<boolean>`("person", "client", "contract") in (values ${sql.join(values)})`)
    .orderBy('number')
  if (dialectOf(transaction) === 'postgresql') query = query.forUpdate()
  if (skipLocked) query = query.skipLocked()
  const rows = await query.execute()
  return rows.map((row) => ({ ...row, uses: Number(row.uses), stretch_uses: Number(row.stretch_uses) }))
}

function isBounded({ kind }: Row, { frequency }: CallToTake): boolean {
  return kind === 'once' || frequency !== undefined
}

/** Counts a call in the row if the consent allows one more: of one-time consents one, of others so many in a stretch of time. */
function countOne(row: Row, { frequency }: CallToTake, now: number): boolean {
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

/** One statement for all that are alike, as one-time consents are. */
async function count(transaction: Kysely<Tables>, rows: Row[], time: string): Promise<void> {
  const alike = Map.groupBy(rows, ({ uses, stretch, stretch_uses: inIt }) => `${uses} ${stretch} ${inIt}`)
  for (const same of alike.values()) {
    const { uses, stretch, stretch_uses } = same[0]!
    const numbers = same.map(({ number }) => number)
    await transaction
      .updateTable('consent')
      .set({ uses, stretch, stretch_uses, last_use: time })
      .where('number', 'in', numbers)
      .execute()
  }
}

function keyOf({ person, client, contract }: Pick<ConsentRow, 'person' | 'client' | 'contract'>): string {
  return JSON.stringify([person, client, contract])
}

function idOf({ number, request_id: id }: Pick<UseRow, 'number' | 'request_id'>): string {
  return `${number} ${id}`
}
