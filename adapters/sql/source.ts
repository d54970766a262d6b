/**
 * The one interface of a database to the rest of the adapter. Each file that opens one throws the faults
 * named here.
 */
import type { FieldType } from '#adapters/kit/field-types.ts'
import type { JsonValue } from '#adapters/kit/write-rows.ts'
import type { SqlValue } from './field-types.ts'

/** What kind of value a column holds; `any` where the database does not say. */
export type ColumnKind =
  | 'text'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'date'
  | 'date-time'
  | 'other'
  | 'any'

export type Columns = Map<string, ColumnKind>

export type Statement = { text: string; values: SqlValue[] }

/** Compares what a path names with columns of a table, and nothing else that a client sends. */
export type KeyedStatement = {
  select: string
  conditions: string
  name: string
  schema: string | undefined
  /** Its values, of the checked parameters of the path. */
  values(params: Record<string, unknown>): SqlValue[]
}

/**
 * How the rows of a statement become the JSON of a page. It is made of the mapping alone, so there are few of
 * them.
 */
export type Shape = {
  id: number
  fields: { name: string; type: FieldType; nullable: boolean }[]
  /** The places of the sort order's fields, and the names of the key whose values no two rows may share. */
  sort: number[]
  key: string[]
  answerBytes: number
}

export type Page = {
  /** The shown rows as JSON objects with commas between them; in bytes if they came from another process. */
  items: string | Buffer
  /** How many rows there were, with those that are not shown. */
  rows: number
  /** The values of the last shown row in the fields of the sort order. */
  last: JsonValue[] | undefined
}

/** A database whose driver gives rows to this process. */
export type Database = {
  /** The columns of a table or view in the catalogue; undefined when there is none of this name. */
  columnsOfTable(name: string, schema: string | undefined): Promise<Columns | undefined>
  /**
   * The columns that a statement would give, without running it for rows. Throws `source_failed` with the
   * database's reason.
   */
  columnsOfQuery(statement: Statement): Promise<Columns>
  /**
   * The rows, each with its values in the order of the statement. Throws `source_unavailable`,
   * `source_timeout`, `invalid_input` for a value that a column's type does not know, `answer_too_large`,
   * else `source_failed`.
   */
  query(statement: Statement): Promise<unknown[][]>
  close(): Promise<void>
}

export type Source = Pick<Database, 'columnsOfTable' | 'columnsOfQuery' | 'close'> & {
  /**
   * The page of a statement's rows, of which `most` are shown, in its turn. Throws what `Database.query`
   * throws, `source_busy`, and `source_failed` for rows that the mapping does not allow.
   */
  page(statement: Statement, shape: Shape, most: number): Promise<Page>
  /**
   * The page of a statement that finds one row by a unique key, at once and in this process; undefined when
   * `page` has to be asked, which also says that there is no such row. For databases in which such a look-up
   * needs no limit of time.
   */
  row?(keyed: KeyedStatement, shape: Shape): (values: SqlValue[]) => Page | undefined
  /** How many resources have their rows from `row` now. */
  rowsHere?(): number
  /** Throws as `page` does unless the database answers. */
  check(): Promise<void>
  running(): number
  waiting(): number
}

/** Hears how each statement ended, and the seconds of its own run. */
export type Observe = (outcome: string, seconds: number) => void
