/** The consents of calls that other security servers keep: what is held of each, and told to each, is apart. */
import type { Clock } from '#platform/clock.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import type { ConsentQuestion, TakenConsent } from '../../peer/consents.ts'
import { createKeeperSource, type Door } from './ask-keeper.ts'
import type { NameOf } from './people-names.ts'
import type { ConsentStore } from './store.ts'
import { type ConsentTaking, createConsentTaking } from './take-consent.ts'

export function createTakingElsewhere({
  door,
  store,
  nameOf,
  clock,
}: {
  door: Door
  store: Pick<ConsentStore, 'noteUses' | 'forgetUse'>
  nameOf: NameOf
  clock: Clock
}) {
  // As many as contracts of our subsystems name.
  const takings = new Map<string, ConsentTaking>()

  function at({ keeper, subsystem }: { keeper: ServerId; subsystem: string }): ConsentTaking {
    const key = `${idText(keeper)} ${subsystem}`
    const there = takings.get(key)
    if (there !== undefined) return there
    const source = createKeeperSource({ keeper, subsystem, door, store, clock })
    const made = createConsentTaking({ source, nameOf, clock })
    takings.set(key, made)
    return made
  }

  return {
    /** Throws as `Consents.take`. */
    take: (ask: ConsentQuestion, place: { keeper: ServerId; subsystem: string }): Promise<TakenConsent> =>
      at(place).take(ask),
    async write(): Promise<void> {
      await Promise.all([...takings.values()].map((one) => one.write().catch(() => undefined)))
    },
    async close(): Promise<void> {
      await Promise.all([...takings.values()].map((one) => one.close()))
    },
  }
}
