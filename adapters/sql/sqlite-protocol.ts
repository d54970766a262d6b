/** What goes between the adapter and the process that reads a SQLite file for it. */
import type { SqlValue } from './field-types.ts'

export type SqliteOrder = { file: string; answerBytes: number }

export type SqliteQuestion = { text: string; values: SqlValue[]; only?: 'columns' }

/** Columns with their declared types; rows of texts, numbers and NULL, `{}` standing for bytes. */
export type SqliteAnswer =
  | { rows: unknown[][] }
  | { columns: [name: string, type: string | null][] }
  | { failed: 'unavailable' | 'statement' | 'too_large'; why: string }
