/**
 * What a signature over an event covers: digests of its attributes and data, by the extension "Verifiable
 * CloudEvents with DSSE" of CloudEvents (`cloudevents/extensions/verifiability.md`, payload type version
 * 0.1).
 */
import { createHash } from 'node:crypto'
import { isAttributeName } from '#core/events/check-event.ts'
import {
  type AttributeValue,
  type CloudEvent,
  isCoreAttribute,
  SPEC_VERSION,
} from '#core/events/cloud-event.ts'
import { utcSeconds } from '#core/events/timestamp.ts'
import { notHeld } from './envelope.ts'

/** The types of CloudEvents whose bytes are not simply those of their text. URIs are texts here. */
export type ExtensionType = 'Boolean' | 'Integer' | 'String' | 'Binary' | 'Timestamp'

/** The extension that holds the envelope, as base64. */
export const MATERIAL = 'dssematerial'

/** The types of extensions that their own specifications give. */
const KNOWN_TYPES: ReadonlyMap<string, ExtensionType> = new Map([
  ...['partitionkey', 'sequence', 'correlationid', 'causationid', 'traceparent', 'tracestate', 'dataref'].map(
    (name): [string, ExtensionType] => [name, 'String'],
  ),
  ['expirytime', 'Timestamp'],
])

const INTEGER = /^(?:0|-?[1-9][0-9]*)$/

/** The digest of the specification's attributes and of the data. Of `time` it covers whole seconds. */
export function coreDigest(event: CloudEvent): Buffer {
  const time = event.time === undefined ? undefined : utcSeconds(event.time)
  const { id, source, type, datacontenttype, dataschema, subject } = event
  return digestOfDigests([
    id,
    source,
    SPEC_VERSION,
    type,
    datacontenttype,
    dataschema,
    subject,
    time,
    event.data,
  ])
}

/**
 * The digest of these extensions in this order; undefined if the type of one is not known, by its
 * specification, by `types` or, for what is no text, by itself. Throws `invalid_event_signature` for a value
 * that is not of its type.
 */
export function extensionsDigest(
  event: CloudEvent,
  names: readonly string[],
  types: ReadonlyMap<string, ExtensionType>,
): Buffer | undefined {
  const values: (Buffer | undefined)[] = []
  for (const name of names) {
    const value = event.extensions.get(name)
    const type = typeOf(name, value, types)
    if (value !== undefined && type === undefined) return undefined
    values.push(value === undefined || type === undefined ? undefined : canonicalBytes(name, value, type))
  }
  return digestOfDigests(values)
}

/** Throws `invalid_event_signature` for a list of names that may not be signed ("Attributes"). */
export function checkSignedNames(names: readonly string[]): void {
  if (new Set(names).size < names.length) throw notHeld('signedextattrs names an attribute twice')
  if (names.some((name) => name === 'specversion' || isCoreAttribute(name) || name === MATERIAL))
    throw notHeld('signedextattrs names an attribute that is no extension')
  if (!names.every(isAttributeName)) throw notHeld('signedextattrs has a name that is not allowed')
}

function typeOf(
  name: string,
  value: AttributeValue | undefined,
  types: ReadonlyMap<string, ExtensionType>,
): ExtensionType | undefined {
  const known = KNOWN_TYPES.get(name) ?? types.get(name)
  if (known !== undefined || typeof value === 'string') return known
  return typeof value === 'number' ? 'Integer' : 'Boolean'
}

/** "Canonical Value Serialization". */
function canonicalBytes(name: string, value: AttributeValue, type: ExtensionType): Buffer {
  const text = String(value)
  const bytes = type === 'Binary' ? Buffer.from(text, 'base64') : Buffer.from(canonicalText(text, type) ?? '')
  const isRight =
    type === 'Binary' ? bytes.toString('base64') === text : canonicalText(text, type) !== undefined
  if (!isRight) throw notHeld(`${name} is not of its type`)
  return bytes
}

function canonicalText(text: string, type: Exclude<ExtensionType, 'Binary'>): string | undefined {
  if (type === 'Timestamp') return utcSeconds(text)
  if (type === 'Integer') return INTEGER.test(text) ? text : undefined
  if (type === 'Boolean') return text === 'true' || text === 'false' ? text : undefined
  return text
}

/** An absent value has the digest of no bytes. */
function digestOfDigests(values: readonly (string | Buffer | undefined)[]): Buffer {
  const outer = createHash('sha256')
  for (const value of values)
    outer.update(
      createHash('sha256')
        .update(value ?? '')
        .digest(),
    )
  return outer.digest()
}
