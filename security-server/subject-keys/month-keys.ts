/** The keys of months: made when the first record of a month comes, unwrapped into memory, destroyed when their time is over. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { newestPossible, oldestKept } from './months.ts'
import type { HolderStore } from './store.ts'
import { unwrapKey, type WrappingKey, type WrappingKeys, wrapKey } from './wrapping-keys.ts'

export type MonthState = { month: string; createdAt: string | null; destroyedAt: string | null }

export type MonthKeys = {
  /** Made when there is none yet, but for a month to come. */
  forRecord(month: string): Promise<Buffer | 'destroyed' | 'to_come'>
  /** Of the months that have one, oldest first. */
  forSearch(): { month: string; key: Buffer }[]
  states(): Promise<MonthState[]>
  /** Destroys keys whose time is over. `before` runs first: what it cannot record does not happen. */
  destroyDue(before: (months: string[]) => Promise<unknown>): Promise<string[]>
}

const KEY = 32

/** Throws `invalid_configuration` when the key that wraps them is not there. */
export async function openMonthKeys(q: {
  store: HolderStore
  wrapping: WrappingKeys
  keepMonths: number
  clock: Clock
}): Promise<MonthKeys> {
  const { store, wrapping, clock } = q
  const keys = new Map<string, Buffer>()
  const destroyed = new Set<string>()
  const inTurn = createTurn()
  let current = await readAll()

  async function readAll(): Promise<WrappingKey> {
    const files = new Map((await wrapping.all()).map((one) => [one.id, one]))
    const used = new Set<string>()
    for (const { month, wrapping: id, sealed } of await store.months()) {
      if (id === null || sealed === null) {
        destroyed.add(month)
        continue
      }
      const file = files.get(id)
      if (file === undefined)
        throw new Fault('invalid_configuration', {
          what: `the file wrapping-${id}.key, which opens the key of ${month}, is missing in directory`,
        })
      used.add(id)
      keys.set(month, unwrapKey(file, month, sealed))
    }
    // A crash between two steps of a destruction left a file by which nothing is wrapped, or which wraps nothing any more.
    for (const id of files.keys()) if (!used.has(id)) await wrapping.destroy(id)
    const [id] = used
    return id === undefined ? wrapping.make() : files.get(id)!
  }

  const isOver = (month: string): boolean => month < oldestKept(clock(), q.keepMonths)

  return {
    forRecord: (month) =>
      inTurn(async () => {
        if (destroyed.has(month) || isOver(month)) return 'destroyed'
        const known = keys.get(month)
        if (known !== undefined) return known
        if (month > newestPossible(clock())) return 'to_come'
        const key = randomBytes(KEY)
        const row = { month, wrapping: current.id, sealed: wrapKey(current, month, key) }
        await store.addMonth({ ...row, created_at: new Date(clock()).toISOString(), destroyed_at: null })
        keys.set(month, key)
        return key
      }),
    forSearch: () =>
      [...keys]
        .filter(([month]) => !isOver(month))
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
        const due = [...keys.keys()].filter(isOver).sort()
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
        await wrapping.destroy(old.id)
        for (const month of due) {
          keys.get(month)!.fill(0)
          keys.delete(month)
          destroyed.add(month)
        }
        return due
      }),
  }
}
