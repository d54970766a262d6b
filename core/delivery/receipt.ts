/**
 * The receipts of a one-way message: what a server signs when it takes a message (`accepted`), when its
 * system has it (`consumed`), and when it gives the message up (`abandoned`). The bytes are RFC 8785 JSON
 * (docs/message-log-format.md section 13); the signature is that of every message of the member, over these
 * bytes as `/message.xml`.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type MemberId,
  memberOf,
  parseClientId,
  parseServerId,
  parseServiceId,
} from '#schemas/identifiers.ts'
import type { Time } from '#schemas/sent-values.ts'

/** The leaf kinds whose message is a receipt. */
export const RECEIPT_KINDS = ['accepted', 'consumed', 'abandoned'] as const
export type ReceiptKind = (typeof RECEIPT_KINDS)[number]

/** Why a delivery ended without being consumed; the outcome of its leaf. */
type AbandonReason = 'delivery_expired' | 'delivery_discarded'

export type Receipt = {
  type: 'concordat-delivery-receipt'
  version: 1
  kind: ReceiptKind
  /** The id of the delivery: the x-road-id of each exchange that carries it. */
  delivery: string
  /** The sending subsystem and the inbox, as identifiers in text form. */
  client: string
  service: string
  /** The security server that signs; the receipt is a leaf of its log. */
  server: string
  eventSource: string
  eventId: string
  /** Base64 of SHA-512 over the event as it travels: the body of the exchange's request. */
  eventDigest: string
  /** When it was accepted, consumed or abandoned: ISO 8601 with milliseconds and Z. */
  time: Time
  /** Whether the message had become durable at the receiving server, as far as the signer knows. */
  arrived: 'yes' | 'no' | 'unknown'
  /** How the receiving system took it; '' unless consumed. */
  means: '' | 'pull' | 'push'
  /** '' unless abandoned. */
  reason: '' | AbandonReason
}

/** The most octets of a receipt. */
const MAX_RECEIPT = 16 * 1024
const MAX_TEXT = 1024
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
const DIGEST = /^[A-Za-z0-9+/]{86}==$/
const MEMBERS: Record<keyof Receipt, (value: unknown) => boolean> = {
  arrived: oneOf('yes', 'no', 'unknown'),
  client: isText,
  delivery: isText,
  eventDigest: like(DIGEST),
  eventId: isText,
  eventSource: isText,
  kind: oneOf(...RECEIPT_KINDS),
  means: oneOf('', 'pull', 'push'),
  reason: oneOf('', 'delivery_expired', 'delivery_discarded'),
  server: isText,
  service: isText,
  time: like(TIME),
  type: oneOf('concordat-delivery-receipt'),
  version: (value) => value === 1,
}
const NAMES = Object.keys(MEMBERS).sort() as (keyof Receipt)[]

/** The bytes that are signed. Throws `invalid_message` for a receipt that `readReceipt` would refuse. */
export function writeReceipt(receipt: Omit<Receipt, 'type' | 'version'>): Buffer {
  const whole: Receipt = { ...receipt, type: 'concordat-delivery-receipt', version: 1 }
  const bytes = Buffer.from(canonicalJson(whole))
  checkLength(bytes)
  checkMembers(whole)
  return bytes
}

/** What the bytes say. Throws `invalid_message` for anything that `writeReceipt` does not write. */
export function readReceipt(bytes: Buffer): Receipt {
  checkLength(bytes)
  const receipt = parse(bytes)
  checkMembers(receipt)
  // One value, one text: two readers cannot see two receipts under one signature.
  if (canonicalJson(receipt) !== bytes.toString()) throw malformed('it is not canonical')
  return receipt
}

function checkLength(bytes: Buffer): void {
  if (bytes.length > MAX_RECEIPT) throw malformed('it is too long')
}

function checkMembers(receipt: Receipt): void {
  const names = Object.keys(receipt).sort()
  if (names.length !== NAMES.length || names.some((name, i) => name !== NAMES[i]))
    throw malformed('it has other members')
  for (const name of NAMES) if (!MEMBERS[name](receipt[name])) throw malformed(`its ${name}`)
  checkTogether(receipt)
}

/**
 * The member that has to sign: that of the inbox for what happened at the receiving server, else that of the
 * sending subsystem. Throws the faults of identifiers.
 */
export function signerOf(receipt: Pick<Receipt, 'kind' | 'arrived' | 'client' | 'service'>): MemberId {
  const { kind, arrived, client, service } = receipt
  const isReceiver = kind === 'consumed' || (kind === 'abandoned' && arrived === 'yes')
  return memberOf(isReceiver ? parseServiceId(service) : parseClientId(client))
}

/** The outcome of the leaf of a receipt. */
export function outcomeOf({ kind, reason }: Pick<Receipt, 'kind' | 'reason'>): string {
  return kind === 'consumed' ? 'ok' : reason
}

export function isReceiptKind(kind: string): kind is ReceiptKind {
  return (RECEIPT_KINDS as readonly string[]).includes(kind)
}

/** What each kind can say: nothing has arrived when it is accepted, all has when it is consumed. */
function checkTogether(receipt: Receipt): void {
  const { kind, arrived, means, reason } = receipt
  const fits = {
    accepted: arrived === 'no' && means === '' && reason === '',
    consumed: arrived === 'yes' && means !== '' && reason === '',
    abandoned: means === '' && reason !== '',
  }[kind]
  if (!fits) throw malformed(`what it says of a message that was ${kind}`)
  try {
    parseServerId(receipt.server)
    signerOf(receipt)
    parseClientId(receipt.client)
    parseServiceId(receipt.service)
  } catch (cause) {
    throw malformed('its identifiers', cause)
  }
  if (Number.isNaN(Date.parse(receipt.time))) throw malformed('its time')
}

function parse(bytes: Buffer): Receipt {
  let value: unknown
  try {
    value = parseStrictJson(bytes)
  } catch (cause) {
    throw malformed('it is no JSON', cause)
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed('it is no object')
  return value as Receipt
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT && value.isWellFormed()
}

function like(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value)
}

function oneOf(...values: string[]): (value: unknown) => boolean {
  return (value) => values.includes(value as string)
}

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('invalid_message', {
    what: `it is no receipt of a delivery: ${what}`,
    ...(cause !== undefined && { cause }),
  })
}
