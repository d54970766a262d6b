/**
 * The consents of calls that other security servers keep: what is held of each, and told to each, is apart.
 */
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { idText, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import type { ConsentQuestion, TakenConsent } from '../../peer/consents.ts'
import { createKeeperSource, type Door } from './ask-keeper.ts'
import type { ConsentStore } from './store.ts'
import { type ConsentTaking, createConsentTaking } from './take-consent.ts'

/** After so long whoever made a call has told it, or is away. */
const LEFT_MS = 60_000
const MOST_RESUMED = 5000

export function createTakingElsewhere({
  door,
  store,
  clock,
  log,
}: {
  door: Door
  store: Pick<ConsentStore, 'noteUses' | 'untold' | 'told' | 'forgetUse'>
  clock: Clock
  log: Pick<Log, 'warn'>
}) {
  // As many as contracts of our subsystems name.
  const takings = new Map<string, ConsentTaking>()

  function at({ keeper, subsystem }: { keeper: ServerId; subsystem: string }): ConsentTaking {
    const key = `${idText(keeper)} ${subsystem}`
    const there = takings.get(key)
    if (there !== undefined) return there
    const source = createKeeperSource({ keeper, subsystem, door, store, clock })
    const made = createConsentTaking({ source, clock, log })
    takings.set(key, made)
    return made
  }

  return {
    /** Throws as `Consents.take`. */
    take: (ask: ConsentQuestion, place: { keeper: ServerId; subsystem: string }): Promise<TakenConsent> =>
      at(place).take(ask),
    /**
     * Tells keepers of calls of which another node, or this one before it was started anew, had no time to
     * tell them.
     */
    async resume(): Promise<void> {
      const before = new Date(clock() - LEFT_MS).toISOString()
      const byPlace = Map.groupBy(
        await store.untold(before, MOST_RESUMED),
        ({ to_tell: keeper, service }) => `${keeper} ${service.split('/').slice(0, 4).join('/')}`,
      )
      for (const [key, uses] of byPlace) {
        const [keeper = '', subsystem = ''] = key.split(' ')
        at({ keeper: parseServerId(keeper), subsystem }).resume(uses)
      }
    },
    async write(): Promise<void> {
      await Promise.all([...takings.values()].map((one) => one.write().catch(() => undefined)))
    },
    async close(): Promise<void> {
      await Promise.all([...takings.values()].map((one) => one.close()))
    },
  }
}
