/**
 * One-way messages: what systems hand over is delivered to inboxes elsewhere, and what comes to our inboxes
 * waits for its system.
 */
import type { Kysely } from 'kysely'
import type { FeatureModule } from '#platform/feature.ts'
import { lookApart } from '#platform/jobs/looks.ts'
import type { Services } from '#platform/services.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Inbox } from '../../peer/inbox.ts'
import { acceptDelivery, type Handed } from './accept-delivery.ts'
import { askReceipts } from './ask-receipts.ts'
import { askStates } from './ask-states.ts'
import { createBoxStore } from './box-store.ts'
import { checkInbox, refusedRoutes } from './check-inbox.ts'
import { deliveryRoutes } from './client-routes.ts'
import { type ContentKeys, openContentKeys } from './content-keys.ts'
import { createDeliveryKeys, type KeyHolder } from './delivery-keys.ts'
import { checkOrder } from './erased-exchanges.ts'
import { createErasedRequests, erasedAmong } from './erased-requests-store.ts'
import { deliveryHandlers } from './handlers.ts'
import { createInbox } from './inbox.ts'
import { createInboxReceipts } from './inbox-receipts-store.ts'
import { deliveryKeyHandlers } from './key-handlers.ts'
import { createKeyRecords } from './keys-store.ts'
import { deliveryMigrations } from './migrations.ts'
import { createNames, type Names } from './names.ts'
import { createNameKeyStore, createOldNames } from './names-store.ts'
import { outboxFinding } from './outbox-finding.ts'
import { outboxUse, shareOf, wayShareOf } from './outbox-places-store.ts'
import { createPusher, pushToken } from './push.ts'
import { createReceiptsAgain } from './receipts-again-store.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { createRouteStore } from './route-store.ts'
import { createSender } from './sender.ts'
import type { DeliverySettings } from './settings.ts'
import { isUpkeepDue, keepUp } from './upkeep.ts'

type Ground = Pick<Services, 'database' | 'node' | 'clock' | 'log' | 'metrics'> &
  Omit<
    DeliveryRooms,
    | 'settings'
    | 'door'
    | 'keys'
    | 'names'
    | 'outbox'
    | 'inbox'
    | 'routes'
    | 'inboxReceipts'
    | 'receiptsAgain'
    | 'erasedRequests'
    | 'node'
  > & {
    settings: { deliveries: DeliverySettings }
    folder(name: string): Promise<string>
    /** Writes a file of such a folder on all nodes of the server; undefined for a server that is one node. */
    shareIn(folder: string): ((name: string, bytes: Buffer) => Promise<void>) | undefined
    clientDoor: DeliveryRooms['door']
    /** Asked before an exchange is erased by order. */
    erasureOrders: {
      beforeOrders(check: (index: number) => Promise<(() => Promise<void>) | undefined>): void
    }
    /** Crash tests alone change something here. */
    armDeliveries(rooms: DeliveryRooms): DeliveryRooms
  }

type Offers = {
  inbox: Inbox
  /** For features that send on behalf of a subsystem of ours. */
  deliveryDoor: {
    enqueue(delivery: Handed): Promise<{ delivery: string }>
    /** How many messages of this subsystem wait for this inbox, counted up to `most`. */
    waiting(q: Pick<Handed, 'client' | 'service'> & { most: number }): Promise<number>
    /**
     * Whether this inbox would take messages of this subsystem now. Throws `inbox_refuses`,
     * `inbox_not_asked`.
     */
    checkInbox(q: Pick<Handed, 'client' | 'service'>): Promise<void>
    /** Ways on which messages wait that are refused, those that were refused first at the beginning. */
    refusedRoutes(most: number): Promise<{ client: string; service: string }[]>
  }
  /**
   * For rows of other features that hold events: the same keys seal and name all that waits in the database.
   */
  eventSeals: {
    keys: ContentKeys
    names: Pick<Names, 'nameOf'>
    addHolder(holder: KeyHolder): void
    /**
     * Which of these requests to a service are being erased by order, or were a short time ago; no other is
     * until the commit.
     */
    erasedAmong(
      transaction: Kysely<unknown>,
      q: { service: string; records: (number | null)[] },
    ): Promise<Set<number>>
  }
}

/** What a scrape counts: bounded, since it is asked for every few seconds. */
const WATCHED = ['waiting', 'dead'] as const
const MOST_WATCHED = 10_000
/** What is due is seen within a second; this is for what no look sees. */
const SWEEP_SECONDS = 30
const UPKEEP_SECONDS = 600
/** How often it is looked what time has brought. */
const LOOK_MS = 10_000

