/** The one interface of a database to the rest of the adapter. Each file that opens one throws the faults named here. */
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

export type Source = {
  /** The columns of a table or view in the catalogue; undefined when there is none of this name. */
  columnsOfTable(name: string, schema: string | undefined): Promise<Columns | undefined>
  /** The columns that a statement would give, without running it for rows. Throws `source_failed` with the database's reason. */
  columnsOfQuery(statement: Statement): Promise<Columns>
  /**
   * The rows, each with its values in the order of the statement. Throws `source_unavailable`, `source_timeout`,
   * `invalid_input` for a value that a column's type does not know, `answer_too_large`, else `source_failed`.
   */
  query(statement: Statement): Promise<unknown[][]>
  close(): Promise<void>
}
