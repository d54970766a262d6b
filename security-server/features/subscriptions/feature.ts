/**
 * Publish and subscribe: events that are published in a room of ours are given to those who subscribed, as
 * one-way messages or by fetching.
 */
import type { FeatureModule } from '#platform/feature.ts'
import type { Finding } from '#platform/health/create-health.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import type { Services } from '#platform/services.ts'
import { say } from '#schemas/said.ts'
import { createMessageValidator } from '../../local-systems/validation/validate-messages.ts'
import type { Room } from '../../peer/inbox.ts'
import { roomRoutes } from './client-routes.ts'
import { checkOrder, type ReadsRecords } from './erased-exchanges.ts'
import { createEventStore } from './event-store.ts'
import { claimToken, isAnyDue } from './give-out.ts'
import { createGiver } from './giver.ts'
import { STATES, subscriptionHandlers } from './handlers.ts'
import { isAnyInboxRefusing, lookAtInboxes } from './look-at-inboxes.ts'
import { subscriptionMigrations } from './migrations.ts'
import { createPullStore } from './pull-store.ts'
import { createRoom } from './room.ts'
import type { DeliveryDoor, EventSeals, SubscriptionRooms } from './rooms.ts'
import { createSourceStore } from './source-store.ts'
import { createSubscriptionStore } from './subscription-store.ts'
import { createTypeStore } from './type-store.ts'
import { isUpkeepDue, keepUp } from './upkeep.ts'

type Ground = Pick<Services, 'database' | 'node' | 'clock' | 'log' | 'metrics'> &
  Pick<SubscriptionRooms, 'globalConfiguration' | 'contracts' | 'localSystems' | 'jobs'> & {
    settings: { deliveries: { eventBytes: number; typeBytes: number } }
    clientDoor: SubscriptionRooms['door']
    deliveryDoor: DeliveryDoor
    eventSeals: EventSeals
    messageLog: ReadsRecords
    /** Asked before an exchange is erased by order, after deliveries have marked its request. */
    erasureOrders: { beforeOrders(check: (index: number) => Promise<undefined>): void }
    /** Crash tests alone change something here. */
    armSubscriptions(rooms: SubscriptionRooms): SubscriptionRooms
  }

type Offers = { room: Room }

/** What is due is seen within a second; this is for what no look sees. */
const SWEEP_SECONDS = 30
const UPKEEP_SECONDS = 600
const INBOX_SECONDS = 300
/** How often it is looked which messages are refused. */
const INBOX_LOOK_MS = 10_000
/** Counted up to so many. */
const MOST_REFUSED = 10_000
/** How often it is looked whose days are over. */
const LOOK_MS = 60_000

export const subscriptions: FeatureModule<Ground, Offers> = {
  name: 'subscriptions',
  migrations: subscriptionMigrations,
  open: async (ground) => {
    const { database, node, metrics, log, eventSeals } = ground
    const counter = metrics.counter(
      'concordat_room_events_total',
      'Events of rooms: published, given out to a subscription, and passed over since one could not be given it',
      ['what'],
    )
    const validator = createMessageValidator({
      onEnded: () => log.warn('an event or the schema of its type took too long to be judged'),
    })
    const store = createSubscriptionStore(database)
    const giver = createGiver(log)
    const rooms = ground.armSubscriptions({
      ...{ ...ground, eventBytes: ground.settings.deliveries.eventBytes, validator },
      ...{ door: ground.clientDoor, deliveries: ground.deliveryDoor, keys: eventSeals.keys },
      ...{ types: createTypeStore(database), sources: createSourceStore(database) },
      events: createEventStore(database, ground.settings.deliveries, eventSeals.erasedAmong),
      ...{ subscriptions: store, pulls: createPullStore(database) },
      names: eventSeals.names,
      wake: () => giver.wake(rooms),
      count: (what) => counter.inc({ what }),
    })
    const inboxes = { ...rooms, askedRoutes: new Map<string, number>() }
    giver.listen(rooms)
    eventSeals.addHolder(rooms.events)
    ground.erasureOrders.beforeOrders((index) =>
      checkOrder(index, { ...rooms, messageLog: ground.messageLog }),
    )
    await store.free(claimToken(node))
    metrics.watch(
      'concordat_room_subscriptions',
      'Subscriptions to event types by state; 10000 means at least so many',
      'state',
      async () => Object.entries(await store.counts(STATES)),
    )
    return {
      offers: { room: createRoom(rooms) },
      operations: subscriptionHandlers(rooms),
      routes: { clients: (app) => roomRoutes(app, rooms) },
      health: { rooms: () => findingOf(rooms) },
      jobs: [
        {
          ...{ kind: 'give-out-events', everySeconds: SWEEP_SECONDS, onEachNode: true },
          ...{ isDue: () => isAnyDue(rooms), run: () => giver.run(rooms) },
        },
        {
          ...{ kind: 'look-at-inboxes', everySeconds: INBOX_SECONDS },
          isDue: lookApart(INBOX_LOOK_MS, rooms.clock, () => isAnyInboxRefusing(inboxes)),
          run: ({ signal }) => lookAtInboxes(inboxes, signal),
        },
        {
          ...{ kind: 'keep-up-rooms', everySeconds: UPKEEP_SECONDS, destroys: true },
          isDue: lookApart(LOOK_MS, rooms.clock, () => isUpkeepDue(rooms)),
          run: ({ signal }) => keepUp(rooms, signal),
        },
      ],
      drain: () => giver.stop(),
      close: () => validator.close(),
    }
  },
}

/** What lapsed or is refused is told and stops nothing: a subscriber alone could cause it. */
async function findingOf({ events, keys, subscriptions: all }: SubscriptionRooms): Promise<Finding> {
  if (await events.isSealedOtherwise(keys.known))
    return { ok: false, reason: say`events of rooms wait whose key is not in delivery-keys: copy it here` }
  const { lapsed } = await all.counts(['lapsed'])
  const refused = await all.suspendedBy('inbox_refuses', MOST_REFUSED)
  const full = await all.suspendedBy('outbox_full', MOST_REFUSED)
  const reasons = [
    ...(lapsed > 0 ? [`${lapsed} subscriptions lapsed: events went that they had not been given`] : []),
    ...(refused > 0
      ? [`${refused} subscriptions are refused by their inboxes: see Publish and subscribe`]
      : []),
    ...(full > 0
      ? [
          `${full} subscriptions are given nothing: the outbox has no place for their inboxes (docs/deliveries.md)`,
        ]
      : []),
  ]
  return reasons.length === 0 ? { ok: true } : { ok: true, reason: reasons.join('; ') }
}
