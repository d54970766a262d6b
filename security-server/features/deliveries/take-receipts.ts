/**
 * Verifies the receipts of one page and logs them. Guarantees that a message is shown as consumed only by a
 * receipt of the inbox's member about this very event, and that no receipt is passed over that may verify
 * later.
 */
import { hash } from 'node:crypto'
import { type Receipt, readReceipt, signerOf } from '#core/delivery/receipt.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import type { StoredOutbox } from './box-store.ts'
import { checkReceipt } from './check-receipt.ts'
import { openFacts } from './facts.ts'
import { logReceipt } from './give-receipt.ts'
import type { ReceiptsPage } from './receipts-page.ts'
import { type DeliveryRooms, iso } from './rooms.ts'
import type { Route } from './tables.ts'

type Shown = ReceiptsPage['receipts'][number]
type RouteParties = Pick<Route, 'id' | 'client' | 'service'>

/** What no later attempt makes good: the receipt itself is wrong. */
const FINAL: ReadonlySet<string> = new Set([
  ...['invalid_message', 'malformed_signature', 'malformed_signature.invalid_hash_chain_ref'],
  ...['invalid_signature_value', 'invalid_reference', 'uncovered_part', 'stale_request'],
])
/** Of our own store: no other receipt can be taken now either. */
export const OURS: ReadonlySet<string> = new Set(['logging_failed', 'database_error'])

/**
 * Resolves to the number of receipts that were taken, and to the positions of those that could not be judged
 * now. Those that are of nothing that waits for one count as neither; one that is wrong is left out, and said
 * in the log.
 */
export async function takeReceipts(
  { receipts, documents }: Pick<ReceiptsPage, 'receipts' | 'documents'>,
  route: RouteParties,
  rooms: DeliveryRooms,
): Promise<{ taken: number; later: number[] }> {
  const read = new Map<string, { shown: Shown; message: Buffer; receipt: Receipt }>()
  for (const shown of receipts) {
    try {
      const message = Buffer.from(shown.receipt, 'base64')
      const receipt = readReceipt(message)
      // A delivery ends once.
      if (!read.has(receipt.delivery)) read.set(receipt.delivery, { shown, message, receipt })
    } catch (cause) {
      refuse(cause, route, rooms)
    }
  }
  const rows = await rooms.outbox.byDeliveries([...read.keys()])
  const ofRoute = new Map(
    rows.filter((row) => Number(row.route) === route.id).map((row) => [row.delivery, row]),
  )
  const later: number[] = []
  const results = await Promise.all(
    [...read].map(async ([delivery, { shown, message, receipt }]) => {
      const row = ofRoute.get(delivery)
      if (row === undefined) return false
      try {
        return await take(
          { shown, document: documents[shown.document]!, message, receipt, row },
          route,
          rooms,
        )
      } catch (cause) {
        const { code } = asFault(cause)
        if (OURS.has(code)) throw cause
        refuse(cause, route, rooms)
        if (!FINAL.has(code)) later.push(shown.position)
        return false
      }
    }),
  )
  return { taken: results.filter(Boolean).length, later }
}

async function take(
  q: { shown: Shown; document: string; message: Buffer; receipt: Receipt; row: StoredOutbox },
  route: RouteParties,
  rooms: DeliveryRooms,
): Promise<boolean> {
  const { shown, message, receipt, row } = q
  if (row.state === 'consumed') return false
  // Of `abandoned` by the inbox: taken before.
  if (row.state === 'abandoned' && row.arrived === 'yes') return false
  const facts = openFacts(rooms.keys, row)
  const isOurs = receipt.client === route.client && receipt.service === route.service
  const isNamed = receipt.eventId === facts.id && receipt.eventSource === facts.source
  const isOfIt = isNamed && receipt.eventDigest === facts.digest
  if (!isOurs || !isOfIt || receipt.arrived !== 'yes' || receipt.kind === 'accepted')
    throw new Fault('invalid_message', { what: 'the receipt is of another message' })
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64')
  const signature = {
    signatures: bytes(q.document),
    ...(shown.hashChainResult !== undefined && { hashChainResult: bytes(shown.hashChainResult) }),
    ...(shown.hashChain !== undefined && { hashChain: bytes(shown.hashChain) }),
  }
  const parts = { message, messageSha512: hash('sha512', message, 'buffer'), body: undefined, signature }
  // It was signed when it was made; what carries it now is signed now.
  const at = Date.parse(receipt.time)
  const snapshot = rooms.globalConfiguration.current()
  await checkReceipt(receipt, { row, snapshot }, rooms)
  await rooms.verifyMessage({ parts, member: signerOf(receipt), snapshot, at })
  const peer = parseServerId(receipt.server)
  const endRecord = await logReceipt({ receipt, message, signature, direction: 'in', facts, peer }, rooms)
  const state = receipt.kind === 'consumed' ? 'consumed' : 'abandoned'
  const ended = {
    ...({ state, at: iso(rooms.clock()), error: receipt.reason } as const),
    ...({ arrived: 'yes', endRecord, drops: true } as const),
  }
  await rooms.outbox.end(row, ended, { from: ['waiting', 'delivered', 'dead', 'abandoned', 'unconfirmed'] })
  return true
}

function refuse(cause: unknown, route: RouteParties, rooms: DeliveryRooms): void {
  const { code, detail } = asFault(cause)
  rooms.log.warn({ service: route.service, outcome: code, detail }, 'a receipt was not accepted')
}
