/**
 * A resource of the settings file, made ready: its names quoted, its query read, its filters and sort orders
 * listed.
 */
import type { FieldType, ValueRule } from '#adapters/kit/field-types.ts'
import { templatesOf } from '#adapters/kit/mapping-settings.ts'
import type { Dialect } from './dialects.ts'
import { inputValue, type SqlValue } from './field-types.ts'
import { readQuery } from './placeholders.ts'
import type { Comparison, ResourceSettings, SqlSettings } from './settings.ts'

export type Field = {
  name: string
  type: FieldType
  nullable: boolean
  /** As the catalogue has it, and as a statement writes it. */
  column: string
  quoted: string
  rule: ValueRule
}

export type SortField = { field: Field; descending: boolean }

/** The values of a row in the fields of its sort order; the next page begins after it. */
export type Position = SqlValue[]

type Part = { text: string } | { name: string; type: FieldType }

export type Resource = {
  id: string
  path: string
  settings: ResourceSettings
  source: { table: string; name: string; schema: string | undefined } | { parts: Part[] }
  fields: Field[]
  where: { column: string; quoted: string; value: SqlValue }[]
  /** A client's parameter, the field that it is compared with, and how. */
  filters: { parameter: string; field: Field; comparison: Comparison }[]
  key: Field[]
  /** By the value of the parameter `order`; undefined for the key alone. */
  sorts: Map<string | undefined, SortField[]>
  isPaged: boolean
}

/** The resources in the order of the file. Throws Error for a query that cannot be read. */
export function readMapping({ resources }: Pick<SqlSettings, 'resources'>, dialect: Dialect): Resource[] {
  return resources.map((settings, at) => readResource(settings, `resource${at + 1}`, dialect))
}

function readResource(settings: ResourceSettings, id: string, dialect: Dialect): Resource {
  const fields = Object.entries(settings.fields).map(([name, one]): Field => {
    const column = one.column ?? name
    const nullable = one.nullable && !settings.key.includes(name)
    return { name, type: one.type, nullable, column, quoted: dialect.quote(column), rule: one }
  })
  const byName = new Map(fields.map((field) => [field.name, field]))
  const key = settings.key.flatMap((name) => byName.get(name) ?? [])
  return {
    id,
    path: settings.path,
    settings,
    source: sourceOf(settings, dialect),
    fields,
    where: Object.entries(settings.where).map(([column, value]) => {
      const type = typeof value === 'boolean' ? 'boolean' : 'string'
      const bound = value === null ? null : dialect.bind(type, inputValue(type, value))
      return { column, quoted: dialect.quote(column), value: bound }
    }),
    filters: [...pathFilters(settings, byName), ...queryFilters(settings, byName)],
    key,
    sorts: sortsOf(settings, byName, key),
    isPaged: key.length > 0 && !settings.one,
  }
}

export function parameterOf(field: string, comparison: Comparison): string {
  return comparison === 'eq' ? field : `${field}.${comparison}`
}

function sourceOf(
  { query, table, schema, parameters }: ResourceSettings,
  dialect: Dialect,
): Resource['source'] {
  if (query === undefined) {
    const name = table ?? ''
    const written = [...(schema === undefined ? [] : [schema]), name].map(dialect.quote).join('.')
    return { table: written, name, schema }
  }
  const parts = readQuery(query, dialect.quoting).map((part): Part => {
    if ('text' in part) return part
    const declared = Object.hasOwn(parameters, part.parameter) ? parameters[part.parameter] : undefined
    if (declared === undefined) throw new Error(`uses :${part.parameter}, which is not among its parameters`)
    return { name: part.parameter, type: declared.type }
  })
  return { parts }
}

/** A template in the path that is no parameter of the query is compared with the field of its name. */
function pathFilters(settings: ResourceSettings, byName: Map<string, Field>): Resource['filters'] {
  return templatesOf(settings.path)
    .filter((name) => !Object.hasOwn(settings.parameters, name))
    .flatMap((name) => {
      const field = byName.get(name)
      return field === undefined ? [] : [{ parameter: name, field, comparison: 'eq' as const }]
    })
}

function queryFilters(settings: ResourceSettings, byName: Map<string, Field>): Resource['filters'] {
  return Object.entries(settings.fields).flatMap(([name, { filters }]) =>
    ofQuery(settings.path, name, filters).map((comparison) => ({
      parameter: parameterOf(name, comparison),
      field: byName.get(name)!,
      comparison,
    })),
  )
}

/**
 * The comparisons of a field with parameters of the query: a value that is in the path is not asked for
 * twice.
 */
export function ofQuery(path: string, name: string, filters: Comparison[]): Comparison[] {
  return filters.filter((comparison) => comparison !== 'eq' || !templatesOf(path).includes(name))
}

function sortsOf(settings: ResourceSettings, byName: Map<string, Field>, key: Field[]): Resource['sorts'] {
  const rising = key.map((field): SortField => ({ field, descending: false }))
  const sorts = new Map<string | undefined, SortField[]>([[undefined, rising]])
  for (const [name, { order }] of Object.entries(settings.fields)) {
    if (!order) continue
    const field = byName.get(name)!
    const rest = rising.filter((one) => one.field !== field)
    sorts.set(name, [{ field, descending: false }, ...rest])
    sorts.set(`-${name}`, [{ field, descending: true }, ...rest])
  }
  return sorts
}
