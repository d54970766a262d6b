/**
 * What a room gave to a subscriber that fetches, and what that confirmed, read from the signed octets of one
 * exchange. Both sides read the same octets, so both find the same, whether they know the service as a room
 * or not.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'

/**
 * What a request asks of an event type. `type`: identifier of the room, and the name of the type as it stands
 * in the path.
 */
export type Fetching = { what: 'given'; type: string } | { what: 'confirmed'; type: string; sequence: string }

/**
 * What a reply with status 200 says: of events that were given what never changes when they come again; or
 * which one is confirmed.
 */
export type Answered = { given: GivenOut[] } | { confirmed: string }
type GivenOut = { sequence: string; after: string | undefined; source: string; id: string }

/** One event of one type, as it is compared. */
type Fetched = { id: string; state: 'given' | 'confirmed'; says: Buffer }

/** Larger answers a room does not give; they are no answers of a room. */
export const MAX_ANSWER = 5 * 1024 * 1024
/** The most events of one answer. */
const MOST = 100
const MARK = Buffer.from('/pull/v1/')
const PATH = /^\/pull\/v1\/([^/]+)(?:\/([0-9]{16}))?$/
const SEQUENCE = /^[0-9]{16}$/
const GIVEN = /^\[\{"id":"[0-9]{16}",/
const CONFIRMED = /^\{"id":"([0-9]{16})","state":"confirmed"\}$/
/** Whatever may stand in the data of an event. */
const LIMITS = { maxLength: MAX_ANSWER, maxDepth: 128, number: () => 0, mayBeIllFormed: true }
/** So many octets tell whether a body may be such an answer. */
export const HEAD = 64
/** Of an id on the wire (schemas/reconciliation.yaml). */
const LONGEST_ID = 255

/** Undefined for every other request. */
export function fetchingOf(message: Buffer): Fetching | undefined {
  if (!message.includes(MARK)) return undefined
  try {
    const { method, servicePath, service } = parseRestRequest(message)
    const [, name, sequence] = PATH.exec(servicePath) ?? []
    if (name === undefined) return undefined
    const type = `${idText(service)}/${name}`
    if (method === 'GET' && sequence === undefined) return { what: 'given', type }
    return method === 'DELETE' && sequence !== undefined ? { what: 'confirmed', type, sequence } : undefined
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    return undefined
  }
}

/** Whether a reply may be what `answeredOf` reads; `head` are the first octets of its body. */
export function mayBeAnswer(message: Buffer, head: Buffer): boolean {
  const text = head.toString('latin1', 0, HEAD)
  return message.toString('latin1', 0, 3) === '200' && (GIVEN.test(text) || CONFIRMED.test(text))
}

/** Undefined for a body that is none of the two, in whole or in part. */
export function answeredOf(body: Buffer): Answered | undefined {
  const confirmed = CONFIRMED.exec(body.length > HEAD ? '' : body.toString('latin1'))?.[1]
  if (confirmed !== undefined) return { confirmed }
  let items: unknown
  try {
    items = parseStrictJson(body, LIMITS)
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    return undefined
  }
  if (!Array.isArray(items) || items.length > MOST) return undefined
  const given = items.map(givenOut)
  return given.every((one) => one !== undefined) ? { given } : undefined
}

/**
 * Stands for the signature of a reply in what is compared of it: one document can sign several messages,
 * requests among them.
 */
export function replySignature(signature: Buffer): Buffer {
  return hash('sha512', Buffer.concat([Buffer.from('reply'), signature]), 'buffer')
}

/** What the exchange of this request and this reply gave out or confirmed. */
export function fetchedIn(asked: Fetching, answered: Answered): Fetched[] {
  const { what, type } = asked
  if (what === 'confirmed')
    return 'confirmed' in answered && answered.confirmed === asked.sequence
      ? [fetched({ what, type, sequence: asked.sequence })]
      : []
  return 'given' in answered ? answered.given.map((one) => fetched({ what, type, ...one })) : []
}

function fetched(says: Fetching & { sequence: string; after?: string | undefined }): Fetched {
  const { what, type, sequence } = says
  const id = `${what}:${type}/${sequence}`
  return {
    id: Buffer.byteLength(id) <= LONGEST_ID ? id : `${what}:${hash('sha256', type, 'hex')}/${sequence}`,
    state: what,
    says: hash('sha512', canonicalJson(says), 'buffer'),
  }
}

function givenOut(item: unknown): GivenOut | undefined {
  const { id: sequence, event } = membersOf(item)
  const { id, source, sequence: same, sequenceafter: after } = membersOf(event)
  if (typeof sequence !== 'string' || !SEQUENCE.test(sequence) || same !== sequence) return undefined
  if (typeof id !== 'string' || typeof source !== 'string') return undefined
  if (!id.isWellFormed() || !source.isWellFormed()) return undefined
  if (after !== undefined && (typeof after !== 'string' || !SEQUENCE.test(after))) return undefined
  return { sequence, after, source, id }
}

function membersOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
