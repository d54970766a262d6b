/** How three databases write the same thing: names, places of values, times, and where they sort NULL. */
import type { FieldType } from '#adapters/kit/field-types.ts'
import type { SqlValue } from './field-types.ts'
import type { DatabaseSettings } from './settings.ts'

export type Dialect = {
  /** A name from the mapping or the catalogue, quoted so that it is nothing but a name. */
  quote(name: string): string
  /** The place of the n-th value, from 1. */
  place(n: number): string
  /** A quoted column in the form in which it is compared and sorted, and in which it is given. */
  compared(type: FieldType, column: string): string
  given(type: FieldType, column: string): string
  /** A checked value in the form that the driver binds. */
  bind(type: FieldType, value: SqlValue): SqlValue
  /** Whether NULL comes before every value when the order rises. */
  nullsFirst: boolean
  quoting: { backslash: string; hash: boolean }
}

const asIs = (_type: FieldType, column: string): string => column
/** Texts are compared as texts: only one form of a time sorts and compares as the times do. */
const sqliteTime = (column: string): string => `strftime('%Y-%m-%dT%H:%M:%fZ', ${column})`

const sqlite: Dialect = {
  quote: doubleQuoted,
  place: () => '?',
  compared: (type, column) => (type === 'date-time' ? sqliteTime(column) : column),
  // What is no time stays as it is, and is then refused, instead of becoming NULL.
  given: (type, column) => (type === 'date-time' ? `coalesce(${sqliteTime(column)}, ${column})` : column),
  bind: (type, value) => (type === 'date-time' && typeof value === 'string' ? milliseconds(value) : value),
  nullsFirst: true,
  quoting: { backslash: '', hash: false },
}

const postgresql: Dialect = {
  quote: doubleQuoted,
  place: (n) => `$${n}`,
  compared: asIs,
  given: asIs,
  bind: (type, value) => (type === 'boolean' && value !== null ? (value === 1 ? 't' : 'f') : value),
  nullsFirst: false,
  quoting: { backslash: '', hash: false },
}

const mariadb: Dialect = {
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  place: () => '?',
  compared: asIs,
  given: asIs,
  bind: (type, value) =>
    type === 'date-time' && typeof value === 'string' ? value.replace('T', ' ').replace('Z', '') : value,
  nullsFirst: true,
  quoting: { backslash: `'"`, hash: true },
}

const DIALECTS: Record<DatabaseSettings['kind'], Dialect> = { sqlite, postgresql, mariadb }

export function dialectOf({ kind }: Pick<DatabaseSettings, 'kind'>): Dialect {
  return DIALECTS[kind]
}

function doubleQuoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The precision of strftime's %f. */
function milliseconds(time: string): string {
  const [, whole = time, fraction = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? []
  return `${whole}.${fraction.padEnd(3, '0').slice(0, 3)}Z`
}
