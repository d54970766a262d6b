/**
 * The JSON Schema of an event type: taken only when it can be compiled, and held against the data of each
 * event on a thread of its own.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { CloudEvent } from '#core/events/cloud-event.ts'
import { formOf } from '#core/events/data-form.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Described } from '../../local-systems/validation/described-message.ts'
import { checkDescription } from '../../local-systems/validation/try-description.ts'
import { toldOf } from '../../message/told-names.ts'
import type { SubscriptionRooms } from './rooms.ts'
import type { StoredType } from './type-store.ts'

const MAX_BYTES = 65_536
const JSON_TYPE = 'application/json'
/** Where the schema stands in the document that is compiled. */
const PLACE = '#/paths/~1/post/requestBody/content/application~1json/schema'

/**
 * The text of a schema as it is stored. Throws `invalid_input` for one that is too large, or cannot be
 * compiled.
 */
export async function checkNewSchema(schema: unknown): Promise<string> {
  const text = JSON.stringify(schema)
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new Fault('invalid_input', { what: say`a schema has at most ${MAX_BYTES} octets` })
  await checkDescription(documentOf(text))
  return text
}

/** Throws `not_as_described`: where the data are wrong and which rule they break, never a value. */
export async function checkSchema(
  type: Pick<StoredType, 'schema' | 'digest' | 'name'>,
  event: CloudEvent,
  { validator }: Pick<SubscriptionRooms, 'validator'>,
): Promise<void> {
  if (type.schema === '') return
  const isJson = event.isJsonImplied === true || formOf(event.datacontenttype ?? '') === 'json'
  if (event.data === undefined || !isJson)
    throw new Fault('not_as_described', { what: say`${type.name}: its data are not JSON` })
  const violation = await validator.judge(serviceOf(type), {
    ...{ protocol: 'REST', half: 'request', method: 'POST', path: '/', query: undefined },
    ...{ headers: [['content-type', JSON_TYPE]], body: event.data },
  })
  if (violation === undefined) return
  const { pointer, rule } = violation
  throw new Fault('not_as_described', { what: `${type.name}: data ${toldOf(pointer)}: ${rule}` })
}

/** The validator knows a description by this object. */
const services = new Map<string, Described & { documentText: string }>()
const MOST_KNOWN = 1_000

function serviceOf({ digest, schema }: Pick<StoredType, 'digest' | 'schema'>) {
  const known = services.get(digest)
  if (known !== undefined) return known
  if (services.size >= MOST_KNOWN) services.clear()
  const document = documentOf(schema)
  const made = { ...document, documentText: document.text }
  services.set(digest, made)
  return made
}

/** The validation thread knows OpenAPI: one operation whose body is the data. */
function documentOf(schema: string): Described {
  const content = { [JSON_TYPE]: { schema: inPlace(parseStrictJson(schema)) } }
  const post = { requestBody: { required: true, content }, responses: { 200: { description: 'taken' } } }
  const info = { title: 'event', version: '1' }
  return { type: 'OPENAPI', text: JSON.stringify({ openapi: '3.1.0', info, paths: { '/': { post } } }) }
}

/** References within the schema lead to where it stands now. */
function inPlace(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inPlace)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name,
      name === '$ref' && typeof one === 'string' && one.startsWith('#') ? PLACE + one.slice(1) : inPlace(one),
    ]),
  )
}
