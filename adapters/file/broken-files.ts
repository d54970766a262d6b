/**
 * The files that could not be read as the mapping says. Such a file is not read again until it is another
 * one; operators see its name and the reason at /health/ready, and the number in the metrics. It holds up no
 * other file.
 */
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { createMemory } from './memory.ts'
import type { FileFacts, FileSource } from './source.ts'

type BrokenFiles = {
  /**
   * Throws `source_failed` for a file that is known to be broken for this use: another mapping may be able to
   * read it.
   */
  check(use: string, facts: FileFacts): void
  add(use: string, facts: FileFacts, what: string): void
  /** Readiness is not lost by a broken file: the others are served. */
  finding(): Promise<Finding>
}

const MOST = 1000
const TOLD = 10
/** As many are looked at again each time; the others have their turn the next time. */
const RENEWED = 50

export function createBrokenFiles(q: {
  source: Pick<FileSource, 'look'>
  log: Log
  metrics: Metrics
}): BrokenFiles {
  const broken = createMemory<FileFacts & { what: string }>(MOST)
  q.metrics.watch('concordat_file_broken', 'Files that cannot be read as the mapping says', () => broken.size)
  const keyOf = (use: string, { name }: FileFacts): string => `${use}\n${name}`
  return {
    check: (use, facts) => {
      const known = broken.get(keyOf(use, facts))
      if (known === undefined) return
      if (known.version === facts.version) throw new Fault('source_failed', { what: known.what })
      broken.delete(keyOf(use, facts))
    },
    add: (use, facts, what) => {
      broken.set(keyOf(use, facts), { ...facts, what })
      // A name may hold whose file it is, so it is not in the log.
      q.log.warn({ what }, 'a file cannot be read: /health/ready names it')
    },
    finding: async () => {
      for (const [key, known] of broken.entries().slice(0, RENEWED)) {
        const now = await q.source.look(known.name)
        if (now?.version === known.version) broken.set(key, known)
        else broken.delete(key)
      }
      const told = broken
        .entries()
        .slice(-TOLD)
        .map(([, { name, what }]) => `${printable(name)} (${what})`)
      if (told.length === 0) return { ok: true }
      return { ok: true, reason: `${broken.size} cannot be read: ${told.join('; ')}` }
    },
  }
}
