/**
 * The files that could not be read as the mapping says. Such a file is not read again until it is another one; operators see its
 * name and the reason at /health/ready, and the number in the metrics. It holds up no other file.
 */
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { createMemory } from './memory.ts'
import type { FileFacts, FileSource } from './source.ts'

type BrokenFiles = {
  /** Throws `source_failed` for a file that is known to be broken. */
  check(facts: FileFacts): void
  add(facts: FileFacts, what: string): void
  /** Readiness is not lost by a broken file: the others are served. */
  finding(): Promise<Finding>
}

const MOST = 1000
const TOLD = 10

export function createBrokenFiles(q: {
  source: Pick<FileSource, 'look'>
  log: Log
  metrics: Metrics
}): BrokenFiles {
  const broken = createMemory<{ version: string; what: string }>(MOST)
  q.metrics.watch('concordat_file_broken', 'Files that cannot be read as the mapping says', () => broken.size)
  /** Forgets those of `names` that are gone or other ones. */
  const renew = async (names: string[]): Promise<void> => {
    for (const name of names) {
      const now = await q.source.look(name)
      if (now?.version !== broken.get(name)?.version) broken.delete(name)
    }
  }
  return {
    check: ({ name, version }) => {
      const known = broken.get(name)
      if (known === undefined) return
      if (known.version === version) throw new Fault('source_failed', { what: known.what })
      broken.delete(name)
    },
    add: ({ name, version }, what) => {
      broken.set(name, { version, what })
      // A name may hold whose file it is, so it is not in the log.
      q.log.warn({ what }, 'a file cannot be read: /health/ready names it')
    },
    finding: async () => {
      const told = broken.entries().slice(-TOLD)
      await renew(told.map(([name]) => name))
      const left = told.filter(([name]) => broken.get(name) !== undefined)
      if (left.length === 0) return { ok: true }
      const listed = left.map(([name, { what }]) => `${printable(name)} (${what})`).join('; ')
      return { ok: true, reason: `${broken.size} cannot be read: ${listed}` }
    },
  }
}
