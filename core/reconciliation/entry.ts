/**
 * An entry: one exchange in one side's log, as digests under the salt of the session. Equal exchanges give
 * equal octets on both sides. Without the salt an entry reveals nothing, and entries of different sessions
 * cannot be matched.
 *
 * key (32) || asks and state (1) || request (32) || reply (32) || tag (32)
 */
import { createHmac, hash } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

/** The outcome of an exchange according to one side's log. */
const STATE = {
  /** The log has the reply. */
  answered: 1,
  /** The log has a refusal: the provider's system was not called. */
  refused: 2,
  /** According to the asking side's own record, the request was never sent. */
  notSent: 3,
  /** The side does not know: no reply came, or the outcome is recorded as unknown. */
  unknown: 4,
  /**
   * A refusal without the request, which was refused before its signature was verified. It proves nothing.
   */
  early: 5,
  /**
   * No exchange, but a receipt that the answering side's member signed about a one-way message of the asking
   * side's.
   */
  receipt: 6,
  /**
   * No exchange, but an event that the answering side's room gave to a subscriber of the asking side's, which
   * fetched it.
   */
  given: 7,
  /** The asking side's confirmation of such an event, as the answering side took it. */
  confirmed: 8,
} as const

export type State = keyof typeof STATE

/** Which of the two servers: the one with the smaller identifier is `first`. */
export type Side = 'first' | 'second'

/** An exchange according to a log. An absent digest: the log has no such message, or has erased it. */
export type Exchange = {
  /** The side whose member is the client. */
  asks: Side
  requestId: string
  state: State
  /** SHA-512 of the message, followed by that of its body if it has one. */
  request: Buffer | undefined
  reply: Buffer | undefined
  /** SHA-512 of the signature document of the request; kept when the content is erased. */
  signature: Buffer | undefined
}

/** An entry's parts; `request`, `reply` and `tag` are undefined where the octets are all zero. */
export type Entry = {
  key: Buffer
  asks: Side
  state: State
  request: Buffer | undefined
  reply: Buffer | undefined
  tag: Buffer | undefined
}

/**
 * The two parties and the day; the salt is bound to all of it. `first` is the server with the smaller
 * identifier.
 */
export type Session = { day: string; first: Party; second: Party }
type Party = { server: string; member: string }

export const DIGEST = 32
export const ENTRY = 4 * DIGEST + 1
const SECOND_ASKS = 0x10
const NONE = Buffer.alloc(DIGEST)
const NAMES = new Map<number, State>(Object.entries(STATE).map(([name, code]) => [code, name as State]))
const SALT_LABEL = 'concordat reconciliation salt 1'

/** SHA-256 of a side's nonce: sent before the other side shows its nonce. */
export function nonceCommitment(nonce: Buffer): Buffer {
  return hash('sha256', nonce, 'buffer')
}

/**
 * The joint salt. Neither side can choose it, and it is valid only for this pair of servers and members, this
 * day and this session.
 */
export function jointSalt(session: Session, nonces: { first: Buffer; second: Buffer }): Buffer {
  const { day, first, second } = session
  const bound = JSON.stringify([SALT_LABEL, day, first.server, first.member, second.server, second.member])
  return hash(
    'sha256',
    Buffer.concat([hash('sha256', bound, 'buffer'), nonces.first, nonces.second]),
    'buffer',
  )
}

/** The key under which both sides know an exchange. */
export function keyOf(salt: Buffer, q: { asks: Side; requestId: string }): Buffer {
  return keyed(salt, 'exchange', Buffer.from(JSON.stringify([q.asks, q.requestId])))
}

/** The tag of a request, computed from its signature alone. */
export function tagOf(salt: Buffer, signature: Buffer): Buffer {
  return keyed(salt, 'signature', signature)
}

/** The digest of a message under the salt, as an entry has it. */
export function digestUnder(salt: Buffer, part: 'request' | 'reply', digests: Buffer): Buffer {
  return keyed(salt, part, digests)
}

export function entryOf(salt: Buffer, exchange: Exchange): Entry {
  const { asks, state, request, reply, signature } = exchange
  return {
    key: keyOf(salt, exchange),
    asks,
    state,
    request: request && digestUnder(salt, 'request', request),
    reply: reply && digestUnder(salt, 'reply', reply),
    tag: signature && tagOf(salt, signature),
  }
}

/**
 * Merges two entries of one log about the same exchange. A refusal without a request adds nothing to the
 * request itself. Two requests with one id, possible when the id is reused after the replay window, are
 * compared together.
 */
export function mergeEntries(a: Entry, b: Entry): Entry {
  // A crash can make a receipt twice, with another time: one of the same words is no second one. An event is
  // given until it is confirmed.
  if (isSaid(a.state) && a.state === b.state && a.request?.equals(b.request ?? NONE)) return a
  if (b.state === 'early') return a
  if (a.state === 'early') return b
  return {
    key: a.key,
    asks: a.asks,
    state: STATE[a.state] < STATE[b.state] ? a.state : b.state,
    request: both(a.request, b.request),
    reply: both(a.reply, b.reply),
    tag: both(a.tag, b.tag),
  }
}

/**
 * Whether `request` is what an entry says, and `reply` the octets that say it; such entries are compared by
 * what they say.
 */
export function isSaid(state: State): state is 'receipt' | 'given' | 'confirmed' {
  return state === 'receipt' || state === 'given' || state === 'confirmed'
}

function both(a: Buffer | undefined, b: Buffer | undefined): Buffer | undefined {
  const some = [a, b].filter((one) => one !== undefined).sort(Buffer.compare)
  return some.length < 2 ? some[0] : hash('sha256', Buffer.concat(some), 'buffer')
}

export function writeEntry({ key, asks, state, request, reply, tag }: Entry): Buffer {
  const code = STATE[state] + (asks === 'first' ? 0 : SECOND_ASKS)
  return Buffer.concat([key, Buffer.of(code), request ?? NONE, reply ?? NONE, tag ?? NONE])
}

/** Throws `invalid_input` for octets that `writeEntry` cannot have written. */
export function readEntry(bytes: Buffer): Entry {
  const code = bytes[DIGEST] ?? 0
  const state = NAMES.get(code & ~SECOND_ASKS)
  if (bytes.length !== ENTRY || state === undefined)
    throw new Fault('invalid_input', { what: say`it is no entry` })
  const [request, reply, tag] = [0, 1, 2].map((i) => partOf(bytes, DIGEST + 1 + i * DIGEST))
  const asks = code & SECOND_ASKS ? 'second' : 'first'
  return { key: bytes.subarray(0, DIGEST), asks, state, request, reply, tag }
}

function partOf(bytes: Buffer, at: number): Buffer | undefined {
  const part = bytes.subarray(at, at + DIGEST)
  return part.equals(NONE) ? undefined : part
}

function keyed(salt: Buffer, label: string, data: Buffer): Buffer {
  return createHmac('sha256', salt).update(label).update(Buffer.of(0)).update(data).digest()
}
