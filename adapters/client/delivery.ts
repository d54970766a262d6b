/**
 * Events that are sent. Guarantees that one is taken for accepted only with a receipt of this very event, and
 * that repetitions are the same bytes: the security server then accepts it once.
 */
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { LimitOptions } from './call-limits.ts'
import { type EventToSend, writeEvent } from './event.ts'
import { ExchangeError } from './exchange-error.ts'
import { type ExchangeOptions, type HeaderPair, requestHeaders } from './request-headers.ts'
import { notAnAnswer, readObject, type ServerDoor } from './server-door.ts'

export type SendOptions = Pick<ExchangeOptions, 'userId' | 'issue' | 'representedParty' | 'securityServer'> &
  LimitOptions

/** What the security servers know of an event that was sent. */
export type Delivery = {
  /** Keep it with your own records: proofs are found by it. */
  id: string
  /** `waiting`, `delivered`, `done`, `consumed`, `dead` or `abandoned`. */
  state: string
  sender: string
  inbox: string
  source: string
  eventId: string
  changedAt: string
  attempts: number
  /** The code of the last failure. */
  error: string | undefined
  expiresAt: string | undefined
  /** The receipt of the own security server; undefined once its record was erased. */
  accepted: Receipt | undefined
  /** The receipt of the end, `consumed` or `abandoned`, which the own security server has verified. */
  ended: Receipt | undefined
}

/** A signed receipt: what it says, and its proof in base64 as it stands in the message log. */
export type Receipt = {
  kind: string
  delivery: string
  /** The security server that signed it. */
  server: string
  eventSource: string
  eventId: string
  /** Base64 of SHA-512 over the event as it travels. */
  eventDigest: string
  time: string
  arrived: string
  means: string
  reason: string
  proof: { receipt: string; signatures: string; hashChainResult?: string; hashChain?: string }
}

const PREFIX = '/deliveries/v1'
const STRUCTURED = 'application/cloudevents+json'

/** `inbox` is the text of an identifier. */
export async function sendEvent(q: {
  door: ServerDoor
  client: string
  inbox: string
  event: EventToSend | Uint8Array
  options: SendOptions | undefined
}): Promise<Delivery> {
  const content = writeEvent(q.event)
  const { userId, issue, representedParty, securityServer } = q.options ?? {}
  const headers = headersOf(q.client, {
    ...(userId !== undefined && { userId }),
    ...(issue !== undefined && { issue }),
    ...(representedParty !== undefined && { representedParty }),
    ...(securityServer !== undefined && { securityServer }),
  })
  const delivery = await q.door.ask({
    ...{ method: 'POST', target: `${PREFIX}/${q.inbox}`, content, limits: q.options },
    ...{ headers: [...headers, ['Content-Type', STRUCTURED]], read: readDelivery },
  })
  const digest = createHash('sha512').update(content).digest('base64')
  const { accepted } = delivery
  if (accepted !== undefined && (accepted.kind !== 'accepted' || accepted.eventDigest !== digest))
    throw new ExchangeError('inconsistent_answer', {
      what: 'the receipt is not of this event',
      mayHaveBeenCarriedOut: true,
    })
  return delivery
}

export async function deliveryOf(q: {
  door: ServerDoor
  client: string
  id: string
  options: LimitOptions | undefined
}): Promise<Delivery> {
  if (typeof q.id !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(q.id) || /^\.{1,2}$/.test(q.id))
    throw new ExchangeError('invalid_argument', { what: 'the id is none of a delivery' })
  const target = `${PREFIX}/sent/${encodeURIComponent(q.id)}`
  const headers = headersOf(q.client)
  return q.door.ask({ method: 'GET', target, headers, limits: q.options, read: readDelivery })
}

/**
 * The headers of a request that the own security server answers: it has no X-Road-Id, as it is no exchange.
 */
export function headersOf(client: string, options: ExchangeOptions = {}): HeaderPair[] {
  const { headers } = requestHeaders({ client, options, contentType: undefined })
  return headers.filter(([name]) => name !== 'X-Road-Id')
}

function readDelivery(bytes: Uint8Array): Delivery {
  const said = readObject(bytes)
  const text = (name: string): string => textIn(said, name)
  const optional = (name: string): string | undefined => (said[name] === null ? undefined : text(name))
  return {
    ...{ id: text('id'), state: text('state'), sender: text('sender'), inbox: text('inbox') },
    ...{ source: text('source'), eventId: text('eventId'), changedAt: text('changedAt') },
    ...{ attempts: Number(said['attempts']), error: optional('error'), expiresAt: optional('expiresAt') },
    ...{ accepted: receiptOf(said['accepted']), ended: receiptOf(said['ended']) },
  }
}

/** Undefined for null. Throws `not_an_answer`. */
export function receiptOf(value: unknown): Receipt | undefined {
  if (value === null) return undefined
  if (typeof value !== 'object' || value === undefined) throw notAnAnswer('a receipt is missing')
  const proof = value as Receipt['proof']
  const said = readObject(Buffer.from(textIn(value as Record<string, unknown>, 'receipt'), 'base64'))
  const text = (name: string): string => textIn(said, name)
  return {
    ...{ kind: text('kind'), delivery: text('delivery'), server: text('server'), time: text('time') },
    ...{ eventSource: text('eventSource'), eventId: text('eventId'), eventDigest: text('eventDigest') },
    ...{ arrived: text('arrived'), means: text('means'), reason: text('reason'), proof },
  }
}

export function textIn(said: Record<string, unknown>, name: string): string {
  const value = said[name]
  if (typeof value !== 'string') throw notAnAnswer(`it has no ${name}`)
  return value
}
