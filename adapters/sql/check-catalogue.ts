/**
 * Compares the mapping with the catalogue of the database, so that a missing column is an error at the start,
 * not of a request.
 */
import type { FieldType } from '#adapters/kit/field-types.ts'
import { Fault } from '#schemas/fault.ts'
import type { Dialect } from './dialects.ts'
import type { Field, Resource } from './mapping.ts'
import type { ColumnKind, Columns, Source } from './source.ts'
import { fromClause, writeStatement } from './statement.ts'

/**
 * The columns that a field of a type may be given from. A text is read from any column whose values are texts
 * to the driver.
 */
const GIVEN_FROM: Record<FieldType, ReadonlySet<ColumnKind>> = {
  string: new Set(['text', 'integer', 'decimal', 'float', 'boolean', 'date', 'date-time', 'other', 'any']),
  integer: new Set(['integer', 'decimal', 'any']),
  number: new Set(['integer', 'decimal', 'float', 'any']),
  boolean: new Set(['boolean', 'integer', 'any']),
  date: new Set(['date', 'any']),
  'date-time': new Set(['date-time', 'any']),
}
/** The columns that a fixed value is compared with, for the reason below. */
const EQUALS: Record<string, ReadonlySet<ColumnKind>> = {
  string: new Set(['text', 'date', 'date-time', 'any']),
  number: new Set(['integer', 'decimal', 'float', 'any']),
  boolean: new Set(['boolean', 'integer', 'any']),
}
/**
 * Compared with a number, a text could be converted in ways that find other rows than those that are meant.
 */
const COMPARED_AS_TEXT: ReadonlySet<ColumnKind> = new Set(['text', 'any'])
const NOTHING: ReadonlyMap<string, unknown> = new Map()

/**
 * Throws `invalid_configuration` for the first thing that does not fit, naming the resource, and
 * `source_unavailable` while the database is away.
 */
export async function checkCatalogue(resources: Resource[], dialect: Dialect, source: Source): Promise<void> {
  for (const [at, resource] of resources.entries()) {
    const where = `resources.${at} (${resource.path})`
    const columns = await columnsOf(resource, dialect, source, where)
    for (const field of resource.fields) checkField(field, columns, resource, where)
    for (const [column, value] of Object.entries(resource.settings.where))
      checkWhere(column, value, columns, where)
    // The statement itself: it also needs the right to read.
    const sort = resource.sorts.get(undefined) ?? []
    await source
      .columnsOfQuery(writeStatement(resource, dialect, { given: NOTHING, sort, after: undefined, rows: 0 }))
      .catch((thrown: unknown) => {
        throw failed(thrown, where)
      })
  }
}

async function columnsOf(
  resource: Resource,
  dialect: Dialect,
  source: Source,
  where: string,
): Promise<Columns> {
  if ('table' in resource.source) {
    const { name, schema } = resource.source
    const columns = await source.columnsOfTable(name, schema)
    if (columns === undefined) throw wrong(`${where}: there is no table or view ${resource.source.table}`)
    return columns
  }
  const values: (string | number | null)[] = []
  const from = fromClause(resource, dialect, NOTHING, values)
  return source.columnsOfQuery({ text: `select * from ${from} limit 0`, values }).catch((thrown: unknown) => {
    throw failed(thrown, where)
  })
}

function checkField(
  { name, type, column }: Field,
  columns: Columns,
  resource: Resource,
  where: string,
): void {
  const kind = columns.get(column)
  if (kind === undefined)
    throw wrong(`${where}: fields.${name} needs the column ${column}, which does not exist`)
  if (!GIVEN_FROM[type].has(kind))
    throw wrong(`${where}: fields.${name} is ${type}, and its column ${column} holds ${kind}`)
  const isCompared =
    resource.key.some((field) => field.name === name) ||
    resource.filters.some(({ field }) => field.name === name) ||
    resource.sorts.has(name)
  if (type === 'string' && isCompared && !COMPARED_AS_TEXT.has(kind))
    throw wrong(
      `${where}: fields.${name} is string and is compared or sorted by, and its column ${column} holds ${kind}`,
    )
}

function checkWhere(
  column: string,
  value: string | number | boolean | null,
  columns: Columns,
  where: string,
): void {
  const kind = columns.get(column)
  if (kind === undefined) throw wrong(`${where}: where names the column ${column}, which does not exist`)
  if (value !== null && EQUALS[typeof value]?.has(kind) !== true)
    throw wrong(`${where}: where.${column} is a ${typeof value}, and the column holds ${kind}`)
}

function failed(thrown: unknown, where: string): unknown {
  if (!(thrown instanceof Fault) || thrown.code === 'source_unavailable' || thrown.code === 'source_timeout')
    return thrown
  return new Fault('invalid_configuration', {
    what: `${where}: ${thrown.what ?? 'the database refuses it'}`,
    cause: thrown,
  })
}

function wrong(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}
