/**
 * An event as one subscriber gets it: without the fields that the contract does not name, and with its place
 * in the sequence. What stays is the text as it was published.
 */
import type { AllowedFields, FieldRule } from '#core/contract/allowed-fields.ts'
import { cutJson } from '#core/contract/cut-json.ts'
import { attributeOf, type CloudEvent } from '#core/events/cloud-event.ts'
import { readEvent, STRUCTURED } from '#core/events/read-event.ts'
import { utcSeconds } from '#core/events/timestamp.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { FieldsOnRecord } from '../../peer/fields-on-record.ts'
import { sequenceText } from './rooms.ts'

/** Without these it is no event, or its data cannot be read. */
const ALWAYS = ['specversion', 'id', 'source', 'type', 'datacontenttype']
/** A signature over the whole: it does not hold when a field is missing. */
const SIGNATURE = 'dssematerial'
const WHOLE: AllowedFields = { all: true, below: new Map() }

/** What is allowed of an event, and of one from which something was taken out. */
type EventFields = { allowed: AllowedFields; unsignedAllowed: AllowedFields }
const known = new WeakMap<FieldRule, EventFields>()

export const STRUCTURED_HEADERS: HeaderList = [['content-type', STRUCTURED]]

export type GivenEvent = {
  event: CloudEvent
  /** As it was published. When it is over is not for the contract to say; nothing else is read of it. */
  whole: CloudEvent
  document: Buffer
  /** Where the contract names fields: what is on record of them. */
  fields: FieldsOnRecord | undefined
}

/** For what an event is refused by itself: no later attempt, and no other event, changes it. */
const OF_ONE_EVENT: ReadonlySet<string> = new Set([
  ...['malformed_json', 'invalid_event', 'body_too_large', 'service_failed'],
])

/** Whether a fault of `cutEvent`, or of the door of deliveries, is of this event alone. */
export function isOfOneEvent(cause: unknown): boolean {
  return cause instanceof Fault && OF_ONE_EVENT.has(cause.code)
}

/**
 * Filters see what is left, so that no filter tells of a field that the subscriber may not have. Throws
 * `malformed_json`, `service_failed`.
 */
export function cutEvent(document: Buffer, rule: FieldRule | undefined): GivenEvent {
  const whole = read(document)
  if (rule === undefined) return { event: whole, whole, document, fields: undefined }
  const { allowed, unsignedAllowed } = fieldsOf(rule)
  const cut = held(document, allowed)
  const { removed } = cut
  if (removed.count > 0 && allowed.below.has(SIGNATURE)) {
    const unsigned = held(cut.bytes, unsignedAllowed)
    removed.names.push(...unsigned.removed.names)
    removed.count += unsigned.removed.count
    cut.bytes = unsigned.bytes
  }
  return { event: read(cut.bytes), whole, document: cut.bytes, fields: { rule: rule.digest, removed } }
}

/** What is kept of a batch, counted by the octets of the documents. */
const MOST_KEPT = 16 * 1024 * 1024

/**
 * As `cutEvent`, for several subscriptions that get the same events: once for each event and rule, as long as
 * that takes no more than 16 MiB.
 */
export function createCuts(): (
  key: string,
  document: () => Buffer,
  rule: FieldRule | undefined,
) => GivenEvent {
  const cuts = new Map<string, { given: GivenEvent } | { cause: unknown }>()
  let octets = 0
  return (key, document, rule) => {
    const name = `${key} ${rule?.digest ?? ''}`
    const before = cuts.get(name)
    const bytes = before === undefined ? document() : undefined
    const cut = before ?? attempt(() => cutEvent(bytes!, rule))
    octets += bytes?.length ?? 0
    if (bytes !== undefined && octets <= MOST_KEPT) cuts.set(name, cut)
    if ('cause' in cut) throw cut.cause
    return cut.given
  }
}

function attempt(act: () => GivenEvent): { given: GivenEvent } | { cause: unknown } {
  try {
    return { given: act() }
  } catch (cause) {
    return { cause }
  }
}

/** Made once for each rule. */
function fieldsOf(rule: FieldRule): EventFields {
  const made = known.get(rule)
  if (made !== undefined) return made
  const { all, below: named } = rule.allowed
  const below = new Map([...named, ...ALWAYS.map((name) => [name, WHOLE] as const)])
  const unsigned = new Map([...below].filter(([name]) => name !== SIGNATURE))
  const fields = { allowed: { all, below }, unsignedAllowed: { all, below: unsigned } }
  known.set(rule, fields)
  return fields
}

/** With `sequence`, and `sequenceafter` unless nothing was given before (0). */
export function numbered(document: Buffer, q: { sequence: number; after: number }): Buffer {
  const after = q.after === 0 ? '' : `"sequenceafter":"${sequenceText(q.after)}",`
  const at = document.indexOf('{') + 1
  const added = Buffer.from(`"sequence":"${sequenceText(q.sequence)}",${after}`)
  return Buffer.concat([document.subarray(0, at), added, document.subarray(at)])
}

/** Whether its `expirytime` is over. */
export function isExpired(event: CloudEvent, now: number): boolean {
  const text = attributeOf(event, 'expirytime')
  const utc = text === undefined ? undefined : utcSeconds(String(text))
  // A leap second is the second after it.
  return utc !== undefined && utc.replace(':60Z', ':59Z') < new Date(now).toISOString().slice(0, 19)
}

function held(
  document: Buffer,
  allowed: AllowedFields,
): { bytes: Buffer; removed: FieldsOnRecord['removed'] } {
  const cut = cutJson(document, allowed)
  if ('unreadable' in cut)
    throw new Fault('service_failed', {
      what: say`an event cannot be held against the contract: ${cut.unreadable}`,
    })
  return cut
}

function read(document: Buffer): CloudEvent {
  return readEvent(STRUCTURED_HEADERS, document, { maxJsonBytes: document.length })
}
