/**
 * The keys of deliveries over their time: made once for a server, rotated by command, and given up when they
 * are lost. Guarantees that a node without the server's keys makes none of its own, which no other node could
 * open, and that nothing is named or sealed until the key of names is open.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { BoxStore } from './box-store.ts'
import type { ContentKeys } from './content-keys.ts'
import type { KeyRecords } from './keys-store.ts'
import type { Names } from './names.ts'
import type { createOldNames } from './names-store.ts'
import { renameRows } from './rename-rows.ts'
import { iso } from './rooms.ts'

const MOST_COUNTED = 100_000

/** Rows of another feature that are sealed under these keys. */
export type KeyHolder = {
  /** How many rows need the key, counted up to `most`. */
  sealedWith(id: string, most: number): Promise<number>
  /** Removes rows that only a lost key opens; resolves to their number. */
  dropSealedWith(id: string): Promise<number>
  /**
   * Seals what is to stay under the newest key; where it is absent, rows are used up and wait for nothing.
   */
  reseal?(): Promise<void>
}

type Rooms = {
  keys: ContentKeys
  names: Names
  keyRecords: KeyRecords
  oldNames: ReturnType<typeof createOldNames>
  outbox: Pick<BoxStore<'outbox'>, 'dropSealedWith'>
  inbox: Pick<BoxStore<'inbox'>, 'dropSealedWith'>
  clock: Clock
}

export type DeliveryKeys = ReturnType<typeof createDeliveryKeys>

export function createDeliveryKeys(rooms: Rooms) {
  const { keys, names, keyRecords } = rooms
  let isOpen = false
  /** The last key that is known to be on record. */
  let noted = ''
  const holders: KeyHolder[] = []

  const note = async (): Promise<void> => {
    const { current } = keys
    await keyRecords.note(current, iso(rooms.clock()))
    noted = current
  }

  async function openNames(): Promise<void> {
    isOpen = await names.open()
    if (!isOpen) return
    // A rotation may have ended before it.
    if ((await names.sealedUnder()) !== keys.current) await names.reseal()
    await renameRows(rooms)
  }

  async function needing(id: string): Promise<number> {
    let rows = await keyRecords.sealedWith(id, MOST_COUNTED)
    for (const { sealedWith } of holders) rows += await sealedWith(id, MOST_COUNTED)
    return Math.min(rows, MOST_COUNTED)
  }

  return {
    /** From now on its rows count as messages do: no key goes that they need. */
    addHolder(holder: KeyHolder): void {
      holders.push(holder)
    },
    /** At the start, before anything is accepted or sent. */
    async open(): Promise<void> {
      if (keys.known.length === 0 && (await keyRecords.list()).length === 0) await keys.add()
      if (keys.known.length > 0) await note()
      await openNames()
    },
    /**
     * Whether another node has made something, or an operator has copied it here, since `refresh`; reads
     * only.
     */
    async isNew(): Promise<boolean> {
      keys.refresh()
      if (keys.known.length > 0 && keys.current !== noted) return true
      return names.isChanged()
    },
    /** What another node has made, or an operator has copied here. */
    async refresh(): Promise<void> {
      keys.refresh()
      if (keys.known.length > 0) await note()
      if (isOpen) isOpen = await names.open()
      else await openNames()
    },

    async list() {
      const current = keys.known.at(-1)
      const [records, under] = [await keyRecords.list(), await names.sealedUnder()]
      return Promise.all(
        records.map(async ({ id, since }) => ({
          ...{ id, since: since === '' ? null : since, isCurrent: id === current },
          isHere: keys.known.includes(id),
          messages: Math.min((await needing(id)) + (id === under ? 1 : 0), MOST_COUNTED),
        })),
      )
    },

    /**
     * What comes from now on is sealed with a new key. Keys in `lost` are given up with all that only they
     * open; throws `conflict` for one that is here, `not_found` for one that there never was,
     * `delivery_key_missing` while a key is needed that is not here.
     */
    async rotate(lost: string[]): Promise<{ id: string; removed: number }> {
      keys.refresh()
      const records = new Set((await keyRecords.list()).map(({ id }) => id))
      const unknown = lost.find((id) => !records.has(id))
      if (unknown !== undefined) throw new Fault('not_found', { what: say`the key ${unknown}` })
      const here = lost.find((id) => keys.known.includes(id))
      if (here !== undefined)
        throw new Fault('conflict', { what: say`the key ${here} is here, and not lost` })
      const stillOpens = await names.open()
      const under = await names.sealedUnder()
      if (!stillOpens && under !== undefined && !lost.includes(under))
        throw new Fault('delivery_key_missing', { what: say`the key ${under}` })
      const id = await keys.add()
      await note()
      let removed = 0
      for (const one of lost)
        for (const { dropSealedWith } of [rooms.outbox, rooms.inbox, ...holders])
          removed += await dropSealedWith(one)
      if (stillOpens) await names.reseal()
      else {
        await names.replace()
        if (under !== undefined) removed += 1
        await renameRows(rooms)
      }
      for (const { reseal } of holders) await reseal?.()
      isOpen = true
      if (lost.length > 0) await keyRecords.remove(lost)
      return { id, removed }
    },

    async finding(): Promise<Finding> {
      const missing = new Set(await keyRecords.missing(keys.known))
      const under = isOpen ? undefined : await names.sealedUnder()
      if (under !== undefined) missing.add(under)
      if (isOpen && missing.size === 0) return { ok: true }
      const which = missing.size > 0 ? ` (${[...missing].join(', ')})` : ''
      return {
        ok: false,
        reason: say`a key of one-way messages is not in delivery-keys${which}: copy it from the node that has it (docs/deliveries.md)`,
      }
    },
  }
}
