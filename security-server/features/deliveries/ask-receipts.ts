/**
 * Obtains the receipts of messages that were delivered: asks the inbox in ordinary exchanges, for many at
 * once. Guarantees that every receipt is taken or found wrong: what could not be judged is asked for again.
 */
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { backOff } from '#platform/jobs/back-off.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { HEADER } from '#schemas/wire.ts'
import { firstOf } from './first-of.ts'
import { INBOX_STATES, MOST_ASKED, MOST_RECEIPTS, type ReceiptsPage } from './receipts-page.ts'
import { renewEvery } from './renew-claim.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import { INBOX_ANSWER } from './send-delivery.ts'
import type { Route } from './tables.ts'
import { takeReceipts } from './take-receipts.ts'

const ROUTES_AT_ONCE = 8
/** Renewed while a way is asked. */
const CLAIM_MS = 60_000
/** After receipts came. */
const SOON_MS = 250
const MOST_ROUNDS = 20
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 5 * 60_000
const PAGES_AT_ONCE = 20
/** Codes of the catalogue, and X-Road's with their parts. */
const CODE = /^[\w.]{0,100}$/
const MAX_PAGE = 8 * 1024 * 1024
/**
 * Brackets, commas, colons and escapes of a page: with all its receipts and states it has fewer than 3,000.
 */
const MOST_MARKS = 10_000
const MARKS = new Uint8Array(256)
for (const octet of Buffer.from('{[,:\\')) MARKS[octet] = 1
/** A way on which more receipts than these wait to be judged is asked for no others. */
const MOST_AGAIN = 1_000

/**
 * Asks on every way where it is due: a slow one holds up no other. While receipts come it asks again soon,
 * since others follow. Resolves to the number of receipts that were taken.
 */
