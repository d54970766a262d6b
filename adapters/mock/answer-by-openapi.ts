/**
 * Answers requests by an OpenAPI document: held against it, then an example or data made from the schema,
 * held against it too.
 */
import { hash } from 'node:crypto'
import { createChoices } from '#core/openapi/choices.ts'
import { type CompiledOpenApi, compileOpenApi } from '#core/openapi/compile-openapi.ts'
import { makeValue } from '#core/openapi/make-value.ts'
import { pointedAt } from '#core/openapi/openapi-operations.ts'
import { isObject, type Json } from '#core/openapi/translate-schemas.ts'
import { isJsonType } from '#core/transport/content-type.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { Fault } from '#schemas/fault.ts'
import { chooseMedia, chooseStatus, listed } from './choose-answer.ts'
import { MOCK_HEADER, type MockAnswer, type MockRequest } from './question.ts'
import { type Preferences, readPreferences } from './read-preferences.ts'
import { unpacked } from './unpack.ts'
import { plain, wordsOf } from './words.ts'

/** Aliases of YAML may make a small document large. */
const MAX_DOCUMENT = 8 * 1024 * 1024
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205, 304])
const MAX_HOPS = 10
const VALUES = ['value', 'dataValue', 'serializedValue']

type Content = { value: unknown; from: string }

/** Throws `invalid_input` that says what in the document cannot be compiled, and where. */
export function answerByOpenApi(text: string): (request: MockRequest) => Promise<MockAnswer> {
  const compiled = compileOpenApi(text)
  checkSize(compiled.document)
  return async (request) => {
    const body = unpacked(request)
    const said = { protocol: 'REST', method: request.method, path: request.path } as const
    const { headers, query } = request
    const wrong = await compiled.judge({ ...said, half: 'request', query, headers, body })
    if (wrong !== undefined) throw new Fault('not_as_described', { what: wordsOf(wrong) })
    const { operation } = compiled.find(request.method, request.path)!
    const wanted = readPreferences(headers)
    const { status, contents } = chooseStatus(operation, wanted.code)
    const applied: HeaderList =
      wanted.applied.length === 0 ? [] : [['preference-applied', wanted.applied.join(', ')]]
    if (contents === undefined || WITHOUT_CONTENT.has(status))
      return { status, headers: [...applied, [MOCK_HEADER, 'no content']], body: undefined }
    const { type, at } = chooseMedia(contents, headers)
    const content = contentOf(at, wanted, request, compiled)
    const bytes = Buffer.from(textOf(content.value, type))
    const contentType: HeaderList = [['content-type', isJsonType(type) ? type : withCharset(type)]]
    const answer = { ...said, half: 'response', status, headers: contentType, body: bytes } as const
    const lie = await compiled.judge(answer)
    // What is made and still wrong would teach the consumer a service that there is not; an example is the
    // provider's word.
    if (lie !== undefined && content.from === 'made')
      throw new Fault('answer_not_makeable', { what: `#${at}: ${wordsOf(lie)}`.slice(0, 500) })
    const from = lie === undefined ? content.from : `${content.from}; not as described: ${wordsOf(lie)}`
    return { status, headers: [...contentType, ...applied, [MOCK_HEADER, plain(from)]], body: bytes }
  }
}

function contentOf(
  at: string,
  wanted: Preferences,
  request: MockRequest,
  { document, minor }: CompiledOpenApi,
): Content {
  const media = pointedAt(document, at) as Json
  const examples = isObject(media['examples']) ? media['examples'] : {}
  if (wanted.example !== undefined) {
    const example = exampleOf(examples, wanted.example, document)
    if (example === undefined)
      throw new Fault('answer_not_described', { what: `example=: ${listed(Object.keys(examples))}` })
    return { value: example.value, from: `example ${wanted.example}` }
  }
  if (!wanted.isMade) {
    if (media['example'] !== undefined) return { value: media['example'], from: 'example' }
    for (const name of Object.keys(examples)) {
      const example = exampleOf(examples, name, document)
      if (example !== undefined) return { value: example.value, from: `example ${name}` }
    }
  }
  if (media['schema'] === undefined) return { value: '', from: 'empty' }
  const making = { document, minor, half: 'response', choices: createChoices(seedOf(request)) } as const
  return { value: makeValue(media['schema'], `${at}/schema`, making), from: 'made' }
}

/**
 * An example elsewhere (`externalValue`) is not fetched. OpenAPI 3.2 says `dataValue` and `serializedValue`.
 */
function exampleOf(examples: Json, name: string, document: Json): { value: unknown } | undefined {
  let example: unknown = Object.hasOwn(examples, name) ? examples[name] : undefined
  for (let hops = 0; hops < MAX_HOPS && isObject(example) && typeof example['$ref'] === 'string'; hops++) {
    const reference = example['$ref']
    example = reference.startsWith('#') ? pointedAt(document, reference.slice(1)) : undefined
  }
  if (!isObject(example)) return undefined
  // Null is a value, too.
  const kind = VALUES.find((one) => Object.hasOwn(example, one))
  return kind === undefined ? undefined : { value: example[kind] }
}

/** The same question gets the same answer, whoever asks it and when. */
function seedOf({ method, path, query, body }: MockRequest): string {
  return `${method} ${path}?${query ?? ''} ${hash('sha256', body ?? new Uint8Array())}`
}

function textOf(value: unknown, type: string): string {
  if (isJsonType(type) || typeof value !== 'string') return JSON.stringify(value)
  return value
}

function withCharset(type: string): string {
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}

/**
 * Throws `invalid_input` for a document whose aliases make it too large, or a part of which contains itself.
 */
function checkSize(document: Json): void {
  let length: number
  try {
    ;({ length } = JSON.stringify(document))
  } catch (cause) {
    throw new Fault('invalid_input', { what: 'OpenAPI document: a part of it contains itself', cause })
  }
  if (length > MAX_DOCUMENT)
    throw new Fault('invalid_input', { what: 'OpenAPI document: its aliases make it too large' })
}
