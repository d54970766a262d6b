/**
 * Holds a request or an answer against its operation: the first thing that is not as described. What is not
 * described is not judged.
 */
import type { ErrorObject } from 'ajv/dist/2020.js'
import { isJsonType, parseContentType } from '#core/transport/content-type.ts'
import { type HeaderList, headerValue } from '#core/transport/header-list.ts'
import type { FoundOperation } from './find-operation.ts'
import { readJson } from './read-json.ts'
import type { Contents, Operation, Parameter } from './read-operations.ts'
import { readParameter, readQuery } from './read-parameter.ts'
import type { RestMessage, Violation } from './rest-message.ts'
import { pointerOf, ruleOf } from './tell-error.ts'

/** What is wrong with a value by the schema of this key. */
export type Judge = (schema: string, value: unknown) => ErrorObject | undefined

type Description = {
  find(method: string, path: string): FoundOperation<Operation> | undefined
  judge: Judge
}

/** Answers that have no content (RFC 9110 15), whatever is described. */
const WITHOUT_CONTENT = new Set([204, 205, 304])

export function judgeRest(message: RestMessage, description: Description): Violation | undefined {
  const found = description.find(message.method, message.path)
  if (found === undefined) return wrong('operation', 'none has this method and path')
  const { operation } = found
  if (message.half === 'request')
    return (
      judgeParameters(message, found, description.judge) ??
      judgeRequestBody(message, operation, description.judge)
    )
  const { status } = message
  const { answers } = operation
  const name = [String(status), `${Math.trunc(status / 100)}XX`, 'default'].find((one) => answers.has(one))
  if (name === undefined) return wrong(`status ${status}`, 'it is not described')
  const contents = answers.get(name)
  const hasNone = message.method === 'HEAD' || WITHOUT_CONTENT.has(status)
  if (contents === undefined || hasNone) return undefined
  if (isEmpty(message.body)) return wrong('body', 'it is missing')
  return judgeBody(message, contents, description.judge)
}

function judgeParameters(
  message: RestMessage & { half: 'request' },
  { operation, path }: FoundOperation<Operation>,
  judge: Judge,
): Violation | undefined {
  const query = readQuery(message.query)
  const given = (parameter: Parameter): readonly string[] => {
    if (parameter.in === 'query') return query.get(parameter.name) ?? []
    if (parameter.in === 'header') return headersNamed(message.headers, parameter.name)
    return [path.get(parameter.name) ?? []].flat()
  }
  for (const parameter of operation.parameters) {
    if (message.isSample === true && parameter.in !== 'path') continue
    const place = `${parameter.in} ${parameter.name}`
    const read = readParameter(parameter, given(parameter))
    if (read === 'unjudged') continue
    if (read === 'absent') {
      if (parameter.required && !isSpread(parameter, query)) return wrong(place, 'it is missing')
      continue
    }
    if ('wrong' in read) return wrong(place, read.wrong)
    const { schema } = parameter
    if (schema === undefined) continue
    const errors = read.values.map((value) => judge(schema, value))
    // Of a text that is also a number one reading mostly has the wrong type.
    const said = errors.find((error) => error?.keyword !== 'type') ?? errors.at(-1)
    if (errors.every((error) => error !== undefined)) return wrong(place, ruleOf(said!))
  }
  return undefined
}

/** The members of an object stand under names of their own, which are not read. */
function isSpread({ in: place, name, types, style }: Parameter, query: Map<string, string[]>): boolean {
  if (place !== 'query' || !types.includes('object')) return false
  return style !== 'deepObject' || [...query.keys()].some((one) => one.startsWith(`${name}[`))
}

/** A list may be on several lines (RFC 9110 5.3). */
function headersNamed(headers: HeaderList, name: string): string[] {
  const wanted = name.toLowerCase()
  const values = headers.filter(([one]) => one.toLowerCase() === wanted).map(([, value]) => value)
  return values.length === 0 ? [] : [values.join(',')]
}

function judgeRequestBody(message: RestMessage, { body }: Operation, judge: Judge): Violation | undefined {
  if (isEmpty(message.body)) return body?.required === true ? wrong('body', 'it is missing') : undefined
  if (body === undefined) return wrong('body', 'it is not described')
  return judgeBody(message, body.contents, judge)
}

function judgeBody({ headers, body }: RestMessage, contents: Contents, judge: Judge): Violation | undefined {
  const contentType = headerValue(headers, 'content-type')
  const type = mediaTypeOf(contentType)
  const key = [type, `${type.split('/', 1)[0]}/*`, '*/*'].find((one) => contents.has(one))
  if (key === undefined) return wrong('content type', 'it is not described')
  const { schema } = contents.get(key)!
  if (schema === undefined || !isJsonType(type)) return undefined
  if (!isJsonType(contentType)) return wrong('content type', 'JSON is in UTF-8')
  const read = readJson(body!)
  if ('wrong' in read) return wrong('body', read.wrong)
  try {
    const error = judge(schema, read.value)
    return error && { place: 'body', pointer: pointerOf(error, read.value), rule: ruleOf(error) }
  } catch (cause) {
    // More levels than calls fit into each other.
    if (cause instanceof RangeError) return wrong('body', 'it is too deep')
    throw cause
  }
}

function mediaTypeOf(contentType: string | undefined): string {
  try {
    return parseContentType(contentType ?? '').type
  } catch {
    return ''
  }
}

function isEmpty(body: Uint8Array | undefined): boolean {
  return body === undefined || body.length === 0
}

function wrong(place: string, rule: string): Violation {
  return { place, pointer: '', rule }
}