export const deliveries: FeatureModule<Ground, Offers> = {
  name: 'deliveries',
  migrations: deliveryMigrations,
  open: async (ground) => {
    const { database, node, metrics } = ground
    const inbox = createBoxStore(database, 'inbox', ground.settings.deliveries)
    const keys = openContentKeys(await ground.folder('delivery-keys'), ground.shareIn('delivery-keys'))
    const rooms = ground.armDeliveries({
      ...ground,
      ...{ settings: ground.settings.deliveries, door: ground.clientDoor, inbox },
      ...{ keys, names: createNames(createNameKeyStore(database), keys) },
      outbox: createBoxStore(database, 'outbox', ground.settings.deliveries),
      routes: createRouteStore(database),
      inboxReceipts: createInboxReceipts(database, inbox),
      receiptsAgain: createReceiptsAgain(database),
      erasedRequests: createErasedRequests(database),
    })
    const keyRecords = createKeyRecords(database)
    const deliveryKeys = createDeliveryKeys({ ...rooms, keyRecords, oldNames: createOldNames(database) })
    await deliveryKeys.open()
    await rooms.outbox.free(`${node} `)
    await rooms.inbox.free(pushToken(node))
    ground.erasureOrders.beforeOrders((index) => checkOrder(index, rooms))
    const sender = createSender(rooms)
    const ending = new AbortController()
    const pusher = createPusher(rooms)
    const counts = async (): Promise<Map<string, number>> => {
      const named = async (box: 'outbox' | 'inbox') =>
        Object.entries(await rooms[box].counts(WATCHED, MOST_WATCHED)).map(
          ([state, rows]) => [`${box} ${state}`, rows] as const,
        )
      return new Map([...(await named('outbox')), ...(await named('inbox'))])
    }
    metrics.watch(
      'concordat_deliveries',
      `One-way messages that wait or are dead letters, by box and state; ${MOST_WATCHED} means at least so many`,
      'box_state',
      counts,
    )
    metrics.watch(
      'concordat_outbox_share',
      'How much of its bound the subsystem uses that has most in the outbox, and how much of its part the fullest receiver of any; at 1 messages are refused',
      'of',
      async () => {
        const uses = await outboxUse(database)
        const most = (share: typeof wayShareOf): number =>
          Math.max(0, ...uses.map((use) => share(use, rooms.settings)))
        return [
          ['fullest', most(shareOf)],
          ['fullest_receiver', most(wayShareOf)],
        ] as const
      },
    )
    return {
      offers: {
        inbox: createInbox(rooms),
        deliveryDoor: {
          enqueue: async (delivery) => {
            const { row } = await acceptDelivery(delivery, rooms)
            sender.wake()
            return { delivery: row.delivery }
          },
          waiting: ({ client, service, most }) =>
            rooms.outbox.waitingFor({ client: idText(client), service: idText(service), most }),
          checkInbox: ({ client, service }) =>
            checkInbox({ client: idText(client), service: idText(service) }, rooms),
          refusedRoutes: (most) => refusedRoutes(most, rooms),
        },
        eventSeals: {
          ...{ keys: rooms.keys, names: rooms.names, addHolder: deliveryKeys.addHolder },
          erasedAmong,
        },
      },
      health: {
        deliveries: () => deliveryKeys.finding(),
        outbox: async () => outboxFinding(await outboxUse(database), rooms.settings, rooms.routes.fullestOf),
      },
      operations: { ...deliveryHandlers(rooms, sender), ...deliveryKeyHandlers(deliveryKeys) },
      routes: { clients: (app) => deliveryRoutes(app, { ...rooms, sender }) },
      jobs: [
        {
          ...{ kind: 'send-deliveries', everySeconds: SWEEP_SECONDS, onEachNode: true },
          ...{ isDue: sender.isDue, run: () => sender.run() },
        },
        {
          ...{ kind: 'ask-delivery-receipts', everySeconds: SWEEP_SECONDS },
          isDue: () => rooms.routes.areReceiptsDue(iso(rooms.clock())),
          run: async ({ signal }) =>
            void (await askReceipts(rooms, AbortSignal.any([signal, ending.signal]))),
        },
        { kind: 'ask-delivery-states', everySeconds: 3600, run: ({ signal }) => askStates(rooms, signal) },
        {
          ...{ kind: 'push-deliveries', everySeconds: SWEEP_SECONDS, onEachNode: true },
          isDue: pusher.isDue,
          run: ({ signal }) => pusher.run(signal),
        },
        {
          ...{ kind: 'read-delivery-keys', everySeconds: UPKEEP_SECONDS, onEachNode: true },
          isDue: lookApart(LOOK_MS, rooms.clock, () => deliveryKeys.isNew()),
          run: () => deliveryKeys.refresh(),
        },
        {
          ...{ kind: 'keep-up-deliveries', everySeconds: UPKEEP_SECONDS, destroys: true },
          isDue: lookApart(LOOK_MS, rooms.clock, () => isUpkeepDue(rooms)),
          run: ({ signal }) => keepUp(rooms, signal),
        },
      ],
      drain: () => {
        ending.abort()
        return sender.stop()
      },
    }
  },
}
