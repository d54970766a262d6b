/** The event of CloudEvents 1.0.2: typed attributes, and data whose bytes are kept as they came. */

/**
 * The value of an attribute. URIs, times and Binary (base64) stand in their canonical texts; a number is a
 * 32-bit integer.
 */
export type AttributeValue = string | number | boolean

/** An event whose attributes were checked. `specversion` is always 1.0 and is written where an event is. */
export type CloudEvent = {
  readonly id: string
  /** A URI-reference. `source` and `id` together name the event. */
  readonly source: string
  readonly type: string
  readonly datacontenttype?: string
  /** An absolute URI. */
  readonly dataschema?: string
  readonly subject?: string
  /** RFC 3339, as the producer wrote it. */
  readonly time?: string
  readonly extensions: ReadonlyMap<string, AttributeValue>
  /** The bytes that the producer gave: of a JSON document, the text of its member `data`. */
  readonly data?: Buffer
  /**
   * A JSON document held `data` and no `datacontenttype`, which implies application/json (JSON format,
   * 3.1.2). The attribute stays unset, since a signature over the event covers it.
   */
  readonly isJsonImplied?: true
}

/** The attributes of the specification, in the order in which events are written. */
const CORE_ATTRIBUTES = [
  'specversion',
  'id',
  'source',
  'type',
  'datacontenttype',
  'dataschema',
  'subject',
  'time',
] as const

const CORE: ReadonlySet<string> = new Set(CORE_ATTRIBUTES)

/** The only version of the specification that is read and written. */
export const SPEC_VERSION = '1.0'

/** Whether the name is one of the specification's own attributes. */
export function isCoreAttribute(name: string): name is keyof CloudEvent & (typeof CORE_ATTRIBUTES)[number] {
  return CORE.has(name)
}

/** The value of an attribute or extension, undefined where the event does not have it. */
export function attributeOf(event: CloudEvent, name: string): AttributeValue | undefined {
  if (name === 'specversion') return SPEC_VERSION
  return isCoreAttribute(name) ? event[name] : event.extensions.get(name)
}

/** Every attribute that the event has, the specification's first. */
export function attributesOf(event: CloudEvent): [name: string, value: AttributeValue][] {
  const core = CORE_ATTRIBUTES.flatMap((name): [string, AttributeValue][] => {
    const value = attributeOf(event, name)
    return value === undefined ? [] : [[name, value]]
  })
  return [...core, ...event.extensions]
}
