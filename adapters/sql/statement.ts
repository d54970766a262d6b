/**
 * Writes the statement of a request. Its text is made of the mapping alone, so a resource has few of them;
 * all that a client sent is among its values.
 */
import type { Dialect } from './dialects.ts'
import { inputValue, type SqlValue } from './field-types.ts'
import type { Position, Resource, SortField } from './mapping.ts'
import type { Comparison } from './settings.ts'
import type { KeyedStatement, Statement } from './source.ts'

const OPERATORS: Record<Exclude<Comparison, 'in' | 'prefix'>, string> = {
  eq: '=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
}

type Wanted = {
  /** The checked parameters of path and query, by their names. */
  given: ReadonlyMap<string, unknown>
  sort: SortField[]
  after: Position | undefined
  /** How many rows are read at most. */
  rows: number
}

/** Undefined for anything but equality with values: a unique key may hold NULL in any number of rows. */
export function keyedStatement(resource: Resource, dialect: Dialect): KeyedStatement | undefined {
  const { settings, source, fields, where } = resource
  const path = resource.filters.filter(({ parameter }) => settings.path.includes(`{${parameter}}`))
  if (!settings.one || !('table' in source) || path.length === 0) return undefined
  if (where.some(({ value }) => value === null)) return undefined
  const columns = fields.map(({ type, quoted }) => dialect.given(type, quoted))
  const compared = [
    ...where.map(({ quoted }) => quoted),
    ...path.map(({ field }) => dialect.compared(field.type, field.quoted)),
  ]
  const conditions = compared.map((column, at) => `${column} = ${dialect.place(at + 1)}`)
  const fixed = where.map(({ value }) => value)
  return {
    select: `select ${columns.join(', ')} from ${source.table}`,
    conditions: conditions.join(' and '),
    name: source.name,
    schema: source.schema,
    values: (params) => [
      ...fixed,
      ...path.map(({ parameter, field: { type } }) =>
        dialect.bind(type, inputValue(type, params[parameter])),
      ),
    ],
  }
}

export function writeStatement(resource: Resource, dialect: Dialect, wanted: Wanted): Statement {
  const values: SqlValue[] = []
  const place = (value: SqlValue): string => dialect.place(values.push(value))
  const columns = resource.fields.map(({ type, quoted }) => dialect.given(type, quoted))
  const from = fromClause(resource, dialect, wanted.given, values)
  const conditions = [
    ...resource.where.map(({ quoted, value }) =>
      value === null ? `${quoted} is null` : `${quoted} = ${place(value)}`,
    ),
    ...filters(resource, dialect, wanted.given, place),
    ...(wanted.after === undefined ? [] : [follows(wanted.sort, wanted.after, dialect, place)]),
  ]
  const order = wanted.sort.map(
    ({ field, descending }) => dialect.compared(field.type, field.quoted) + (descending ? ' desc' : ''),
  )
  const text = [
    `select ${columns.join(', ')} from ${from}`,
    ...(conditions.length === 0 ? [] : [`where ${conditions.join(' and ')}`]),
    ...(order.length === 0 ? [] : [`order by ${order.join(', ')}`]),
    `limit ${place(wanted.rows)}`,
  ].join(' ')
  return { text, values }
}

/** A table by its name, or a query of the settings file with values in the places of its parameters. */
export function fromClause(
  { source }: Pick<Resource, 'source'>,
  dialect: Dialect,
  given: ReadonlyMap<string, unknown>,
  values: SqlValue[],
): string {
  if ('table' in source) return source.table
  const places = new Map<string, string>()
  const written = source.parts.map((part) => {
    if ('text' in part) return part.text
    const { name, type } = part
    const known = places.get(name)
    // Only numbered places can be named twice.
    if (known !== undefined && known !== dialect.place(0)) return known
    const value = given.get(name)
    const bound = value === undefined ? null : dialect.bind(type, inputValue(type, value))
    const place = dialect.place(values.push(bound))
    places.set(name, place)
    return place
  })
  // The line break ends a comment at the end of the query.
  return `(${written.join('')}\n) as ${dialect.quote('q')}`
}

function filters(
  resource: Resource,
  dialect: Dialect,
  given: ReadonlyMap<string, unknown>,
  place: (value: SqlValue) => string,
): string[] {
  return resource.filters.flatMap(({ parameter, field, comparison }) => {
    const value = given.get(parameter)
    if (value === undefined) return []
    const column = dialect.compared(field.type, field.quoted)
    const bound = (one: unknown): string => place(dialect.bind(field.type, inputValue(field.type, one)))
    if (comparison === 'in') return [`${column} in (${(value as unknown[]).map(bound).join(', ')})`]
    if (comparison === 'prefix')
      return [`${column} like ${place(`${String(value).replace(/[!%_]/g, '!$&')}%`)} escape '!'`]
    return [`${column} ${OPERATORS[comparison]} ${bound(value)}`]
  })
}

/** The rows after a position in a sort order: equal in the first fields and later in the next one. */
function follows(
  sort: SortField[],
  after: Position,
  dialect: Dialect,
  place: (value: SqlValue) => string,
): string {
  const alternatives: string[] = []
  for (const [last, { field, descending }] of sort.entries()) {
    const value = after[last]!
    const nullsLast = dialect.nullsFirst === descending
    // Nothing sorts after NULL where NULL is last.
    if (value === null && nullsLast) continue
    // In the order of the text: places without a number take the values one after the other.
    const equal = sort.slice(0, last).map((one, at) => equals(one, after[at]!, dialect, place))
    const column = dialect.compared(field.type, field.quoted)
    if (value === null) alternatives.push([...equal, `${column} is not null`].join(' and '))
    else {
      const beyond = `${column} ${descending ? '<' : '>'} ${place(dialect.bind(field.type, value))}`
      const later = nullsLast && field.nullable ? `(${beyond} or ${column} is null)` : beyond
      alternatives.push([...equal, later].join(' and '))
    }
  }
  return alternatives.length === 0 ? '1 = 0' : `(${alternatives.join(' or ')})`
}

function equals(
  { field }: SortField,
  value: SqlValue,
  dialect: Dialect,
  place: (value: SqlValue) => string,
): string {
  const column = dialect.compared(field.type, field.quoted)
  return value === null ? `${column} is null` : `${column} = ${place(dialect.bind(field.type, value))}`
}
