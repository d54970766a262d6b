/**
 * Remembers whose lists leave hosting mandates out, because the contracts beside them take the place: what a
 * server does not hear of, it refuses. Guarantees that somebody at the registry is told, and not only the
 * hosts whose calls are refused.
 */
import type { Clock } from '#platform/clock.ts'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { say } from '#schemas/said.ts'

/** Servers ask every half minute; one that asks no more is told no longer. */
const TOLD_MS = 10 * 60_000
const MOST_SERVERS = 1000
const MOST_NAMED = 5

export type UnlistedMandates = {
  /** What a list has just left out; 0 ends it. */
  note(server: string, leftOut: number): void
  finding(): Finding
}

export function createUnlistedMandates({ clock, log }: { clock: Clock; log: Log }): UnlistedMandates {
  const servers = new Map<string, { leftOut: number; at: number }>()
  return {
    note(server, leftOut) {
      const isNew = !servers.delete(server)
      if (leftOut === 0) return
      if (isNew) log.warn({ server, leftOut }, 'the list of a server leaves hosting mandates out: it is full')
      servers.set(server, { leftOut, at: clock() })
      const [oldest] = servers.keys()
      if (servers.size > MOST_SERVERS && oldest !== undefined) servers.delete(oldest)
    },
    finding() {
      const now = clock()
      for (const [server, { at }] of servers) if (Math.abs(now - at) > TOLD_MS) servers.delete(server)
      if (servers.size === 0) return { ok: true }
      const all = [...servers].map(([server, { leftOut }]) => `${server} (${leftOut})`)
      const more = all.length > MOST_NAMED ? `, and ${all.length - MOST_NAMED} more` : ''
      const named = `${all.slice(0, MOST_NAMED).join(', ')}${more}`
      return {
        ok: true,
        reason: say`hosting mandates have no place beside the contracts in the lists for ${named}: what they cover is refused there. End contracts or mandates that nobody needs, or register members at another server`,
      }
    },
  }
}
