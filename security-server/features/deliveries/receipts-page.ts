/**
 * What a sender gets that asks an inbox for receipts after a position: those of its own messages, as they are
 * in our log. When it asks of messages by their ids it gets their states here with their receipts, also that
 * one is not known: the reply is signed.
 */
import { asFault, Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { InboxRequest } from '../../peer/inbox.ts'
import { type ReceiptProof, readProof } from './give-receipt.ts'
import type { DeliveryRooms } from './rooms.ts'

/** A signature document that several receipts share stands once; `document` is its place in `documents`. */
export type ReceiptsPage = {
  documents: string[]
  receipts: (Omit<ReceiptProof, 'signatures'> & { position: number; document: number })[]
  /** The position after which to ask next. */
  last: number
  more: boolean
  /** Of the messages that were asked for, by the id of the delivery. */
  states?: Record<string, (typeof INBOX_STATES)[number]>
  /** Where it was asked for: the code for which a message would be refused now, '' for none. */
  refusesMessages?: string
}

/** `unknown`: it never came, or ended so long ago that nothing of it is kept. */
export const INBOX_STATES = ['waiting', 'dead', 'consumed', 'abandoned', 'unknown'] as const
export const MOST_ASKED = 50
const LONGEST_ID = 255

export const MOST_RECEIPTS = 100
const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/

/** Asks whether messages would be taken; inboxes of an earlier version pass it over. */
export const MAY_SEND = 'maySend'

/** Throws `invalid_request`. */
export async function receiptsPage(
  { request, checkEndpoint }: Pick<InboxRequest, 'request' | 'checkEndpoint'>,
  rooms: DeliveryRooms,
): Promise<ReceiptsPage> {
  const asked = new URLSearchParams(request.query ?? '')
  const after = numberIn(asked, 'after', 0)
  const limit = Math.min(numberIn(asked, 'limit', MOST_RECEIPTS), MOST_RECEIPTS)
  const [client, service] = [idText(request.client), idText(request.service)]
  const ids = asked.getAll('of')
  if (ids.length > MOST_ASKED || ids.some((id) => id.length > LONGEST_ID))
    throw new Fault('invalid_request', { what: 'of' })
  if (ids.length > 0) return statesPage(ids, { client, service, after }, rooms)
  const rows = await rooms.inboxReceipts.after({ client, service, after, limit: limit + 1 })
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)?.position ?? after
  return {
    ...{ ...(await receiptsOf(shown, rooms)), last, more: rows.length > limit },
    ...(asked.has(MAY_SEND) && { refusesMessages: refusalOf(checkEndpoint) }),
  }
}

function refusalOf(checkEndpoint: InboxRequest['checkEndpoint']): string {
  try {
    checkEndpoint({ method: 'POST', path: '' })
    return ''
  } catch (cause) {
    return asFault(cause).code
  }
}

async function statesPage(
  ids: string[],
  { client, service, after }: { client: string; service: string; after: number },
  rooms: DeliveryRooms,
): Promise<ReceiptsPage> {
  const states: NonNullable<ReceiptsPage['states']> = {}
  const ended: { position: number; record: number }[] = []
  for (const id of new Set(ids)) {
    const row = await rooms.inbox.firstOf({ delivery: id, client, service })
    states[id] = INBOX_STATES.find((state) => state === row?.state) ?? 'unknown'
    if (row?.end_record != null) ended.push({ position: 0, record: Number(row.end_record) })
  }
  return { ...(await receiptsOf(ended, rooms)), last: after, more: false, states }
}

async function receiptsOf(
  shown: { position: number; record: number }[],
  rooms: DeliveryRooms,
): Promise<Pick<ReceiptsPage, 'documents' | 'receipts'>> {
  const documents: string[] = []
  const receipts: ReceiptsPage['receipts'] = []
  const proofs = await Promise.all(shown.map(({ record }) => readProof(record, rooms)))
  for (const [i, { position }] of shown.entries()) {
    const proof = proofs[i]
    // Erased by order: the sender's own record of the exchange is what is left.
    if (proof === undefined) continue
    const { signatures, ...rest } = proof
    if (!documents.includes(signatures)) documents.push(signatures)
    receipts.push({ position, document: documents.indexOf(signatures), ...rest })
  }
  return { documents, receipts }
}

function numberIn(asked: URLSearchParams, name: string, usual: number): number {
  const [value, ...others] = asked.getAll(name)
  if (value === undefined) return usual
  if (others.length > 0 || !WHOLE.test(value)) throw new Fault('invalid_request', { what: name })
  return Number(value)
}
