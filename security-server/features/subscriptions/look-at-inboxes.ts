/**
 * Finds subscriptions whose inbox does not take messages any more: its server refuses those that wait, since
 * a right, a contract or the inbox itself is gone. Guarantees that publisher and subscriber see why, and that
 * the subscription goes on by itself when the inbox takes them again. A server that cannot be reached is no
 * refusal: what was handed over waits for it.
 */
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { parseClientId, parseServiceId } from '#schemas/identifiers.ts'
import { iso, type SubscriptionRooms } from './rooms.ts'
import type { StoredSubscription } from './subscription-reads-store.ts'

/** What is told of the inbox itself, in `about`. */
const MOST_TOLD = 200
/** Routes that are looked at in one run; the others are in the next ones. */
const MOST_ROUTES = 100

/**
 * An inbox that was asked is not asked again for so long. To ask is an exchange that both logs keep, and one
 * that takes messages again opens its route: what waits would never wait its turn.
 */
const APART_MS = 300_000

type Route = { client: string; service: string }
/** When inboxes were asked, by their routes. */
type AskedRoutes = Map<string, number>
type Rooms = Pick<SubscriptionRooms, 'subscriptions' | 'deliveries' | 'clock' | 'log'> & {
  askedRoutes: AskedRoutes
}

/** Whether messages are refused that a subscription goes on sending; reads only. */
export async function isAnyInboxRefusing(rooms: Rooms): Promise<boolean> {
  for (const route of await rooms.deliveries.refusedRoutes(MOST_ROUTES))
    if (!isAskedLately(route, rooms) && (await rooms.subscriptions.activeTo(route)).length > 0) return true
  return false
}

/** Asks each inbox once. */
export async function lookAtInboxes(rooms: Rooms, signal: AbortSignal): Promise<void> {
  for (const route of await rooms.deliveries.refusedRoutes(MOST_ROUTES)) {
    if (signal.aborted) return
    if (isAskedLately(route, rooms)) continue
    const active = await rooms.subscriptions.activeTo(route)
    if (active.length === 0) continue
    rooms.askedRoutes.set(nameOf(route), rooms.clock())
    const refused = await askInbox(route, rooms)
    if (refused?.code !== 'inbox_refuses') continue
    for (const one of active) await halt(one, refused, rooms)
  }
}

/** Whether a subscription was halted by its inbox, which is asked before it goes on. */
export function isHaltedByInbox({ state, error }: Pick<StoredSubscription, 'state' | 'error'>): boolean {
  return state === 'suspended' && (error === 'inbox_refuses' || error === 'inbox_not_asked')
}

/** What a refusal says of the inbox, without naming it again; '' of every other fault. */
export function aboutOf(cause: unknown): string {
  const fault = asFault(cause)
  if (fault.code !== 'inbox_refuses' && fault.code !== 'inbox_not_asked') return ''
  const what = fault.what ?? ''
  return what
    .slice(what.indexOf(': ') + 1)
    .trim()
    .slice(0, MOST_TOLD)
}

const nameOf = ({ client, service }: Route): string => `${client} ${service}`

function isAskedLately(route: Route, { askedRoutes, clock }: Pick<Rooms, 'askedRoutes' | 'clock'>): boolean {
  const at = askedRoutes.get(nameOf(route))
  if (at === undefined) return false
  // Also a clock that was set back.
  if (Math.abs(clock() - at) < APART_MS) return true
  askedRoutes.delete(nameOf(route))
  return false
}

async function askInbox({ client, service }: Route, { deliveries }: Rooms): Promise<Fault | undefined> {
  try {
    await deliveries.checkInbox({ client: parseClientId(client), service: parseServiceId(service) })
    return undefined
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    return cause
  }
}

async function halt(one: StoredSubscription, refused: Fault, rooms: Rooms): Promise<void> {
  const now = rooms.clock()
  const { code, detail } = refused
  rooms.log.warn(
    { subscription: one.id, outcome: code, detail },
    'the inbox of a subscription refuses messages',
  )
  const change = {
    ...({ state: 'suspended', error: code, about: aboutOf(refused), failures: 1 } as const),
    ...{ due_at: iso(now + backOff(1, Math.random())), changed_at: iso(now) },
  }
  await rooms.subscriptions.change(one, change, ['active'])
}
