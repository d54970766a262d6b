/**
 * The operations of an OpenAPI document as they are held against messages: parameters, media types, answers.
 * No schema is read yet.
 */
import { REST_METHODS } from '#schemas/wire.ts'
import { operationKeys, pointedAt } from './openapi-operations.ts'
import { escaped, type Half, isObject, type Json, referredBy } from './translate-schemas.ts'

export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required: boolean
  allowsEmpty: boolean
  style: string
  explode: boolean
  /** It is JSON (`content`), not a plain value. */
  isJson: boolean
  /** The key of its schema; undefined without one. */
  schema: string | undefined
  /** The types that its schema names. */
  types: readonly string[]
  /** Where it stands in the document (RFC 6901, in a URI fragment). */
  at: string
}

/**
 * By media type, lower case without parameters: the key of its schema, and where it stands in the document.
 */
export type Contents = ReadonlyMap<string, { schema: string | undefined; at: string }>

export type Operation = {
  method: string
  /** As the document writes it. */
  path: string
  /** Where it stands in the document. */
  at: string
  parameters: Parameter[]
  /** Undefined: no body is described. */
  body: { required: boolean; contents: Contents } | undefined
  /** By status, `4XX`, `default`; without contents: no body is described. */
  answers: ReadonlyMap<string, Contents | undefined>
}

type Reading = {
  document: Json
  minor: number
  refuse(what: string): Error
  /** Notes a schema, and returns its key. */
  use(pointer: string, half: Half): string
}
/** A part of the document, with where it stands. */
type Part = { value: Json; at: string }

const MAX_HOPS = 10
/** What OpenAPI says elsewhere, or leaves to HTTP (Parameter Object). */
const OTHER_HEADERS = new Set(['accept', 'content-type', 'authorization'])
const STATUS = /^(?:[1-5]\d\d|[1-5]XX|default)$/

export function readOperations(reading: Reading): Operation[] {
  const { minor, document } = reading
  const paths = document['paths'] ?? {}
  if (!isObject(paths)) throw reading.refuse('paths must be an object')
  return Object.keys(paths)
    .filter((path) => !path.startsWith('x-'))
    .flatMap((path) => {
      const item = partAt({ value: paths, at: '/paths' }, path, reading)!
      return operationKeys(item.value, minor)
        .filter(({ method }) => REST_METHODS.has(method))
        .map(({ key, method }) => operationOf({ path, method, key, item }, reading))
    })
}

function operationOf(
  { path, method, key, item }: { path: string; method: string; key: string; item: Part },
  reading: Reading,
): Operation {
  const operation = partAt(item, key, reading)!
  // Those of the operation override those of the path, by place and name.
  const parameters = new Map(
    [...parametersOf(item, reading), ...parametersOf(operation, reading)].map((one) => [
      `${one.in} ${one.in === 'header' ? one.name.toLowerCase() : one.name}`,
      one,
    ]),
  )
  const body = partAt(operation, 'requestBody', reading)
  return {
    ...{ method, path, at: operation.at, parameters: [...parameters.values()] },
    body: body && {
      required: body.value['required'] === true,
      contents: contentsOf(body, 'request', reading) ?? new Map(),
    },
    answers: answersOf(operation, reading),
  }
}

function answersOf(operation: Part, reading: Reading): Operation['answers'] {
  const responses = partAt(operation, 'responses', reading)
  if (responses === undefined) return new Map()
  const answers = new Map<string, Contents | undefined>()
  for (const status of Object.keys(responses.value)) {
    if (status.startsWith('x-')) continue
    if (!STATUS.test(status))
      throw reading.refuse(`#${responses.at} has ${status.slice(0, 20)}, which is no status`)
    answers.set(status, contentsOf(partAt(responses, status, reading)!, 'response', reading))
  }
  return answers
}

function contentsOf(part: Part, half: Half, reading: Reading): Contents | undefined {
  const content = partAt(part, 'content', reading)
  if (content === undefined || Object.keys(content.value).length === 0) return undefined
  return new Map(
    Object.keys(content.value).map((type) => {
      const { value, at } = partAt(content, type, reading)!
      const schema = value['schema'] === undefined ? undefined : reading.use(`${at}/schema`, half)
      return [type.split(';', 1)[0]!.trim().toLowerCase(), { schema, at }]
    }),
  )
}

function parametersOf(part: Part, reading: Reading): Parameter[] {
  const list = part.value['parameters'] ?? []
  if (!Array.isArray(list)) throw reading.refuse(`#${part.at}/parameters must be a list`)
  const within: Part = { value: Object.fromEntries(list.entries()), at: `${part.at}/parameters` }
  return list.flatMap((_, index) => parameterOf(partAt(within, String(index), reading)!, reading) ?? [])
}

/** Undefined for what is not judged: cookies, and the query as a whole. */
function parameterOf({ value, at }: Part, reading: Reading): Parameter | undefined {
  const { name, in: place } = value
  if (typeof name !== 'string' || typeof place !== 'string')
    throw reading.refuse(`#${at} must have a name and say where it is`)
  if (place !== 'path' && place !== 'query' && place !== 'header') return undefined
  if (place === 'header' && OTHER_HEADERS.has(name.toLowerCase())) return undefined
  const content = partAt({ value, at }, 'content', reading)
  const holder =
    content === undefined ? { value, at } : partAt(content, Object.keys(content.value)[0] ?? '', reading)
  const hasSchema = holder?.value['schema'] !== undefined
  const style = typeof value['style'] === 'string' ? value['style'] : place === 'query' ? 'form' : 'simple'
  return {
    ...{ name, in: place, style, at },
    required: place === 'path' || value['required'] === true,
    allowsEmpty: value['allowEmptyValue'] === true,
    explode: typeof value['explode'] === 'boolean' ? value['explode'] : style === 'form',
    isJson: content !== undefined,
    schema: hasSchema ? reading.use(`${holder.at}/schema`, 'request') : undefined,
    types: hasSchema ? typesOf(holder.value['schema'], reading) : [],
  }
}

/** The types that a schema names, or one that it refers to. */
function typesOf(schema: unknown, { document }: Reading): string[] {
  let next = schema
  for (let hops = 0; hops < MAX_HOPS && isObject(next); hops++) {
    const { type, $ref } = next
    if (type !== undefined) return [type].flat().filter((one) => typeof one === 'string')
    next = typeof $ref === 'string' ? pointedAt(document, $ref.slice(1)) : undefined
  }
  return []
}

/** A part of a part, where it leads if it is a reference. */
function partAt(part: Part, name: string, reading: Reading): Part | undefined {
  let at = `${part.at}/${escaped(name)}`
  let value: unknown = Object.hasOwn(part.value, name) ? part.value[name] : undefined
  if (value === undefined) return undefined
  for (let hops = 0; isObject(value) && value['$ref'] !== undefined; hops++) {
    if (hops === MAX_HOPS) throw reading.refuse(`#${at} leads in a circle, or too far`)
    const target = referredBy(value['$ref'], `#${at}`, reading)
    at = target
    value = pointedAt(reading.document, target)
  }
  if (!isObject(value)) throw reading.refuse(`#${at} must be an object`)
  return { value, at }
}
