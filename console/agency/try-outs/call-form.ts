/**
 * The form of an operation: a field for each value that the description asks for, and the call that comes of
 * what was filled in.
 */
import type { Field, Values } from '../../kit/field.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import type { Asked, Operation, Service } from './shapes.ts'

const TITLES = { path: 'tryOuts.inPath', query: 'tryOuts.inQuery', header: 'tryOuts.inHeader' } as const
const MAX_LENGTH = 4096
const MAX_BODY = 262_144
const WHOLE_BODY = 'wholeBody'
const NESTED: readonly Asked['type'][] = ['object', 'array', 'json']
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']
const WITH_BODY = ['POST', 'PUT', 'PATCH']

/** For a service without a description. */
export const BY_HAND: Field[] = [
  {
    ...{ name: 'method', title: 'tryOuts.method', type: 'select', initial: 'GET' },
    options: METHODS.map((value) => ({ value, title: value })),
  },
  {
    ...{ name: 'path', title: 'tryOuts.path', hint: 'tryOuts.pathHint', initial: '/', maxLength: MAX_LENGTH },
    check: (value) => (/^\/[!-~]*$/.test(value.trim()) ? undefined : text('tryOuts.pathWrong')),
  },
  {
    ...{ name: WHOLE_BODY, title: 'tryOuts.body', titled: { type: 'application/json' } },
    ...{ type: 'long', required: false, maxLength: MAX_BODY },
  },
]

export const WHY: Field[] = [
  {
    ...{ name: 'case', title: 'tryOuts.case', hint: 'tryOuts.caseHint', maxLength: 255 },
    check: (value) => (/^[ -~]+$/.test(value.trim()) ? undefined : text('tryOuts.caseWrong')),
  },
  { name: 'reason', title: 'tryOuts.reason', hint: 'tryOuts.reasonHint', maxLength: 500 },
]

export function fieldsOf(operation: Operation, service: Service): Field[] {
  const parameters = operation.parameters.map((one) => fieldOf(one, `${one.in} ${one.name}`, TITLES[one.in]))
  return [...parameters, ...bodyFields(operation, service)]
}

function bodyFields({ body }: Operation, { type }: Service): Field[] {
  if (body === undefined) return []
  const parts = partsOf(body)
  if (parts !== undefined)
    return parts.map((one) => ({
      ...fieldOf(one, `body ${one.name}`, 'tryOuts.inBody'),
      ...sampleOf(one, body),
    }))
  const isJson = /[/+]json$/.test(body.contentType)
  return [
    {
      ...{
        name: WHOLE_BODY,
        type: 'long',
        required: body.required,
        initial: body.sample,
        maxLength: MAX_BODY,
      },
      ...(type === 'WSDL'
        ? { title: 'tryOuts.element' }
        : { title: 'tryOuts.body', titled: { type: body.contentType } }),
      hint: 'tryOuts.bodyHint',
      ...(isJson && { check: whyNotJson }),
    },
  ]
}

/** The properties of a body that is one object. */
function partsOf(body: NonNullable<Operation['body']>): Asked[] | undefined {
  return body.field?.type === 'object' ? body.field.fields : undefined
}

/** What nobody could fill in by name begins with a sample. */
function sampleOf({ name, type }: Asked, { sample }: NonNullable<Operation['body']>): Partial<Field> {
  if (!NESTED.includes(type)) return {}
  const whole = parsed(sample)
  const own = typeof whole === 'object' && whole !== null && Object.hasOwn(whole, name)
  return own ? { initial: JSON.stringify((whole as Record<string, unknown>)[name], null, 2) } : {}
}

function fieldOf(asked: Asked, name: string, title: TextKey): Field {
  const { required, type, format, values, description } = asked
  const options = values ?? (type === 'boolean' ? ['true', 'false'] : undefined)
  return {
    ...{ name, title, titled: { name: asked.name }, required },
    ...(description !== '' && { hint: 'tryOuts.said' as const, hinted: { said: description } }),
    ...(options !== undefined
      ? { type: 'select' as const, options: options.map((value) => ({ value, title: value })) }
      : NESTED.includes(type)
        ? { type: 'long' as const, maxLength: MAX_BODY }
        : format === 'date'
          ? { type: 'date' as const }
          : { maxLength: Math.min(asked.maxLength ?? MAX_LENGTH, MAX_LENGTH) }),
    check: (value) => whyNot(asked, value, title === 'tryOuts.inBody'),
  }
}

/** Patterns are left to the service: whoever wrote one may have written one that never ends. */
function whyNot(
  { type, values, minimum, maximum, minLength, pattern }: Asked,
  value: string,
  isBody: boolean,
) {
  if (values !== undefined) return undefined
  if (type === 'integer' || type === 'number') {
    const number = Number(value)
    if (!Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number)))
      return text('tryOuts.notANumber')
    if (number < (minimum ?? number) || number > (maximum ?? number)) return text('tryOuts.outOfBounds')
  }
  if (isBody && NESTED.includes(type)) return whyNotJson(value)
  if (minLength !== undefined && value.length < minLength)
    return text('tryOuts.notAsDescribed', { pattern: pattern ?? `minLength ${minLength}` })
  return undefined
}

function whyNotJson(value: string): string | undefined {
  return parsed(value) === undefined ? text('tryOuts.notJson') : undefined
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value) as unknown
  } catch {
    return undefined
  }
}

/** What the API wants of the call; an empty field is not sent. */
export function callOf(operation: Operation | undefined, service: Service, values: Values): object {
  const given = (name: string): string => String(values[name] ?? '').trim()
  const why = { case: given('case'), reason: given('reason') }
  const whole = String(values[WHOLE_BODY] ?? '')
  const wholeBody = whole.trim() === '' ? {} : { content: whole }
  if (operation === undefined) {
    const method = given('method')
    return { ...why, method, path: given('path'), ...(WITH_BODY.includes(method) ? wholeBody : {}) }
  }
  if (service.type === 'WSDL') return { ...why, ...wholeBody, protocol: 'SOAP', method: 'POST' }
  const pairs = (place: 'query' | 'header') =>
    operation.parameters
      .filter((one) => one.in === place && given(`${place} ${one.name}`) !== '')
      .map(({ name }) => ({ name, value: given(`${place} ${name}`) }))
  const path = operation.path.replace(/\{([^{}]+)\}/g, (_, name: string) =>
    encodeURIComponent(given(`path ${name}`)),
  )
  const body = bodyOf(operation, given, wholeBody)
  return {
    ...{ ...why, ...body, path, method: operation.method, endpoint: operation.path },
    ...{ query: pairs('query'), headers: pairs('header') },
    ...('content' in body && operation.body !== undefined && { contentType: operation.body.contentType }),
  }
}

function bodyOf(
  { body }: Operation,
  given: (name: string) => string,
  whole: { content?: string },
): { content?: string } {
  const parts = body && partsOf(body)
  if (parts === undefined) return whole
  const filled = parts
    .filter(({ name }) => given(`body ${name}`) !== '')
    .map((one) => [one.name, jsonValue(one, given(`body ${one.name}`))])
  return filled.length === 0 && body?.required !== true
    ? {}
    : { content: JSON.stringify(Object.fromEntries(filled)) }
}

function jsonValue({ type }: Asked, value: string): unknown {
  return type === 'string' ? value : (parsed(value) ?? value)
}
