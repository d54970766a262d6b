/**
 * What is durable of a log to which other nodes append: their commits become visible before they are durable
 * (postgresql/store.ts), and may be lost when the database crashes at that moment. Nothing that leaves the
 * log may rest on those.
 */
import { Fault } from '#schemas/fault.ts'
import type { HotStore } from '../hot-store.ts'

/** What each read finds may be newer than what the one before found. */
const MOST_READS = 20

export type Settled = {
  /** How many records are durable for certain. */
  size(): number
  /**
   * Within the writer's turn: waits until all that others see now is durable, and returns the number of
   * records.
   */
  sizeNow(): Promise<number>
  /**
   * Outside of the writer's turn: what `read` finds, once the record of `lastOf` and all before it are
   * durable. It may read several times. Throws `log_inconsistent` when the tree's head does not cover that
   * record.
   */
  read<T>(read: () => Promise<T>, lastOf: (found: T) => number): Promise<T>
  /** The same within the writer's turn. */
  readWithin<T>(read: () => Promise<T>, lastOf: (found: T) => number): Promise<T>
}

export function createSettled(q: {
  store: Pick<HotStore, 'head'>
  /** The number of records after the last commit of this node, which covers all before it. */
  own: () => number
  inTurn<T>(act: () => Promise<T>): Promise<T>
}): Settled {
  let known = 0
  const size = (): number => Math.max(known, q.own())
  const sizeNow = async (): Promise<number> => {
    const head = await q.store.head()
    known = Math.max(known, head.size)
    return head.size
  }
  const readIn =
    (inTurn: typeof q.inTurn): Settled['read'] =>
    async (read, lastOf) => {
      for (let reads = 0; reads < MOST_READS; reads++) {
        // Before the read: a record that is read may be lost, and another one durable in its place.
        const durable = size()
        const found = await read()
        const last = lastOf(found)
        if (last < durable) return found
        // Many may read what is new: whoever waited for its turn behind another needs not lock the head
        // again.
        await inTurn(async () => {
          if (last >= size()) await sizeNow()
        })
      }
      throw new Fault('log_inconsistent', { what: 'the tree head does not cover a record' })
    }
  return { size, sizeNow, read: readIn(q.inTurn), readWithin: readIn((act) => act()) }
}
