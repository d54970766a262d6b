/**
 * What this node has seen of the shared files, in a file of its own: the database, its newest change, and the
 * change of each file. A database that was set back or made anew is noticed by it, and so is a single row
 * that somebody put back.
 */
import { Fault } from '#schemas/fault.ts'
import type { LocalFolder } from './local-folder.ts'

type Seen = {
  /** Undefined from before databases were told apart, and while nothing is shared. */
  epoch: string | undefined
  counter: number
  /** The newest change of each file, deletions too. */
  versions: ReadonlyMap<string, number>
}

export const SEEN_FILE = 'shared-files-seen'

/** Throws `io_error` for a damaged file. */
export async function readSeen(folder: LocalFolder): Promise<Seen | undefined> {
  const text = (await folder.read(SEEN_FILE))?.toString('utf8').trim()
  if (text === undefined) return undefined
  // As earlier versions wrote it.
  if (/^\d{1,15}$/.test(text)) return { epoch: undefined, counter: Number(text), versions: new Map() }
  try {
    const { epoch, counter, versions } = JSON.parse(text) as Record<string, unknown>
    const changes = Object.entries(versions as object) as [string, unknown][]
    const isNamed = epoch === undefined || typeof epoch === 'string'
    if (!isNamed || !isChange(counter) || !changes.every(([, change]) => isChange(change)))
      throw new Error('fields')
    return { epoch, counter, versions: new Map(changes as [string, number][]) }
  } catch (cause) {
    throw new Fault('io_error', { what: `${SEEN_FILE} is damaged`, cause })
  }
}

export function seenBytes({ epoch, counter, versions }: Seen): Buffer {
  const changes = Object.fromEntries([...versions].sort(([a], [b]) => (a < b ? -1 : 1)))
  return Buffer.from(`${JSON.stringify({ epoch, counter, versions: changes })}\n`)
}

function isChange(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
