/** Fetches suspension lists: with a new configuration before it is used, or alone, taking effect at once. */

import type { HighWaterMark } from '#core/configuration/high-water.ts'
import { candidateLocations, type Shuffle } from '#platform/configuration-documents/candidates.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createSingleFlight } from '#platform/time-limits.ts'
import { asFault } from '#schemas/fault.ts'
import type { ConfigurationAnchor } from '#schemas/global-configuration.ts'
import type { InstanceCopy } from './instance-copy.ts'
import type { KeptSuspensionLists } from './kept-suspension-lists.ts'

type ListRefresh = {
  /**
   * Fetches the list of a copy before the copy is used, so that the new configuration is never used without
   * its list. A failure is logged.
   */
  beforeUse(copy: InstanceCopy, anchor: ConfigurationAnchor, withinMs?: number): Promise<void>
  /** Fetches the list of one instance and applies it at once, even when it cannot be written to disk. */
  obeyed(copy: InstanceCopy, anchor: ConfigurationAnchor): Promise<void>
  /** As `obeyed` for another instance, with a bound on the time. A failure is logged. */
  obeyedOfOther(copy: InstanceCopy, anchorNow: () => ConfigurationAnchor | undefined): Promise<void>
}

/** The bound for another instance's list, all its locations together. */
export const LIST_WITHIN_MS = 20_000

export function createListRefresh(q: {
  lists: Pick<KeptSuspensionLists, 'fetch'>
  markOf(instance: string): HighWaterMark | undefined
  learnedOf(instance: string): Buffer[]
  /** The location from which the copy was fetched last. */
  lastUrl(copy: InstanceCopy): string | undefined
  shuffle?: Shuffle | undefined
  /** Raises the marks to the lists that are held now. */
  raiseMarks(): void
  /** Publishes the lists that are held now, and stores the marks. */
  obey(): Promise<void>
  log: Log
}): ListRefresh {
  const fetchList = async (
    copy: InstanceCopy,
    anchor: ConfigurationAnchor,
    withinMs?: number,
  ): Promise<void> => {
    if (copy.statement?.hasSuspensionList !== true) return
    const { instance, packed } = copy
    const { shuffle } = q
    const { sources } = packed.few
    const learned = q.learnedOf(instance)
    const locations = candidateLocations({ anchor, sources, learned, lastUrl: q.lastUrl(copy), shuffle })
    await q.lists.fetch(instance, locations, q.markOf(instance), withinMs)
  }

  const obeyed = async (
    copy: InstanceCopy,
    anchor: ConfigurationAnchor,
    withinMs?: number,
  ): Promise<void> => {
    try {
      await fetchList(copy, anchor, withinMs)
    } finally {
      q.raiseMarks()
      await q.obey()
    }
  }

  const singleFlight = createSingleFlight(LIST_WITHIN_MS)
  return {
    async beforeUse(copy, anchor, withinMs) {
      await fetchList(copy, anchor, withinMs).catch((cause: unknown) =>
        q.log.warn({ err: asFault(cause), instance: copy.instance }, 'no newer suspension list'),
      )
      q.raiseMarks()
    },
    obeyed: (copy, anchor) => obeyed(copy, anchor),
    obeyedOfOther: (copy, anchorNow) =>
      singleFlight(copy.instance, async () => {
        const { instance } = copy
        try {
          const anchor = anchorNow()
          if (anchor !== undefined) await obeyed(copy, anchor, LIST_WITHIN_MS)
        } catch (cause) {
          q.log.warn({ err: asFault(cause), instance }, 'no newer suspension list')
        }
      }),
  }
}
