/**
 * Fetches one instance from the first location that has an acceptable configuration; every refusal is logged.
 */

import type { HighWaterMark } from '#core/configuration/high-water.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { candidateLocations, type Shuffle } from '#platform/configuration-documents/candidates.ts'
import type { ReadParameters } from '#platform/configuration-documents/read-parameters.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { divideTimeLimit } from '#platform/time-limits.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { ConfigurationClient } from './client.ts'
import { fetchConfiguration } from './fetch-configuration.ts'
import type { InstanceCopy, Kind } from './instance-copy.ts'

/** The location that worked last, and the newest version there. */
export type LastPlace = { url: string; version: number; probedAt: number }

// A source may start to offer a newer version. Asking for it each minute would cost six requests instead of
// one.
const PROBE_AGAIN_MS = 3_600_000

export async function tryLocations(q: {
  client: ConfigurationClient
  clock: Clock
  log: Log
  anchor: ConfigurationAnchor
  kind: Kind
  mark: HighWaterMark | undefined
  /** See `candidateLocations`. */
  learned: Buffer[]
  /** The newest verified copy: its sources are candidates, its unchanged parts are not fetched again. */
  copy: InstanceCopy | undefined
  /** False when the files on disk may differ from `copy`. */
  isReusable: boolean
  last: LastPlace | undefined
  shuffle?: Shuffle | undefined
  /** For all locations together. */
  withinMs?: number | undefined
  read: ReadParameters
  onFork: Parameters<typeof fetchConfiguration>[0]['onFork']
}): Promise<{ copy: InstanceCopy; last: LastPlace }> {
  const { anchor, client, kind, mark, last, read, onFork } = q
  const locations = candidateLocations({
    anchor,
    sources: q.copy?.packed.few.sources ?? [],
    learned: q.learned,
    lastUrl: last?.url,
    shuffle: q.shuffle,
  })
  const failures: Fault[] = []
  const nextShare = divideTimeLimit(q.withinMs)
  for (const location of locations) {
    const now = q.clock()
    const signal = nextShare()
    const isFresh = last?.url === location.url && !hasPassed(now, last.probedAt, PROBE_AGAIN_MS)
    try {
      const copy = await fetchConfiguration({
        client: { ...client, get: (url, maxBytes) => client.get(url, maxBytes, signal) },
        location,
        instance: anchor.instance,
        kind,
        now: new Date(now),
        mark,
        previous: q.isReusable ? q.copy : undefined,
        version: isFresh ? last.version : undefined,
        read,
        onFork,
      })
      const probedAt = isFresh ? last.probedAt : now
      return { copy, last: { url: location.url, version: copy.directory.version, probedAt } }
    } catch (cause) {
      const fault = asFault(cause)
      failures.push(fault)
      q.log.warn(
        { err: fault, instance: anchor.instance, source: location.url },
        'global configuration refused',
      )
    }
  }
  // A fault in a source's documents says more than a source that could not be reached.
  throw failures.find((fault) => fault.code !== 'network_error') ?? failures[0] ?? unreachable(anchor)
}

function unreachable(anchor: ConfigurationAnchor): Fault {
  return new Fault('network_error', { what: `no address is known for instance ${anchor.instance}` })
}
