/**
 * The keys of months: made with the first record of a month, kept unwrapped in memory, destroyed when their
 * time is over.
 */
import { randomBytes } from 'node:crypto'
import { newestPossible, oldestKept } from '#core/subject/months.ts'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { HolderStore, MonthRow } from './store.ts'
import { unwrapKey, type WrappingKey, type WrappingKeys, wrapKey } from './wrapping-keys.ts'

export type MonthState = { month: string; createdAt: string | null; destroyedAt: string | null }

export type MonthKeys = {
  /** The key of a month; it is made when there is none yet, unless the month is in the future. */
  forRecord(month: string): Promise<Buffer | 'destroyed' | 'to_come'>
  /** Whether the month's key was destroyed, or the month is over by the clock. */
  isGone(month: string): boolean
  /** The months that have a key, oldest first. */
  forSearch(): { month: string; key: Buffer }[]
  states(): Promise<MonthState[]>
  /**
   * Destroys the keys whose time is over; returns their months. `before` records them first: when it throws,
   * nothing is destroyed.
   */
  destroyDue(before: (months: string[]) => Promise<unknown>): Promise<string[]>
  /** The months whose time is over by the clock alone. Nobody can search them. */
  waiting(): string[]
}

const KEY = 32

/** Throws `invalid_configuration` when the file of a wrapping key is missing. */
export async function openMonthKeys(q: {
  store: HolderStore
  wrapping: WrappingKeys
  keepMonths: Whole
  clock: Clock
  /** The time by which a month is over for good, which no wrong clock brings forward. */
  proven: Clock
}): Promise<MonthKeys> {
  const { store, wrapping, clock, proven } = q
  const keys = new Map<string, Buffer>()
  const destroyed = new Set<string>()
  const inTurn = createTurn()
  let current = await readAll()

  /** Reads every row into memory; returns the wrapping key files, and the ids of those that are in use. */
  async function readRows(): Promise<{ files: Map<string, WrappingKey>; used: Set<string>; rows: number }> {
    const files = new Map((await wrapping.all()).map((one) => [one.id, one]))
    const used = new Set<string>()
    const rows = await store.months()
    for (const row of rows) {
      const file = takeRow(row, files)
      if (file !== undefined) used.add(file.id)
    }
    return { files, used, rows: rows.length }
  }

  /**
   * Unwraps the key of a row. Returns the wrapping key file that it used; undefined when the key was
   * destroyed.
   */
  function takeRow({ month, wrapping: id, sealed }: MonthRow, files: Map<string, WrappingKey>) {
    if (id === null || sealed === null) {
      keys.delete(month)
      destroyed.add(month)
      return undefined
    }
    const file = files.get(id)
    if (file === undefined)
      throw new Fault('invalid_configuration', {
        what: `the file wrapping-${id}.key, which opens the key of ${month}, is missing in directory`,
      })
    keys.set(month, unwrapKey(file, month, sealed))
    return file
  }

  async function readAll(): Promise<WrappingKey> {
    const { files, used, rows } = await readRows()
    // An empty database may be the wrong one while the files belong to the right one, so nothing is
    // destroyed.
    if (rows === 0) return [...files.values()][0] ?? wrapping.make()
    // A crash during a destruction left a wrapping key that wraps nothing, or nothing any more.
    for (const id of files.keys()) if (!used.has(id)) await wrapping.destroy(id)
    const [id] = used
    return id === undefined ? wrapping.make() : files.get(id)!
  }

  const isOver = (month: string, now = proven): boolean => month < oldestKept(now(), q.keepMonths)

  const isGone = (month: string, now = clock): boolean => destroyed.has(month) || isOver(month, now)

  return {
    isGone: (month) => isGone(month),
    forRecord: (month) =>
      inTurn(async () => {
        // A record that is refused by a wrong clock would never be found again.
        if (isGone(month, proven)) return 'destroyed'
        const known = keys.get(month)
        if (known !== undefined) return known
        if (month > newestPossible(clock())) return 'to_come'
        const key = randomBytes(KEY)
        const row = { month, wrapping: current.id, sealed: wrapKey(current, month, key) }
        const made = { ...row, created_at: new Date(clock()).toISOString(), destroyed_at: null }
        if (await store.addMonth(made)) keys.set(month, key)
        // Another process made the key first: that key is used.
        else await readRows()
        return keys.get(month) ?? 'destroyed'
      }),
    forSearch: () =>
      [...keys]
        .filter(([month]) => !isOver(month, clock))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([month, key]) => ({ month, key })),
    states: async () =>
      (await store.months()).map((row) => ({
        month: row.month,
        createdAt: row.created_at,
        destroyedAt: row.destroyed_at,
      })),
    destroyDue: (before) =>
      inTurn(async () => {
        if (![...keys.keys()].some((month) => isOver(month))) return []
        // Another process may have added a month, whose key must be rewrapped too.
        await readRows()
        const due = [...keys.keys()].filter((month) => isOver(month)).sort()
        if (due.length === 0) return due
        await before(due)
        const next = await wrapping.make()
        const kept = [...keys].filter(([month]) => !due.includes(month))
        const rows = kept.map(([month, key]) => ({
          month,
          wrapping: next.id,
          sealed: wrapKey(next, month, key),
        }))
        await store.rewrap(rows, due, new Date(clock()).toISOString())
        await store.scrub()
        const old = current
        current = next
        // A month that was added meanwhile is still wrapped with the old key: the next destruction or start
        // deletes that file.
        const isUsed = (await store.months()).some((row) => row.wrapping === old.id)
        if (!isUsed) await wrapping.destroy(old.id)
        for (const month of due) {
          keys.get(month)!.fill(0)
          keys.delete(month)
          destroyed.add(month)
        }
        return due
      }),
    waiting: () => [...keys.keys()].filter((month) => isOver(month, clock) && !isOver(month)).sort(),
  }
}
