/**
 * Looks for files that were delivered. Guarantees that a file which may still grow is left alone, and that
 * what a crash has left in `taken` is finished first.
 */
import { createMemory } from '../memory.ts'
import type { CompleteSettings } from '../settings.ts'
import type { FileFacts, FileSource } from '../source.ts'
import type { DropSettings, FileMessagesSettings } from './settings.ts'
import { claimFile, type TakeRooms, takeFile } from './take-file.ts'

/** Whether a file was complete when the look at it began; one that was not is looked at again. */
type IsComplete = (facts: FileFacts, began: number) => Promise<boolean>

/**
 * One look at the folder for the files of a drop; whether there was one to take. `isMine`: the first drop
 * that fits has a file.
 */
export function createScan(
  q: Pick<FileMessagesSettings, 'complete' | 'limits'> & {
    drop: DropSettings
    isMine(name: string): boolean
  },
  rooms: TakeRooms,
): (signal: AbortSignal) => Promise<boolean> {
  const { complete, drop } = q
  const { places } = rooms
  const isComplete = createIsComplete(complete, places.source.drop)
  const marker = complete.by === 'marker' ? complete.marker : undefined
  const namesIn = async (source: FileSource, signal: AbortSignal): Promise<string[]> => {
    const names = await source.names(AbortSignal.any([signal, AbortSignal.timeout(q.limits.readMs)]))
    return names.filter(q.isMine).sort()
  }
  const finish = async (signal: AbortSignal): Promise<number> => {
    const names = await namesIn(places.source.taken, signal)
    for (const name of names) await takeFile(name, drop, rooms, signal)
    return names.length
  }
  return async (signal) => {
    await places.prepare()
    let count = await finish(signal)
    for (const name of await namesIn(places.source.drop, signal)) {
      signal.throwIfAborted()
      const began = performance.now()
      const facts = await places.source.drop.look(name)
      if (facts === undefined || !(await isComplete(facts, began))) continue
      if (!(await claimFile(facts, marker, rooms))) continue
      count += await finish(signal)
    }
    return count > 0
  }
}

function createIsComplete(
  { by, marker, settleMs }: CompleteSettings,
  source: Pick<FileSource, 'look'>,
): IsComplete {
  if (by === 'rename') return async () => true
  if (by === 'marker')
    return async ({ name, modified }) => {
      const found = await source.look(name + marker)
      return found !== undefined && found.modified >= modified
    }
  // By the clock of this process: those of other machines may be wrong. From the end of one look to the
  // beginning of another: an answer may come late, and what was written meanwhile is not in it.
  const seen = createMemory<{ version: string; at: number }>()
  return async ({ name, version }, began) => {
    const before = seen.get(name)
    if (before?.version === version) return began - before.at >= settleMs
    seen.set(name, { version, at: performance.now() })
    return false
  }
}
