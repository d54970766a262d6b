/** Checks every attribute of an event against CloudEvents 1.0.2 and the extensions that we know. */

import { parseContentType } from '#core/transport/content-type.ts'
import { Fault } from '#schemas/fault.ts'
import { type AttributeValue, type CloudEvent, isCoreAttribute, SPEC_VERSION } from './cloud-event.ts'
import { utcSeconds } from './timestamp.ts'
import { isAbsoluteUri, isUriReference } from './uri-reference.ts'

/** Names longer than 20 characters are allowed by "SHOULD NOT"; we refuse them. */
const NAME = /^[a-z0-9]{1,20}$/
/** The members and headers of the data, which no attribute may be named after. */
const RESERVED = 'data'
const MAX_ATTRIBUTES = 256
/**
 * All names and values together, in UTF-8. Intermediaries have to forward events of 64 KiB (specification,
 * "Size Limits").
 */
const MAX_BYTES = 65_536
const MAX_INTEGER = 2_147_483_647
/** "Type System": control characters, lone surrogates, noncharacters. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u
// https://www.w3.org/TR/trace-context/, section 3.2; a later version may append more.
const TRACE_PARENT =
  /^(?:00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?)$/
const NO_TRACE = /^..-(?:0{32}|[0-9a-f]{32}-0{16})/

type Check = (text: string) => boolean

const isAny: Check = () => true
const isFilled: Check = (text) => text !== ''
const isTime: Check = (text) => utcSeconds(text) !== undefined

/**
 * The attributes whose type is known, all of which are texts. An extension that is not here may be of any
 * type.
 */
const KNOWN = new Map<string, [check: Check, what: string]>(
  Object.entries({
    specversion: [(text) => text === SPEC_VERSION, `is not ${SPEC_VERSION}`],
    id: [isFilled, 'is empty'],
    source: [(text) => text !== '' && isUriReference(text), 'is not a URI-reference of RFC 3986'],
    type: [isFilled, 'is empty'],
    datacontenttype: [isMediaType, 'is not a media type of RFC 2046'],
    dataschema: [isAbsoluteUri, 'is not an absolute URI of RFC 3986'],
    subject: [isFilled, 'is empty'],
    time: [isTime, 'is not a time of RFC 3339'],
    partitionkey: [isFilled, 'is empty'],
    sequence: [isFilled, 'is empty'],
    expirytime: [isTime, 'is not a time of RFC 3339'],
    correlationid: [isFilled, 'is empty'],
    causationid: [isFilled, 'is empty'],
    traceparent: [
      (text) => TRACE_PARENT.test(text) && !NO_TRACE.test(text),
      'is not that of W3C Trace Context',
    ],
    tracestate: [isAny, ''],
    dataref: [isUriReference, 'is not a URI-reference of RFC 3986'],
    dssematerial: [isBase64, 'is not base64'],
  } satisfies Record<string, [Check, string]>),
)

const REQUIRED = ['specversion', 'id', 'source', 'type']

/**
 * The event of these attributes, `specversion` among them. Throws `invalid_event`, which names the attribute
 * and never its value, for a required one that is missing, a name or a value that the specification does not
 * allow, and for more than 64 KiB or 256 attributes.
 */
export function eventOf(
  attributes: ReadonlyMap<string, AttributeValue>,
  data: Pick<CloudEvent, 'data' | 'isJsonImplied'>,
): CloudEvent {
  if (attributes.size > MAX_ATTRIBUTES) throw invalidEvent(`over ${MAX_ATTRIBUTES} attributes`)
  const missing = REQUIRED.find((name) => !attributes.has(name))
  if (missing !== undefined) throw invalidEvent(`${missing} is missing`)
  let bytes = 0
  for (const [name, value] of attributes) bytes += name.length + Buffer.byteLength(String(value))
  // Before any text is looked at.
  if (bytes > MAX_BYTES) throw invalidEvent(`attributes of over ${MAX_BYTES} bytes`)
  for (const [name, value] of attributes) checkAttribute(name, value)
  const text = (name: string): string => attributes.get(name) as string
  const optional = (name: 'datacontenttype' | 'dataschema' | 'subject' | 'time'): object =>
    attributes.has(name) ? { [name]: text(name) } : {}
  return {
    id: text('id'),
    source: text('source'),
    type: text('type'),
    ...optional('datacontenttype'),
    ...optional('dataschema'),
    ...optional('subject'),
    ...optional('time'),
    extensions: new Map([...attributes].filter(([name]) => !isCoreAttribute(name))),
    ...data,
  }
}

/** `invalid_event`: `what` says which attribute is wrong, never its value. */
export function invalidEvent(what: string): Fault {
  return new Fault('invalid_event', { what })
}

/** Whether an attribute may have this name. */
export function isAttributeName(name: string): boolean {
  return NAME.test(name) && name !== RESERVED
}

function checkAttribute(name: string, value: AttributeValue): void {
  // A name that is not one may hold anything, so it is not repeated.
  if (!isAttributeName(name)) throw invalidEvent('an attribute has a name that is not allowed')
  if (typeof value === 'number' && !isInteger(value)) throw invalidEvent(`${name} is not a 32-bit integer`)
  const known = KNOWN.get(name)
  if (typeof value !== 'string') {
    if (known !== undefined) throw invalidEvent(`${name} is not a text`)
    return
  }
  if (FORBIDDEN.test(value)) throw invalidEvent(`${name} has characters that are not allowed`)
  if (known !== undefined && !known[0](value)) throw invalidEvent(`${name} ${known[1]}`)
}

function isInteger(value: number): boolean {
  return Number.isInteger(value) && value >= -MAX_INTEGER - 1 && value <= MAX_INTEGER
}

function isMediaType(text: string): boolean {
  try {
    return parseContentType(text).type.split('/').length === 2
  } catch {
    return false
  }
}

function isBase64(text: string): boolean {
  return Buffer.from(text, 'base64').toString('base64') === text
}
