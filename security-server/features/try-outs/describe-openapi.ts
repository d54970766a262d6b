/**
 * The operations of an OpenAPI document as forms: what is asked for, with types and choices, references
 * followed. For a thread that can be ended.
 */
import { createChoices, type Making } from '#core/openapi/choices.ts'
import { makeValue } from '#core/openapi/make-value.ts'
import { mergeSchemas } from '#core/openapi/merge-schemas.ts'
import { asObject, pointedAt } from '#core/openapi/openapi-operations.ts'
import { parse, refused, versionOf } from '#core/openapi/read-document.ts'
import { type Operation as Described, type Parameter, readOperations } from '#core/openapi/read-operations.ts'
import { isObject, type Json } from '#core/openapi/translate-schemas.ts'
import { isJsonType } from '#core/transport/content-type.ts'
import type { Description, Field, Operation } from './described.ts'

const MAX_OPERATIONS = 500
const MAX_FIELDS = 5_000
const MAX_DEPTH = 5
const MAX_VALUES = 500
const MAX_TEXT = 500
const MAX_DESCRIPTION = 4_000
/** Of the document: often a page about the service. */
const MAX_ABOUT = 20_000
const TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array'] as const
const BOUNDS = ['minimum', 'maximum', 'minLength', 'maxLength'] as const

/** Throws `invalid_input` that says what in the document cannot be read, and where. */
export function describeOpenApi(text: string): Description {
  const document = asObject(parse(text).value, 'the document', refused)
  const { minor } = versionOf(document)
  const found = readOperations({ document, minor, refuse: refused, use: () => '' })
  const operations = found.slice(0, MAX_OPERATIONS)
  const budget = { fields: MAX_FIELDS }
  // One budget for all: what comes after a document has used it up is asked for as JSON.
  const making: Making = { document, minor, half: 'request', choices: createChoices('try-out') }
  const info = isObject(document['info']) ? document['info'] : {}
  return {
    about: {
      ...{ title: textOf(info['title']), version: textOf(info['version']) },
      description: textOf(info['description'], MAX_ABOUT) || textOf(info['summary']),
    },
    operations: operations.map((one) => operationOf(one, making, budget)),
  }
}

type Budget = { fields: number }

function operationOf(
  { method, path, at, parameters, body, answers }: Described,
  making: Making,
  budget: Budget,
): Operation {
  const { document } = making
  const own = pointedAt(document, at) as Json
  const [contentType, content] = [...(body?.contents ?? [])].sort(
    ([one], [other]) => Number(isJsonType(other)) - Number(isJsonType(one)),
  )[0] ?? [undefined, undefined]
  return {
    ...{ method, path, summary: textOf(own['summary']) },
    description: textOf(own['description'], MAX_DESCRIPTION),
    parameters: parameters.map((one) => parameterOf(one, making, budget)),
    ...(body !== undefined &&
      contentType !== undefined &&
      content !== undefined && {
        body: { required: body.required, contentType, ...bodyOf(contentType, content.at, making, budget) },
      }),
    answers: [...answers.keys()].map((status) => ({
      status,
      description: describedAnswer(own, status, document),
    })),
  }
}

function parameterOf(
  { name, in: place, required, at }: Parameter,
  making: Making,
  budget: Budget,
): Operation['parameters'][number] {
  const parameter = pointedAt(making.document, at) as Json
  const field = fieldOf(
    name,
    parameter['schema'] ?? true,
    { at: `${at}/schema`, required, depth: 0 },
    making,
    budget,
  )
  return { ...field, in: place, description: textOf(parameter['description']) || field.description }
}

function bodyOf(
  contentType: string,
  at: string,
  making: Making,
  budget: Budget,
): { sample: string; field?: Field } {
  const media = pointedAt(making.document, at) as Json
  const sample = sampleOf(media, at, making)
  if (!isJsonType(contentType)) return { sample: typeof sample === 'string' ? sample : '' }
  const field = fieldOf(
    '',
    media['schema'] ?? true,
    { at: `${at}/schema`, required: true, depth: 0 },
    making,
    budget,
  )
  return { sample: sample === undefined ? '' : JSON.stringify(sample, null, 2), field }
}

function sampleOf(media: Json, at: string, making: Making): unknown {
  const [first] = isObject(media['examples']) ? Object.values(media['examples']) : []
  const example = media['example'] ?? (isObject(first) ? first['value'] : undefined)
  if (example !== undefined || media['schema'] === undefined) return example
  return attempt(() => makeValue(media['schema'], `${at}/schema`, making))
}

type Here = { at: string; required: boolean; depth: number }

function fieldOf(
  name: string,
  schema: unknown,
  { at, required, depth }: Here,
  making: Making,
  budget: Budget,
): Field {
  const said = { name: name.slice(0, MAX_TEXT).toWellFormed(), description: '', required }
  const whole = attempt(() => mergeSchemas(schema, at, making, true))
  if (whole === undefined || depth > MAX_DEPTH || --budget.fields < 0) return { ...said, type: 'json' }
  const { format, enum: allowed, pattern } = whole
  const type = typeOf(whole)
  const field: Field = {
    ...said,
    description: textOf(whole['description'] ?? whole['title']),
    type,
    ...(typeof format === 'string' && { format: textOf(format) }),
    ...(typeof pattern === 'string' && { pattern: pattern.slice(0, MAX_TEXT).toWellFormed() }),
    ...(Array.isArray(allowed) && { values: allowed.slice(0, MAX_VALUES).map(valueText) }),
  }
  for (const bound of BOUNDS) if (typeof whole[bound] === 'number') field[bound] = whole[bound]
  if (type === 'object') {
    const needed = new Set(Array.isArray(whole['required']) ? (whole['required'] as unknown[]) : [])
    const properties = isObject(whole['properties']) ? Object.entries(whole['properties']) : []
    if (properties.length === 0) return { ...said, description: field.description, type: 'json' }
    field.fields = properties.flatMap(([inner, one]) => {
      const isRead =
        isObject(one) && attempt(() => mergeSchemas(one, at, making, true))?.['readOnly'] === true
      if (isRead) return []
      const below = { at: `${at}/properties/${inner}`, required: needed.has(inner), depth: depth + 1 }
      return [fieldOf(inner, one, below, making, budget)]
    })
  }
  if (type === 'array') {
    const below = { at: `${at}/items`, required: true, depth: depth + 1 }
    field.items = fieldOf('', whole['items'] ?? true, below, making, budget)
  }
  return field
}

/** `json` where a schema says nothing that a form could ask for. */
function typeOf(schema: Json): Field['type'] {
  const named = [schema['type']].flat().find((one) => one !== 'null')
  const type = TYPES.find((one) => one === named)
  if (type !== undefined) return type
  if (Array.isArray(schema['enum']) || schema['pattern'] !== undefined) return 'string'
  return isObject(schema['properties']) ? 'object' : 'json'
}

function describedAnswer(operation: Json, status: string, document: Json): string {
  const answer = isObject(operation['responses']) ? operation['responses'][status] : undefined
  const $ref = isObject(answer) ? answer['$ref'] : undefined
  const found = typeof $ref === 'string' ? pointedAt(document, $ref.slice(1)) : answer
  return isObject(found) ? textOf(found['description']) : ''
}

function valueText(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, MAX_TEXT).toWellFormed()
}

function textOf(value: unknown, most = MAX_TEXT): string {
  return typeof value === 'string' ? value.slice(0, most).toWellFormed() : ''
}

/** Undefined for a schema by which nothing can be made: the form then asks for JSON. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