export async function askReceipts(rooms: DeliveryRooms, signal?: AbortSignal): Promise<number> {
  let taken = 0
  let before = 0
  const busy = new Map<number, Promise<void>>()
  for (let rounds = 0; ; ) {
    const now = rooms.clock()
    const places = signal?.aborted === true ? 0 : ROUTES_AT_ONCE - busy.size
    const routes =
      places === 0
        ? []
        : await rooms.routes.claimReceipts({
            ...{ now: iso(now), until: iso(now + CLAIM_MS) },
            ...{ limit: places, except: [...busy.keys()] },
          })
    for (const route of routes) {
      const asked = askOn(route, rooms)
        .then((count) => {
          taken += count
        })
        .finally(() => busy.delete(route.id))
      busy.set(route.id, asked)
    }
    if (busy.size > 0) await firstOf(busy.values())
    else {
      if (taken === before || ++rounds > MOST_ROUNDS || signal?.aborted === true) return taken
      before = taken
      await pause(SOON_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function askOn(route: Route, rooms: DeliveryRooms): Promise<number> {
  let after = route.receipts_after
  let taken = 0
  const stopRenewing = renewEvery(CLAIM_MS, () =>
    rooms.routes.renewReceipts(route.id, iso(rooms.clock() + CLAIM_MS)),
  )
  try {
    taken += await askAgain(route, rooms)
    // An inbox may say `more` for ever; other ways have their turn.
    for (let [more, pages] = [true, 0]; more && pages < PAGES_AT_ONCE; pages++) {
      const page = await pageAfter(after, route, rooms)
      const { taken: count, later } = await takeReceipts(page, route, rooms)
      taken += count
      if (later.length > 0) await keep(later, route, rooms)
      more = page.more && page.last !== after
      after = page.last
    }
  } catch (cause) {
    const { code, detail } = asFault(cause)
    rooms.log.warn({ service: route.service, outcome: code, detail }, 'receipts were not obtained')
  } finally {
    stopRenewing()
  }
  const wait =
    taken > 0 ? SOON_MS : Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, 2 * route.receipts_wait))
  await rooms.routes.askedReceipts(route.id, { after, at: iso(rooms.clock() + wait), wait })
  return taken
}

/** Those that could not be judged before and are due; one page has many that stand near each other. */
async function askAgain(route: Route, rooms: DeliveryRooms): Promise<number> {
  let due = await rooms.receiptsAgain.due(route.id, iso(rooms.clock()), MOST_AGAIN)
  let taken = 0
  for (let pages = 0; due.length > 0 && pages < PAGES_AT_ONCE; pages++) {
    const page = await pageAfter(due[0]!.position - 1, route, rooms)
    const asked = new Map(due.map((one) => [one.position, one]))
    const receipts = page.receipts.filter(({ position }) => asked.has(position))
    const { taken: count, later } = await takeReceipts({ ...page, receipts }, route, rooms)
    taken += count
    const isSeen = ({ position }: { position: number }): boolean => !page.more || position <= page.last
    const seen = due.filter(isSeen)
    await rooms.receiptsAgain.put(
      route.id,
      seen
        .filter(({ position }) => later.includes(position))
        .map(({ position, tries }) => ({ position, ...next(tries + 1, rooms) })),
    )
    // Also those that the inbox has no more: erased by order.
    await rooms.receiptsAgain.remove(
      route.id,
      seen.map(({ position }) => position).filter((position) => !later.includes(position)),
    )
    // A page without progress is the inbox's fault: those left are due at the next asking.
    if (seen.length === 0) break
    due = due.filter((one) => !isSeen(one))
  }
  return taken
}

/** Throws `service_unavailable` when too many wait: the page is asked for anew. */
async function keep(positions: number[], route: Route, rooms: DeliveryRooms): Promise<void> {
  const later = positions.map((position) => ({ position, ...next(1, rooms) }))
  if (!(await rooms.receiptsAgain.add(route.id, later, MOST_AGAIN)))
    throw new Fault('service_unavailable', { what: 'too many receipts cannot be judged now' })
}

function next(tries: number, rooms: DeliveryRooms): { tries: number; next_at: string } {
  return { tries, next_at: iso(rooms.clock() + backOff(tries, Math.random())) }
}

const pageAfter = async (after: number, route: Route, rooms: DeliveryRooms): Promise<ReceiptsPage> =>
  (await askInbox(`after=${after}&limit=${MOST_RECEIPTS}`, route, rooms)).page

/**
 * One exchange with an inbox; `record` is the index of its signed reply. Throws what exchanges throw, and
 * `invalid_message`.
 */
export async function askInbox(
  query: string,
  { client, service }: Pick<Route, 'client' | 'service'>,
  rooms: DeliveryRooms,
): Promise<{ page: ReceiptsPage; record: number }> {
  const answer = await rooms.door.carry({
    ...{ method: 'GET', url: `/r1/${service}/receipts?${query}` },
    rawHeaders: [HEADER.client, client, 'Accept', INBOX_ANSWER],
  })
  return { page: await pageIn(answer), record: answer.facts.index }
}

/**
 * Takes a bounded time, whatever the member of the inbox answers. Throws `invalid_message`,
 * `reply_too_large`.
 */
export async function pageIn({
  status,
  body,
}: Awaited<ReturnType<DeliveryRooms['door']['carry']>>): Promise<ReceiptsPage> {
  if (status !== 200 || body === undefined) throw new Fault('invalid_message', { what: `status ${status}` })
  if (body.size > MAX_PAGE) throw new Fault('reply_too_large')
  const bytes = body.bytes ?? (await buffer(body.open()))
  if (hasMoreMarks(bytes))
    throw new Fault('invalid_message', { what: 'it has more than any page of receipts' })
  return pageOf(parseStrictJson(bytes, { maxLength: MAX_PAGE }))
}

/** Whether a text has more values, or escapes, than one may that is read in one piece. */
function hasMoreMarks(bytes: Buffer): boolean {
  let marks = 0
  for (let at = 0; at < bytes.length && marks <= MOST_MARKS; at++) marks += MARKS[bytes[at]!]!
  return marks > MOST_MARKS
}

/** Throws `invalid_message` for another shape. */
function pageOf(value: unknown): ReceiptsPage {
  const page = (value ?? {}) as ReceiptsPage
  const isIndex = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0
  const isText = (one: unknown): boolean => typeof one === 'string'
  const isWhole =
    Array.isArray(page.documents) &&
    page.documents.length <= MOST_RECEIPTS &&
    page.documents.every(isText) &&
    Array.isArray(page.receipts) &&
    page.receipts.length <= MOST_RECEIPTS &&
    isIndex(page.last) &&
    typeof page.more === 'boolean' &&
    (page.states === undefined || isStates(page.states)) &&
    (page.refusesMessages === undefined || CODE.test(String(page.refusesMessages))) &&
    page.receipts.every(
      (one) =>
        isIndex(one?.position) &&
        isText(page.documents[one.document]) &&
        isText(one.receipt) &&
        [one.hashChainResult, one.hashChain].every((text) => text === undefined || isText(text)),
    )
  if (!isWhole) throw new Fault('invalid_message', { what: 'it is no page of receipts' })
  return page
}

function isStates(states: unknown): boolean {
  if (states === null || typeof states !== 'object' || Array.isArray(states)) return false
  const all = Object.values(states)
  return all.length <= MOST_ASKED && all.every((one) => (INBOX_STATES as readonly unknown[]).includes(one))
}
