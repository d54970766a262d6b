/**
 * Carries one claimed message in an ordinary exchange. Guarantees that the row says what became of it:
 * delivered with the index of the signed reply, given back for another attempt, or dead after a final
 * refusal. After an unknown outcome it is sent again: the inbox keeps an event once
 * (docs/decisions/deliveries.md).
 */

import { STRUCTURED } from '#core/events/read-event.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault, type Fault } from '#schemas/fault.ts'
import { catalogue } from '#schemas/fault-catalogue.ts'
import { HEADER } from '#schemas/wire.ts'
import { NotSent } from '../../peer/not-sent.ts'
import { abandonSent } from './abandon.ts'
import type { StoredOutbox } from './box-store.ts'
import { openFacts } from './facts.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import type { Route } from './tables.ts'

/** The type of an inbox's answers: who gives it also gives receipts. */
export const INBOX_ANSWER = 'application/vnd.concordat.delivery+json'

/** About this message alone: no other attempt would be answered otherwise. */
const FINAL: ReadonlySet<string> = new Set([
  ...['event_id_reused', 'invalid_event', 'malformed_json', 'not_as_described', 'outside_contract'],
  ...['body_too_large', 'headers_too_large', 'representation_refused'],
  // While it was on its way somebody ordered to erase its exchange there.
  'delivery_discarded',
  // Of one person: others on the same way may have agreed.
  ...['consent_missing', 'consent_ended', 'consent_used_up'],
  // Nobody repeats it for a person who has released an answer, and each attempt would ask them anew.
  ...['preview_required', 'preview_impossible'],
])
/** Of a service that is no inbox: what these statuses say may be over later (RFC 9110 section 15). */
const LATER: ReadonlySet<number> = new Set([401, 403, 404, 408, 421, 423, 425, 429])
const AFTER_OTHERS_MS = 5_000
const FIRST_ASKED_MS = 500

/** Resolves to false when the way is closed: nothing else should be sent on it now. */
export async function sendDelivery(
  row: StoredOutbox,
  { route, token }: { route: Route; token: string },
  rooms: DeliveryRooms,
): Promise<boolean> {
  const now = rooms.clock()
  if (row.expires_at !== '' && row.expires_at <= iso(now)) {
    await abandonSent(row, { reason: 'delivery_expired', token }, rooms)
    return true
  }
  if (row.content === null) throw new Error('a waiting message has no content')
  const event = rooms.keys.open(`event ${row.delivery}`, row.content)
  const { headers } = openFacts(rooms.keys, row)
  try {
    const answer = await rooms.door.carry({
      ...{ method: 'POST', url: `/r1/${route.service}`, body: event },
      rawHeaders: [
        ...[HEADER.client, route.client, HEADER.id, row.delivery],
        ...['Content-Type', STRUCTURED, 'Accept', INBOX_ANSWER],
        ...headers.flat(),
      ],
    })
    return await answered(row, { route, token, answer }, rooms)
  } catch (cause) {
    return failed(row, { route, token, fault: asFault(cause) }, rooms)
  }
}

type Carried = Awaited<ReturnType<DeliveryRooms['door']['carry']>>

async function answered(
  row: StoredOutbox,
  q: { route: Route; token: string; answer: Carried },
  rooms: DeliveryRooms,
): Promise<boolean> {
  const { route, token, answer } = q
  const { status, facts } = answer
  const at = iso(rooms.clock())
  if (status >= 200 && status < 300) {
    const type = headerValue(answer.headers, 'content-type') ?? ''
    const givesReceipts = type.toLowerCase().startsWith(INBOX_ANSWER)
    const state = givesReceipts ? 'delivered' : 'done'
    const ended = { state, at, arrived: 'yes', exchangeRecord: facts.index, error: '', drops: true } as const
    const receiptsAt = givesReceipts ? iso(rooms.clock() + FIRST_ASKED_MS) : undefined
    // In one commit: otherwise a crash would leave a message whose receipt nobody asks for.
    await rooms.outbox.endWith(row, ended, {
      from: ['waiting'],
      beside: {
        name: `${route.id} ${state}`,
        write: (transaction) => rooms.routes.succeeded(transaction, { id: route.id, receiptsAt }),
      },
    })
    return true
  }
  const error = `http_${status}`
  const isFinal = status < 500 && !LATER.has(status)
  // An answer, though not the one that was wished for: its server had the message.
  const arrived = 'unknown'
  if (isFinal || row.attempts >= rooms.settings.attempts)
    await bury({ ...row, arrived }, { token, error }, rooms)
  else {
    const dueAt = iso(rooms.clock() + backOff(row.attempts, Math.random()))
    await rooms.outbox.giveBack(row, { token, dueAt, error, arrived })
  }
  return true
}

async function failed(
  row: StoredOutbox,
  q: { route: Route; token: string; fault: Fault },
  rooms: DeliveryRooms,
): Promise<boolean> {
  const { route, token, fault } = q
  const error = codeOf(fault).slice(0, 100)
  const arrived = row.arrived === 'unknown' || mayHaveArrived(fault) ? 'unknown' : row.arrived
  if (error === 'delivery_expired') {
    await abandonSent({ ...row, arrived }, { reason: 'delivery_expired', token }, rooms)
    return true
  }
  if (FINAL.has(error)) {
    await bury({ ...row, arrived }, { token, error }, rooms)
    return true
  }
  // Whatever else is wrong is not of this message: nothing else passes either until it is over.
  // All that were sent at once count as one failure.
  const failures = route.failures + 1
  const wait = Math.max(backOff(failures, Math.random()), (fault.retryAfter ?? 0) * 1000)
  const nextAt = iso(rooms.clock() + wait)
  await rooms.routes.failed(route.id, { failures, nextAt, error })
  // Another message tries first when the way opens again: this one may be why it was closed.
  const dueAt = iso(rooms.clock() + wait + Math.min(wait, AFTER_OTHERS_MS))
  await rooms.outbox.giveBack(row, { token, dueAt, error, arrived })
  return false
}

/** To the dead letters; what comes after it in its lane goes on. */
async function bury(
  row: StoredOutbox,
  { token, error }: { token: string; error: string },
  rooms: DeliveryRooms,
): Promise<void> {
  const ended = { state: 'dead', at: iso(rooms.clock()), error, arrived: row.arrived, drops: false } as const
  await rooms.outbox.end(row, ended, { from: ['waiting'], token })
  rooms.log.warn({ delivery: row.delivery, outcome: error }, 'a delivery went to the dead letters')
}

/** The bare code, whoever said it. */
function codeOf(fault: Fault): string {
  return (fault.received?.type ?? fault.code).split('.').at(-1)!
}

/**
 * Not what was never sent, and not what is refused with a code that no server gives once it has taken a
 * request.
 */
function mayHaveArrived(fault: Fault): boolean {
  if (fault instanceof NotSent) return false
  const entry = (catalogue as Record<string, { given?: string }>)[codeOf(fault)]
  return fault.received === undefined || entry === undefined || entry.given !== undefined
}
