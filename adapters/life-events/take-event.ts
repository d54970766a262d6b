/**
 * Takes an event of the inbox over. Guarantees that it is acknowledged only after what it means is durable,
 * that one which comes twice or out of order changes nothing twice, and that one which means nothing does not
 * stop those behind it.
 */
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { OfferMetrics } from './metrics.ts'
import type { Came, createReadHappening, Meaning } from './read-happening.ts'
import type { OfferStore } from './store.ts'

type Given = Came & { delivery: string }

/** The function resolves when the event may be acknowledged, and throws when it has to come again. */
export function createTakeEvent(q: {
  read: ReturnType<typeof createReadHappening>
  store: Pick<OfferStore, 'add' | 'takeBack' | 'decide'>
  metrics: OfferMetrics
  log: Log
}): (given: Given) => Promise<void> {
  const { store, metrics, log } = q
  return async (given) => {
    let meanings: Meaning[]
    try {
      meanings = q.read(given)
    } catch (thrown) {
      metrics.events.inc({ what: 'unreadable' })
      log.warn({ delivery: given.delivery, fault: asFault(thrown).code }, 'an event means nothing here')
      return
    }
    if (meanings.length === 0) metrics.events.inc({ what: 'ignored' })
    for (const meaning of meanings) {
      const { name: rule } = meaning.rule
      const done = await act(meaning)
      metrics.events.inc({ what: done })
      if (meaning.what === 'nothing')
        log.warn({ delivery: given.delivery, rule, why: meaning.why }, 'an event means nothing here')
    }
  }

  async function act(meaning: Meaning): Promise<string> {
    const { rule } = meaning
    switch (meaning.what) {
      case 'offer': {
        let made = 0
        for (const person of meaning.persons) {
          const { happening, values } = meaning
          if (await store.add({ rule: rule.name, happening, person, values, days: rule.days })) made += 1
        }
        metrics.offers.inc({ what: 'offered', channel: 'event' }, made)
        return made > 0 ? 'offered' : 'known'
      }
      case 'back': {
        const states = await store.takeBack(meaning.happening)
        metrics.offers.inc({ what: 'taken-back', channel: 'event' }, states.length)
        return 'taken-back'
      }
      case 'decision': {
        const isNew = await store.decide(meaning.offer, { rule: rule.name, outcome: meaning.outcome })
        if (isNew === undefined) return 'unknown'
        if (isNew) metrics.offers.inc({ what: 'decided', channel: 'event' })
        return isNew ? 'decided' : 'known'
      }
      case 'nothing':
        return 'unusable'
    }
  }
}
