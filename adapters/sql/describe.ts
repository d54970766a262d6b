/**
 * The description of the resources: their parameters, and what they answer, as the OpenAPI document has them.
 */
import { inputSchema, outputSchema } from '#adapters/kit/field-types.ts'
import { templatesOf } from '#adapters/kit/mapping-settings.ts'
import type { DescribedOperation } from '#adapters/kit/openapi-document.ts'
import type { Schema } from '#platform/http-service/openapi-operations.ts'
import { MAX_CURSOR } from './cursor.ts'
import type { Resource } from './mapping.ts'
import type { Comparison } from './settings.ts'

const MOST_IN = 50

const MEANING: Record<Comparison, string> = {
  eq: 'equals this',
  in: 'equals one of these',
  gt: 'is more than this',
  ge: 'is this or more',
  lt: 'is less than this',
  le: 'is this or less',
  prefix: 'begins with this, as the database compares texts',
}

export function describeResource(resource: Resource): DescribedOperation {
  const { id, path, settings } = resource
  return {
    id,
    path,
    summary: settings.summary,
    parameters: [...ofPath(resource), ...ofQuery(resource), ...ofPage(resource)],
    answer: settings.one ? rowSchema(resource) : listSchema(resource),
    mayMiss: settings.one,
  }
}

function ofPath({ path, settings }: Resource): DescribedOperation['parameters'] {
  return templatesOf(path).map((name) => {
    const rule = Object.hasOwn(settings.parameters, name)
      ? settings.parameters[name]!
      : settings.fields[name]!
    return { name, in: 'path', required: true, schema: inputSchema(rule) }
  })
}

function ofQuery(resource: Resource): DescribedOperation['parameters'] {
  const inPath = templatesOf(resource.path)
  const declared = Object.entries(resource.settings.parameters)
    .filter(([name]) => !inPath.includes(name))
    .map(([name, rule]) => ({ name, in: 'query', required: rule.required, schema: inputSchema(rule) }))
  const filters = resource.filters
    .filter(({ parameter }) => !inPath.includes(parameter))
    .map(({ parameter, field, comparison }) => {
      const one = inputSchema(field.rule)
      const schema: Schema =
        comparison === 'in' ? { type: 'array', items: one, minItems: 1, maxItems: MOST_IN } : one
      return {
        name: parameter,
        in: 'query',
        description: `Only rows whose ${field.name} ${MEANING[comparison]}`,
        // A beginning does not have the pattern of the whole.
        schema: comparison === 'prefix' ? withoutPattern(schema) : schema,
      }
    })
  return [...declared, ...filters]
}

function ofPage({ isPaged, settings, sorts }: Resource): DescribedOperation['parameters'] {
  if (!isPaged) return []
  const { standard, most } = settings.page
  const orders = [...sorts.keys()].filter((order) => order !== undefined)
  return [
    {
      name: 'limit',
      in: 'query',
      description: 'The most rows of a page',
      schema: { type: 'integer', minimum: 1, maximum: most, default: standard },
    },
    {
      name: 'after',
      in: 'query',
      description: 'From `next` of the page before',
      schema: { type: 'string', minLength: 1, maxLength: MAX_CURSOR, pattern: '^[A-Za-z0-9_-]+$' },
    },
    ...(orders.length === 0
      ? []
      : [
          {
            name: 'order',
            in: 'query',
            description: 'A field to sort by, falling with a minus sign',
            schema: { type: 'string', enum: orders },
          },
        ]),
  ]
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

function listSchema(resource: Resource): Schema {
  const { most } = resource.settings.page
  const next = {
    type: 'string',
    description: 'The query of the next page, when there is one; relative to this address',
  }
  return {
    type: 'object',
    required: ['items'],
    properties: {
      items: { type: 'array', maxItems: most, items: rowSchema(resource) },
      ...(resource.isPaged ? { next } : {}),
    },
  }
}

function withoutPattern({ pattern: _, ...rest }: Schema): Schema {
  return rest
}
