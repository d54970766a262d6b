/**
 * Bodies in the log's database, on PostgreSQL: every node reads them, whichever wrote them. What a node has begun and no record refers to
 * only this node deletes, or one that takes over what it left (`sweep`).
 */
import { Fault } from '#schemas/fault.ts'
import type { BodyDestination } from '../body-file.ts'
import type { BodyFolder } from '../body-folder.ts'
import { newPieceName } from './name.ts'
import { openPieces } from './open-pieces.ts'
import type { PieceStore } from './store.ts'

export type PieceBodies = Omit<BodyFolder, 'sweep' | 'forgetFormer'> & {
  /** Finds what `node` has begun and no record refers to, but not what this process writes: `deleteRest` deletes it. */
  sweep(node: string): Promise<void>
  /** For a job: deletes what a sweep found, and what could not be deleted when it was given up. */
  deleteRest(): Promise<void>
}

const SWEPT_AT_ONCE = 500

export function createPieceBodies(q: { store: PieceStore; node: string }): PieceBodies {
  const { store, node } = q
  /** Begun by this process, with no record that refers to them as far as it knows. */
  const own = new Set<string>()
  const claimed = new Set<string>()
  const once = new Set<string>()
  /** How many read each body of `own`: as of a file that is removed, what is read is there until it is closed. */
  const readers = new Map<string, number>()
  const unwanted = new Set<string>()
  const left = new Set<string>()

  const giveUp = async (name: string): Promise<void> => {
    own.delete(name)
    left.add(name)
    await store.giveUp(name)
    left.delete(name)
  }
  const release = async (name: string): Promise<void> => {
    if (claimed.has(name) || !own.has(name)) return
    once.delete(name)
    if (readers.has(name)) unwanted.add(name)
    // What cannot be deleted now is deleted later.
    else await giveUp(name).catch(() => undefined)
  }
  const closed = async (name: string): Promise<void> => {
    const others = readers.get(name)! - 1
    if (others > 0) return void readers.set(name, others)
    readers.delete(name)
    if (unwanted.delete(name)) await release(name)
  }
  const begin = (): BodyDestination => {
    const name = newPieceName()
    let at = 0
    return {
      name,
      append: async (pieces) => {
        const octets = Buffer.concat(pieces)
        const start = at
        at += octets.length
        if (start === 0) {
          own.add(name)
          await store.begin({ name, node, octets })
        } else if (!(await store.append({ name, start, octets })))
          throw new Fault('logging_failed', {
            what: 'a body in the database was given up while it arrived, or the database was set back',
          })
      },
      // Each piece was committed.
      finish: async () => undefined,
      giveUp: async () => {
        if (own.has(name)) await giveUp(name).catch(() => undefined)
      },
    }
  }
  return {
    begin,
    open: async (name) => {
      if (!own.has(name)) return openPieces(store, name)
      readers.set(name, (readers.get(name) ?? 0) + 1)
      if (once.delete(name)) unwanted.add(name)
      return openPieces(store, name, () => closed(name))
    },
    openOnce: (name) => void once.add(name),
    claim: (name) => void claimed.add(name),
    settle: (name, outcome) => {
      if (outcome === 'unknown') return
      claimed.delete(name)
      if (outcome === 'kept') own.delete(name)
    },
    release,
    erase: async (name) => {
      await store.erase(name)
      // No other node has more of it.
      return true
    },
    sweep: async (of) => {
      for (let after = ''; ; ) {
        const names = await store.underWay({ node: of, after, limit: SWEPT_AT_ONCE })
        for (const name of names) if (!own.has(name)) left.add(name)
        if (names.length < SWEPT_AT_ONCE) return
        after = names.at(-1)!
      }
    },
    // Ten gigabytes take some seconds, which a start does not wait for.
    deleteRest: async () => {
      for (const name of left) await giveUp(name)
    },
  }
}
