/**
 * Obtains the receipts of messages that were delivered: asks the inbox in an ordinary exchange, verifies each receipt, and logs it.
 * Guarantees that a message is shown as consumed only by a receipt of the inbox's member about this very event.
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { readReceipt, signerOf } from '#core/delivery/receipt.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { checkReceipt } from './check-receipt.ts'
import { openFacts } from './facts.ts'
import { logReceipt } from './give-receipt.ts'
import { INBOX_STATES, MOST_ASKED, MOST_RECEIPTS, type ReceiptsPage } from './receipts-page.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import type { Route } from './route-store.ts'
import { INBOX_ANSWER } from './send-delivery.ts'

const ROUTES_AT_ONCE = 8
const CLAIM_MS = 5 * 60_000
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 5 * 60_000
const PAGES_AT_ONCE = 20
const MAX_PAGE = 8 * 1024 * 1024

/** Asks on every way where it is due; resolves to the number of receipts that were taken. */
export async function askReceipts(rooms: DeliveryRooms): Promise<number> {
  let taken = 0
  for (;;) {
    const now = rooms.clock()
    const routes = await rooms.routes.claimReceipts(iso(now), iso(now + CLAIM_MS), ROUTES_AT_ONCE)
    if (routes.length === 0) return taken
    const counts = await Promise.all(routes.map((route) => askOn(route, rooms)))
    taken += counts.reduce((sum, one) => sum + one, 0)
  }
}

async function askOn(route: Route, rooms: DeliveryRooms): Promise<number> {
  let after = route.receipts_after
  let taken = 0
  try {
    // An inbox may say `more` for ever; other ways have their turn.
    for (let [more, pages] = [true, 0]; more && pages < PAGES_AT_ONCE; pages++) {
      const { page } = await askInbox(`after=${after}&limit=${MOST_RECEIPTS}`, route, rooms)
      for (const receipt of page.receipts) if (await takeReceipt(receipt, page, route, rooms)) taken += 1
      more = page.more && page.last !== after
      after = page.last
    }
  } catch (cause) {
    const { code, detail } = asFault(cause)
    rooms.log.warn({ service: route.service, outcome: code, detail }, 'receipts were not obtained')
  }
  const wait =
    taken > 0 ? FIRST_WAIT_MS : Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, 2 * route.receipts_wait))
  await rooms.routes.askedReceipts(route.id, { after, at: iso(rooms.clock() + wait), wait })
  return taken
}

/** One exchange with an inbox; `record` is the index of its signed reply. Throws what exchanges throw, and `invalid_message`. */
export async function askInbox(
  query: string,
  { client, service }: Route,
  rooms: DeliveryRooms,
): Promise<{ page: ReceiptsPage; record: number }> {
  const { status, body, facts } = await rooms.door.carry({
    ...{ method: 'GET', url: `/r1/${service}/receipts?${query}` },
    rawHeaders: [HEADER.client, client, 'Accept', INBOX_ANSWER],
  })
  if (status !== 200 || body === undefined) throw new Fault('invalid_message', { what: `status ${status}` })
  if (body.size > MAX_PAGE) throw new Fault('reply_too_large')
  const bytes = body.bytes ?? (await buffer(body.open()))
  return { page: pageOf(parseStrictJson(bytes, { maxLength: MAX_PAGE })), record: facts.index }
}

/** Throws `invalid_message` for another shape. */
function pageOf(value: unknown): ReceiptsPage {
  const page = (value ?? {}) as ReceiptsPage
  const isIndex = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0
  const isText = (one: unknown): boolean => typeof one === 'string'
  const isWhole =
    Array.isArray(page.documents) &&
    page.documents.every(isText) &&
    Array.isArray(page.receipts) &&
    page.receipts.length <= MOST_RECEIPTS &&
    isIndex(page.last) &&
    typeof page.more === 'boolean' &&
    (page.states === undefined || isStates(page.states)) &&
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

/** False for a receipt that is of nothing that waits for one; one that does not verify is left out, and said in the log. */
export async function takeReceipt(
  shown: ReceiptsPage['receipts'][number],
  { documents }: ReceiptsPage,
  route: Route,
  rooms: DeliveryRooms,
): Promise<boolean> {
  try {
    const message = Buffer.from(shown.receipt, 'base64')
    const receipt = readReceipt(message)
    const rows = await rooms.outbox.byDelivery(receipt.delivery)
    const row = rows.find((one) => Number(one.route) === route.id)
    if (row === undefined || row.state === 'consumed') return false
    // Of `abandoned` by the inbox: taken before.
    if (row.state === 'abandoned' && row.arrived === 'yes') return false
    const facts = openFacts(rooms.keys, row)
    const isOurs = receipt.client === route.client && receipt.service === route.service
    const isNamed = receipt.eventId === facts.id && receipt.eventSource === facts.source
    const isOfIt = isNamed && receipt.eventDigest === facts.digest
    if (!isOurs || !isOfIt || receipt.arrived !== 'yes' || receipt.kind === 'accepted')
      throw new Fault('invalid_message', { what: 'the receipt is of another message' })
    const signature = {
      signatures: Buffer.from(documents[shown.document]!, 'base64'),
      ...(shown.hashChainResult !== undefined && {
        hashChainResult: Buffer.from(shown.hashChainResult, 'base64'),
      }),
      ...(shown.hashChain !== undefined && { hashChain: Buffer.from(shown.hashChain, 'base64') }),
    }
    const parts = { message, messageSha512: hash('sha512', message, 'buffer'), body: undefined, signature }
    // It was signed when it was made; what carries it now is signed now.
    const at = Date.parse(receipt.time)
    const snapshot = rooms.globalConfiguration.current()
    await checkReceipt(receipt, { row, snapshot }, rooms)
    await rooms.verifyMessage({ parts, member: signerOf(receipt), snapshot, at })
    const peer = parseServerId(receipt.server)
    const endRecord = await logReceipt({ message, signature, direction: 'in', facts, peer }, rooms)
    const state = receipt.kind === 'consumed' ? 'consumed' : 'abandoned'
    const ended = {
      state,
      at: iso(rooms.clock()),
      error: receipt.reason,
      arrived: 'yes',
      endRecord,
      drops: true,
    } as const
    await rooms.outbox.end(row, ended, { from: ['waiting', 'delivered', 'dead', 'abandoned', 'unconfirmed'] })
    return true
  } catch (cause) {
    const { code, detail } = asFault(cause)
    if (code === 'logging_failed') throw cause
    rooms.log.warn({ service: route.service, outcome: code, detail }, 'a receipt was not accepted')
    return false
  }
}
