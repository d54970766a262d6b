/**
 * Whether whoever delivers a file has finished with it. A file that may still grow is not read: half of it
 * would look like a whole one.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '#schemas/fault.ts'
import { createMemory } from './memory.ts'
import type { CompleteSettings } from './settings.ts'
import type { FileFacts, FileSource } from './source.ts'

/**
 * Resolves when the file is complete. Throws `file_changing` when it is not, `source_timeout` when there is
 * no time to find out.
 */
export type CheckComplete = (facts: FileFacts, signal: AbortSignal) => Promise<void>

export function createCheckComplete(q: CompleteSettings, source: Pick<FileSource, 'look'>): CheckComplete {
  // Whoever renames a file into the folder has finished with it.
  if (q.by === 'rename') return async () => undefined
  if (q.by === 'marker') return (facts) => checkMarker(facts, q.marker, source)
  /** Since when a version was seen, by the clock of this process: those of other machines may be wrong. */
  const seen = createMemory<{ version: string; at: number }>()
  const see = ({ name, version }: FileFacts): number => {
    const before = seen.get(name)
    if (before?.version === version) return before.at
    const at = performance.now()
    seen.set(name, { version, at })
    return at
  }
  return async (facts, signal) => {
    const left = see(facts) + q.settleMs - performance.now()
    if (left <= 0) return
    await wait(left, undefined, { signal }).catch((cause: unknown) => {
      throw new Fault('source_timeout', { cause })
    })
    const now = await source.look(facts.name)
    if (now !== undefined) see(now)
    if (now?.version !== facts.version) throw new Fault('file_changing')
  }
}

/** A marker that is older than the file is that of the file before. */
async function checkMarker(
  { name, modified }: FileFacts,
  marker: string,
  source: Pick<FileSource, 'look'>,
): Promise<void> {
  const found = await source.look(name + marker)
  if (found === undefined || found.modified < modified) throw new Fault('file_changing')
}
