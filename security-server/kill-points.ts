/**
 * For crash tests: wraps the rooms so that the process kills itself at a named point of an exchange. Only
 * main.ts uses it, and only under `development: true`. The message path itself has no line for it.
 */
import { Fault } from '#schemas/fault.ts'
import type { Settings } from './config.ts'
import type { ConsumerRooms } from './consumer/rooms.ts'
import type { DeliveryRooms } from './features/deliveries/rooms.ts'
import type { SubscriptionRooms } from './features/subscriptions/rooms.ts'
import type { PathLog } from './peer/message-log.ts'
import type { VerifyMessage } from './peer/verify-message.ts'
import type { ProviderRooms } from './provider/rooms.ts'

export const KILL_POINTS = [
  'after-verify',
  'after-intent',
  'after-call',
  'after-reply-commit',
  'before-answer',
] as const
const HALVES = ['consumer', 'provider', 'deliveries', 'subscriptions']
type KillPoint = (typeof KILL_POINTS)[number]

/** Sends SIGKILL to this process: no handler runs, nothing is flushed. */
function die(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('killed')
}

/** The provider's rooms, which kill the process at `point`. */
function armProvider(rooms: ProviderRooms, point: KillPoint): ProviderRooms {
  const { serviceClient, messageLog } = rooms
  switch (point) {
    case 'after-verify':
      return { ...rooms, verifyMessage: dieAfterVerify(rooms.verifyMessage) }
    case 'after-intent':
      return { ...rooms, messageLog: dieAfter(messageLog, 'request') }
    case 'after-call':
      return {
        ...rooms,
        serviceClient: {
          ...serviceClient,
          call: async (q) => {
            await serviceClient.call(q)
            return die()
          },
        },
      }
    case 'after-reply-commit':
      return { ...rooms, messageLog: dieAfter(messageLog, 'reply') }
    case 'before-answer':
      return { ...rooms, messageLog: { ...messageLog, treeHead: die } }
  }
}

/**
 * The consumer's rooms, which kill the process at `point`; the points have the same names, but their order is
 * the consumer's.
 */
function armConsumer(rooms: ConsumerRooms, point: KillPoint): ConsumerRooms {
  const { peerClient, messageLog } = rooms
  switch (point) {
    case 'after-intent':
      return { ...rooms, messageLog: dieAfter(messageLog, 'request') }
    case 'after-call':
      return {
        ...rooms,
        peerClient: {
          ...peerClient,
          post: async (q) => {
            await peerClient.post(q)
            return die()
          },
        },
      }
    case 'after-verify':
      return { ...rooms, verifyMessage: dieAfterVerify(rooms.verifyMessage) }
    case 'after-reply-commit':
    case 'before-answer':
      return { ...rooms, messageLog: dieAfter(messageLog, 'reply') }
  }
}

function dieAfter(messageLog: PathLog, kind: 'request' | 'reply'): PathLog {
  return {
    ...messageLog,
    append: async (entry) => {
      const record = await messageLog.append(entry)
      return entry.kind === kind ? die() : record
    },
  }
}

function dieAfterVerify(verifyMessage: VerifyMessage): VerifyMessage {
  return async (q) => {
    await verifyMessage(q)
    return die()
  }
}

/**
 * Reads a setting such as "provider:after-intent". Throws `invalid_configuration` without `development: true`
 * and for unknown points.
 */
function killPointOf(settings: Settings): { half: string; point: KillPoint } | undefined {
  if (settings.killPoint === undefined) return undefined
  const [half, name] = settings.killPoint.split(':')
  const point = KILL_POINTS.find((one) => one === name)
  if (!settings.development || point === undefined || half === undefined || !HALVES.includes(half)) {
    throw new Fault('invalid_configuration', { what: 'killPoint is for development: half:point' })
  }
  return { half, point }
}

/** The same step, after which the process ends. */
function thenDie<A extends unknown[], R>(act: (...given: A) => Promise<R>): (...given: A) => Promise<R> {
  return async (...given) => {
    await act(...given)
    return die()
  }
}

/** The rooms of deliveries, which kill the process after the step that the point is nearest to. */
function armDeliveries(rooms: DeliveryRooms, point: KillPoint): DeliveryRooms {
  const { outbox, door, inboxReceipts, messageLog } = rooms
  switch (point) {
    case 'after-verify':
      return { ...rooms, outbox: { ...outbox, add: thenDie(outbox.add) } }
    case 'after-intent':
      return { ...rooms, messageLog: { ...messageLog, append: thenDie(messageLog.append) } }
    case 'after-call':
      return { ...rooms, door: { ...door, carry: thenDie(door.carry) } }
    case 'after-reply-commit':
      return { ...rooms, outbox: { ...outbox, endWith: thenDie(outbox.endWith) } }
    case 'before-answer':
      return { ...rooms, inboxReceipts: { ...inboxReceipts, end: thenDie(inboxReceipts.end) } }
  }
}

/**
 * The rooms of subscriptions, likewise: an event is published, handed to the door, and then the cursor moves;
 * or it is fetched.
 */
function armSubscriptions(rooms: SubscriptionRooms, point: KillPoint): SubscriptionRooms {
  const { events, deliveries, subscriptions, pulls } = rooms
  switch (point) {
    case 'after-verify':
      return { ...rooms, subscriptions: { ...subscriptions, add: thenDie(subscriptions.add) } }
    case 'after-intent':
      return { ...rooms, events: { ...events, publish: thenDie(events.publish) } }
    case 'after-call':
      return { ...rooms, deliveries: { ...deliveries, enqueue: thenDie(deliveries.enqueue) } }
    case 'after-reply-commit':
      return { ...rooms, subscriptions: { ...subscriptions, moved: thenDie(subscriptions.moved) } }
    case 'before-answer':
      return { ...rooms, pulls: { ...pulls, lease: thenDie(pulls.lease) } }
  }
}

/**
 * Functions that wrap the rooms of each half. Without the setting `killPoint` they return the rooms
 * unchanged.
 */
export function armedBy(settings: Settings): {
  armConsumer(rooms: ConsumerRooms): ConsumerRooms
  armProvider(rooms: ProviderRooms): ProviderRooms
  armDeliveries(rooms: DeliveryRooms): DeliveryRooms
  armSubscriptions(rooms: SubscriptionRooms): SubscriptionRooms
} {
  const armed = killPointOf(settings)
  return {
    armConsumer: (rooms) => (armed?.half === 'consumer' ? armConsumer(rooms, armed.point) : rooms),
    armDeliveries: (rooms) => (armed?.half === 'deliveries' ? armDeliveries(rooms, armed.point) : rooms),
    armSubscriptions: (rooms) =>
      armed?.half === 'subscriptions' ? armSubscriptions(rooms, armed.point) : rooms,
    armProvider: (rooms) => (armed?.half === 'provider' ? armProvider(rooms, armed.point) : rooms),
  }
}
