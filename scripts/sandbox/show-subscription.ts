/**
 * Publish and subscribe in the sandbox: a signed subscription, published events, what of them comes, and its
 * proof.
 */

import { MOVED_EVENT, MOVES_INBOX, ROOM_SERVICE, subsystemText } from './layout.ts'
import { systemOf, until } from './own-system.ts'
import { proveDelivery } from './prove-delivery.ts'
import type { Instance } from './running.ts'

type Say = (line: string) => void
type Subscription = { id: string; state: string; error: string | null; given: string | null }
type Published = { id: string; sequence: string }
type Event = { id: string; sequence: string; sequenceafter?: string; data: { to: string } }
type Fetched = { events: { id: string; delivery: string; event: Event }[] }

/** Only persons whose code begins with P. */
const FILTERS = [{ sql: "EXISTS subject AND subject LIKE 'P%'" }]

/** Throws with the reason when a step fails. */
export async function showSubscription(instance: Instance, say: Say): Promise<void> {
  const { layout } = instance
  const { tax, population } = layout.agencies
  const room = `${subsystemText(layout, population)}/${ROOM_SERVICE}`
  const inbox = `${subsystemText(layout, tax)}/${MOVES_INBOX}`
  const publisher = systemOf(layout, population)
  const subscriber = systemOf(layout, tax)
  try {
    say(`The Tax Agency subscribes to ${MOVED_EVENT} of the ${population.name}:`)
    const subscriptions = `/r1/${room}/api/v1/subs/${MOVED_EVENT}`
    const json = { delivery: 'PUSH', options: { inbox, filters: FILTERS } }
    const made = await subscriber<Subscription>('POST', subscriptions, { json })
    say(`  subscribed      number ${made.id}, by an exchange that both sides signed, for ${FILTERS[0]!.sql}`)
    const publish = (subject: string): Promise<Published> => {
      const event = {
        specversion: '1.0',
        source: '/register',
        type: MOVED_EVENT,
        subject,
        data: { to: 'Midvale' },
      }
      const named = { ...event, id: `move-${subject}-${Date.now()}`, datacontenttype: 'application/json' }
      return publisher('POST', `/rooms/v1/${room}/pub/v1/${MOVED_EVENT}`, { event: named })
    }
    const first = await publish('P00000042')
    const other = await publish('X00000001')
    const last = await publish('P00000007')
    say(
      `  published       ${first.sequence}, ${other.sequence} and ${last.sequence}, each once for all subscribers`,
    )
    // Each is leased for a minute, and may come in an answer of its own.
    const came = new Map<string, Fetched['events'][number]>()
    const fetched = await until('both events in the inbox', async () => {
      const { events } = await subscriber<Fetched>('GET', `/deliveries/v1/inbox/${inbox}?limit=100`)
      for (const one of events) came.set(one.event.sequence, one)
      if (came.has(other.sequence)) throw new Error('an event came that the filter does not let pass')
      const both = [first, last].flatMap(({ sequence }) => came.get(sequence) ?? [])
      return both.length === 2 ? both : undefined
    })
    for (const { id } of fetched)
      await subscriber('POST', `/deliveries/v1/inbox/${inbox}/${id}/acknowledgement`)
    const { event, delivery } = fetched[1]!
    if (event.sequenceafter !== first.sequence) throw new Error('the chain of what came has a gap')
    say(
      `  received        ${first.sequence}, then ${event.sequence}, which says that it comes after it: none is missing`,
    )
    const { given } = await subscriber<Subscription>('GET', subscriptions)
    if (given !== last.sequence) throw new Error(`the subscription was given ${given}`)
    say(`  acknowledged    both; asked, the ${population.name} signs that ${given} was the last`)
    await until('the receipt of the inbox', async () => {
      const { state } = await publisher<{ state: string }>('GET', `/deliveries/v1/sent/${delivery}`)
      return state === 'consumed' ? state : undefined
    })
    for (const agency of [population, tax])
      await proveDelivery(instance, agency, { id: delivery, file: 'event-evidence' }, say)
  } finally {
    await Promise.all([publisher, subscriber].map(({ close }) => close()))
  }
}
