/** What a sender gets that asks an inbox for receipts after a position: those of its own messages, as they are in our log. */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Request } from '../../message/message.ts'
import { type ReceiptProof, readProof } from './give-receipt.ts'
import type { DeliveryRooms } from './rooms.ts'

/** A signature document that several receipts share stands once; `document` is its place in `documents`. */
export type ReceiptsPage = {
  documents: string[]
  receipts: (Omit<ReceiptProof, 'signatures'> & { position: number; document: number })[]
  /** The position after which to ask next. */
  last: number
  more: boolean
}

export const MOST_RECEIPTS = 100
const WHOLE = /^(?:0|[1-9][0-9]{0,14})$/

/** Throws `invalid_request`. */
export async function receiptsPage(request: Request, rooms: DeliveryRooms): Promise<ReceiptsPage> {
  const asked = new URLSearchParams(request.query ?? '')
  const after = numberIn(asked, 'after', 0)
  const limit = Math.min(numberIn(asked, 'limit', MOST_RECEIPTS), MOST_RECEIPTS)
  const [client, service] = [idText(request.client), idText(request.service)]
  const rows = await rooms.inboxReceipts.after({ client, service, after, limit: limit + 1 })
  const shown = rows.slice(0, limit)
  const documents: string[] = []
  const receipts: ReceiptsPage['receipts'] = []
  for (const { position, record } of shown) {
    const proof = await readProof(record, rooms)
    // Erased by order: the sender's own record of the exchange is what is left.
    if (proof === undefined) continue
    const { signatures, ...rest } = proof
    if (!documents.includes(signatures)) documents.push(signatures)
    receipts.push({ position, document: documents.indexOf(signatures), ...rest })
  }
  return { documents, receipts, last: shown.at(-1)?.position ?? after, more: rows.length > limit }
}

function numberIn(asked: URLSearchParams, name: string, usual: number): number {
  const [value, ...others] = asked.getAll(name)
  if (value === undefined) return usual
  if (others.length > 0 || !WHOLE.test(value)) throw new Fault('invalid_request', { what: name })
  return Number(value)
}
