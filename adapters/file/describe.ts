/**
 * The description of the resources and of the files: their parameters, and what they answer, as the OpenAPI
 * document has them.
 */
import { inputSchema, outputSchema } from '#adapters/kit/field-types.ts'
import { templatesOf } from '#adapters/kit/mapping-settings.ts'
import type { DescribedOperation } from '#adapters/kit/openapi-document.ts'
import type { Schema } from '#platform/http-service/openapi-operations.ts'
import { CURSOR } from './answer.ts'
import type { Resource } from './mapping.ts'
import type { FilesSettings } from './settings.ts'

const MOST_IN = 50
const MOST_FILES = 1000
const MOST_NAME = 255

type Parameters = DescribedOperation['parameters']

export function describeResource(resource: Resource): DescribedOperation {
  const { id, path, settings } = resource
  return {
    id,
    path,
    summary: settings.summary,
    parameters: [...ofPath(resource), ...ofQuery(resource), ...ofPage(resource)],
    answer: settings.one ? rowSchema(resource) : listSchema(rowSchema(resource), settings.page.most),
    mayMiss: settings.one || resource.file.some((part) => 'parameter' in part),
  }
}

export function describeFiles({ list, read }: FilesSettings): DescribedOperation[] {
  const text = (maxLength: number): Schema => ({ type: 'string', minLength: 1, maxLength })
  const file = {
    type: 'object',
    required: ['name', 'size', 'modified'],
    properties: {
      name: text(MOST_NAME),
      size: { type: 'integer', minimum: 0 },
      modified: { type: 'string', format: 'date-time' },
    },
  }
  const listed: DescribedOperation = {
    ...{ id: 'listFiles', path: '/files', summary: 'The files by their names', mayMiss: false },
    parameters: [
      limitParameter(100, MOST_FILES),
      { name: 'after', in: 'query', description: 'Only names behind this one', schema: text(MOST_NAME) },
    ],
    answer: listSchema(file, MOST_FILES),
  }
  const whole: DescribedOperation = {
    ...{ id: 'readFile', path: '/files/{name}', summary: 'A file as it is, with its digest', mayMiss: true },
    parameters: [{ name: 'name', in: 'path', required: true, schema: text(MOST_NAME) }],
    answer: { type: 'string', format: 'binary' },
    answerType: 'application/octet-stream',
  }
  return [...(list ? [listed] : []), ...(read ? [whole] : [])]
}

function ofPath({ path, settings }: Resource): Parameters {
  return templatesOf(path).map((name) => {
    const { parameters, fields } = settings
    const rule = Object.hasOwn(parameters, name) ? parameters[name]! : fields[name]!
    return { name, in: 'path', required: true, schema: inputSchema(rule) }
  })
}

function ofQuery({ path, settings, filters, fields }: Resource): Parameters {
  const inPath = templatesOf(path)
  const declared = Object.entries(settings.parameters)
    .filter(([name]) => !inPath.includes(name))
    .map(([name, rule]) => ({ name, in: 'query', required: true, schema: inputSchema(rule) }))
  const compared = filters
    .filter(({ parameter }) => !inPath.includes(parameter))
    .map(({ parameter, place, comparison }) => {
      const { name, rule } = fields[place]!
      const one = inputSchema(rule)
      const isList = comparison === 'in'
      return {
        name: parameter,
        in: 'query',
        description: `Only rows whose ${name} equals ${isList ? 'one of these' : 'this'}`,
        schema: isList ? { type: 'array', items: one, minItems: 1, maxItems: MOST_IN } : one,
      }
    })
  return [...declared, ...compared]
}

function ofPage({ settings }: Resource): Parameters {
  if (settings.one) return []
  const after = {
    name: 'after',
    in: 'query',
    description: 'From `next` of the page before',
    schema: { type: 'string', pattern: CURSOR.source },
  }
  return [limitParameter(settings.page.standard, settings.page.most), after]
}

function limitParameter(standard: number, most: number): Parameters[number] {
  return {
    name: 'limit',
    in: 'query',
    description: 'The most items of a page',
    schema: { type: 'integer', minimum: 1, maximum: most, default: standard },
  }
}

function rowSchema({ fields }: Resource): Schema {
  return {
    type: 'object',
    required: fields.map(({ name }) => name),
    properties: Object.fromEntries(
      fields.map(({ name, type, nullable }) => [name, outputSchema(type, nullable)]),
    ),
  }
}

function listSchema(items: Schema, most: number): Schema {
  const next = {
    type: 'string',
    description: 'The query of the next page, when there is one; relative to this address',
  }
  return {
    type: 'object',
    required: ['items'],
    properties: { items: { type: 'array', maxItems: most, items }, next },
  }
}
