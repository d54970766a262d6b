/**
 * Asks the server of an inbox whether it would take messages of a subsystem of ours, by an exchange that
 * changes nothing: a page without receipts. Guarantees that what is missing there is named. An inbox of an
 * earlier version says nothing of messages, and a service that is no inbox answers as it likes: both are
 * there, and let the subsystem in so far.
 */
import { headerValue } from '#core/transport/header-list.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import { HEADER } from '#schemas/wire.ts'
import { pageIn } from './ask-receipts.ts'
import { MAY_SEND } from './receipts-page.ts'
import type { DeliveryRooms } from './rooms.ts'
import { INBOX_ANSWER } from './send-delivery.ts'
import { OURS } from './take-receipts.ts'

type Carried = Awaited<ReturnType<DeliveryRooms['door']['carry']>>

/** Throws `inbox_refuses`, `inbox_not_asked`, and what an exchange is refused for here. */
export async function checkInbox(
  { client, service }: { client: string; service: string },
  rooms: Pick<DeliveryRooms, 'door' | 'routes'>,
): Promise<void> {
  const answer = await rooms.door
    .carry({
      ...{ method: 'GET', url: `/r1/${service}/receipts?after=0&limit=0&${MAY_SEND}` },
      rawHeaders: [HEADER.client, client, 'Accept', INBOX_ANSWER],
    })
    .catch((cause: unknown): never => {
      throw faultOf(cause, service)
    })
  const refused = isOfInbox(answer) ? (await pageOf(answer, service)).refusesMessages : undefined
  if (refused !== undefined && refused !== '')
    throw new Fault('inbox_refuses', { what: `${service}: ${refused} for POST /` })
  // A service that is no inbox says nothing of messages: those that wait try for themselves.
  if (refused === '') await rooms.routes.reopened({ client, service })
}

/**
 * Routes on which messages wait that are refused with a code that says more than that something cannot be
 * reached.
 */
export async function refusedRoutes(
  most: number,
  { routes }: Pick<DeliveryRooms, 'routes'>,
): Promise<{ client: string; service: string }[]> {
  const refused = (await routes.failing()).filter(({ error }) => {
    const entry = (catalogue as Record<string, { status: number }>)[error]
    return entry !== undefined && isForGood(entry)
  })
  return refused.slice(0, most).map(({ client, service }) => ({ client, service }))
}

function isOfInbox({ status, headers }: Carried): boolean {
  const type = headerValue(headers, 'content-type') ?? ''
  return status === 200 && type.toLowerCase().startsWith(INBOX_ANSWER)
}

const pageOf = (answer: Carried, service: string): ReturnType<typeof pageIn> =>
  pageIn(answer).catch((cause: unknown): never => {
    throw new Fault('inbox_not_asked', { what: `${service}: ${asFault(cause).code}`, cause })
  })

/** Whatever its server refused is for the inbox's side to mend; a failure on the way may be over soon. */
function faultOf(cause: unknown, service: string): Fault {
  const fault = asFault(cause)
  const code = fault.received?.type.split('.').at(-1) ?? fault.code
  const entry = (catalogue as Record<string, { status: number }>)[code]
  if (fault.received !== undefined && entry !== undefined && isForGood(entry))
    return new Fault('inbox_refuses', { what: `${service}: ${code} for GET /receipts`, cause })
  // Our own side: its words say what is wrong.
  if (fault.received === undefined && (OURS.has(code) || catalogue[fault.code].status < 500)) return fault
  return new Fault('inbox_not_asked', { what: `${service}: ${code.slice(0, 100)}`, cause })
}

/** A used-up quota is over soon, as is what is wrong with a server. */
function isForGood({ status }: { status: number }): boolean {
  return status < 500 && status !== 429
}
