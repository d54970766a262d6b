/**
 * Bodies in the log's database, on PostgreSQL: every node reads those of all nodes. What a node has begun and
 * no record refers to only this node deletes, or one that takes over what it left (`takeOver`). Whether a
 * record refers to a body the database decides at any time, so nothing has to be remembered of what could not
 * be deleted, or began after its writer had given it up.
 */
import { Fault } from '#schemas/fault.ts'
import type { BodyDestination } from '../bodies/body-file.ts'
import type { BodyFolder } from '../bodies/body-folder.ts'
import { newPieceName } from './name.ts'
import { openPieces } from './open-pieces.ts'
import type { PieceStore } from './store.ts'

export type PieceBodies = Omit<BodyFolder, 'sweep' | 'forgetFormer' | 'erase'> & {
  /** Deletes those of erased records. No other node has more of them. */
  erase(names: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Finds what another node, which is gone for good, has begun and no record refers to: `deleteUnused`
   * deletes it.
   */
  takeOver(node: string): Promise<void>
  /**
   * For a job: deletes what this node has begun, no record refers to and this process does not write, and
   * what was taken over. Tries each, then throws the first failure.
   */
  deleteUnused(): Promise<void>
}

const LISTED_AT_ONCE = 500

export function createPieceBodies(q: { store: PieceStore; node: string }): PieceBodies {
  const { store, node } = q
  /** Begun by this process, with no record that refers to them as far as it knows. */
  const own = new Set<string>()
  const claimed = new Set<string>()
  const once = new Set<string>()
  /**
   * How many read each body of `own`: as of a file that is removed, what is read is there until it is closed.
   */
  const readers = new Map<string, number>()
  const unwanted = new Set<string>()
  const takenOver = new Set<string>()

  const giveUp = async (name: string): Promise<void> => {
    own.delete(name)
    await store.giveUp(name)
  }
  const underWay = async (of: string): Promise<string[]> => {
    const all: string[] = []
    for (;;) {
      const names = await store.underWay({ node: of, after: all.at(-1) ?? '', limit: LISTED_AT_ONCE })
      all.push(...names)
      if (names.length < LISTED_AT_ONCE) return all
    }
  }
  const release = async (name: string): Promise<void> => {
    if (claimed.has(name) || !own.has(name)) return
    once.delete(name)
    if (readers.has(name)) unwanted.add(name)
    // What cannot be deleted now `deleteUnused` finds.
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
      claimed.delete(name)
      // If a record refers to it after all, giving it up does nothing.
      if (outcome === 'unknown' && readers.has(name)) unwanted.add(name)
      else if (outcome !== 'unused') own.delete(name)
    },
    release,
    erase: async (names) => {
      for (const name of names) await store.erase(name)
      return new Set(names)
    },
    takeOver: async (of) => {
      for (const name of await underWay(of)) takenOver.add(name)
    },
    deleteUnused: async () => {
      const failures: unknown[] = []
      for (const name of [...takenOver, ...(await underWay(node))]) {
        // Looked up now: what was begun or claimed since is not given up.
        if (own.has(name)) continue
        try {
          await giveUp(name)
          takenOver.delete(name)
        } catch (thrown) {
          failures.push(thrown)
        }
      }
      if (failures.length > 0) throw failures[0]
    },
  }
}
