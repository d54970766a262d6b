/**
 * The rows of a whole database as lines of JSON, the same for both stores, so that one store can load what
 * the other wrote. A table is one line with its name and columns, then one line per row. Tables come before
 * the tables that refer to them.
 */
import { type Kysely, sql } from 'kysely'
import { Fault } from '#schemas/fault.ts'
import {
  beginLoading,
  foreignKeys,
  readInPages,
  readSequence,
  setSequence,
  tablesIn,
} from './dialect-dump.ts'
import { inTransaction } from './open-database.ts'

type TableLine = { table: string; columns: string[]; sequence?: { column: string; last: number } }

type Value = string | number | null | { base64: string }

const PAGE = 500
/** Values per statement; both stores allow many more. */
const VALUES_AT_ONCE = 5000
const MOST_COLUMNS = 100
const NAME = /^[a-z][a-z0-9_]{0,62}$/

/** Writes all tables except those in `without` from a snapshot; returns the number of rows. */
export async function dumpTables(
  snapshot: Kysely<unknown>,
  q: { without: readonly string[]; write(line: string): Promise<void> },
): Promise<number> {
  const tables = (await tablesIn(snapshot)).filter(({ name }) => !q.without.includes(name))
  let rows = 0
  for (const { name, columns, numbered } of inOrder(tables, await foreignKeys(snapshot))) {
    const sequence =
      numbered === undefined
        ? {}
        : { sequence: { column: numbered, last: await readSequence(snapshot, name, numbered) } }
    const line: TableLine = { table: name, columns, ...sequence }
    await q.write(JSON.stringify(line))
    for await (const page of readInPages(snapshot, name, columns, PAGE)) {
      for (const row of page) await q.write(JSON.stringify(columns.map((column) => written(row[column]))))
      rows += page.length
    }
  }
  return rows
}

/**
 * Loads the rows into tables that `migrate` has just made, in one transaction, and replaces rows that
 * migrations inserted; returns the number of rows, with those of the tables `without`, which are counted and
 * not loaded. Throws `backup_invalid` for malformed lines. If `check` throws at the end, everything is rolled
 * back.
 */
export async function loadTables(
  kysely: Kysely<unknown>,
  q: { lines: AsyncIterable<string>; without: readonly string[] },
  check: (transaction: Kysely<unknown>, rows: number) => Promise<void>,
): Promise<number> {
  return await inTransaction(kysely, async (transaction) => {
    await beginLoading(transaction)
    const known = new Map((await tablesIn(transaction)).map((table) => [table.name, table]))
    for (const { name } of inOrder([...known.values()], await foreignKeys(transaction)).reverse())
      await sql`delete from ${sql.table(name)}`.execute(transaction)
    let open: TableLine | undefined
    let waiting: Record<string, unknown>[] = []
    let rows = 0
    const flush = async (): Promise<void> => {
      if (open === undefined || waiting.length === 0) return
      const target = transaction as Kysely<Record<string, Record<string, unknown>>>
      if (!q.without.includes(open.table)) await target.insertInto(open.table).values(waiting).execute()
      rows += waiting.length
      waiting = []
    }
    for await (const line of q.lines) {
      const value = parsed(line)
      if (Array.isArray(value)) {
        if (open === undefined) throw invalid('a row stands before its table')
        waiting.push(rowOf(open, value))
        if (waiting.length * open.columns.length >= VALUES_AT_ONCE) await flush()
        continue
      }
      await flush()
      open = tableOf(value, known)
      if (open.sequence !== undefined && !q.without.includes(open.table))
        await setSequence(transaction, open.table, open.sequence.column, open.sequence.last)
    }
    await flush()
    await check(transaction, rows)
    return rows
  })
}

type Known = { name: string; columns: string[]; numbered: string | undefined }

/** Each table after those to which it refers. None of our tables refers to itself, directly or indirectly. */
function inOrder<T extends { name: string }>(tables: T[], keys: { from: string; to: string }[]): T[] {
  const ordered: T[] = []
  let left = tables
  while (left.length > 0) {
    const free = left.filter(
      ({ name }) => !keys.some(({ from, to }) => from === name && left.some((one) => one.name === to)),
    )
    if (free.length === 0)
      throw new Fault('internal_error', { what: 'tables refer to each other in a circle' })
    ordered.push(...free)
    left = left.filter((table) => !free.includes(table))
  }
  return ordered
}

function written(value: unknown): Value {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  throw new Fault('internal_error', { what: `a column holds a ${typeof value}` })
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (cause) {
    throw invalid('a line is not JSON', cause)
  }
}

function tableOf(value: unknown, known: Map<string, Known>): TableLine {
  const { table, columns, sequence } = (value ?? {}) as Partial<Record<keyof TableLine, unknown>>
  const found = typeof table === 'string' && NAME.test(table) ? known.get(table) : undefined
  if (found === undefined) throw invalid('a table has a name that this version does not know')
  const isList = Array.isArray(columns) && columns.length > 0 && columns.length <= MOST_COLUMNS
  if (!isList || !columns.every((one) => found.columns.includes(one as string)))
    throw invalid(`${found.name} has a column that this version does not know`)
  const line: TableLine = { table: found.name, columns: columns as string[] }
  if (sequence === undefined) return line
  const { column, last } = (sequence ?? {}) as { column?: unknown; last?: unknown }
  if (column !== found.numbered || !Number.isSafeInteger(last) || (last as number) < 0)
    throw invalid(`the numbers of ${found.name} have another form`)
  return { ...line, sequence: { column: column as string, last: last as number } }
}

function rowOf({ table, columns }: TableLine, values: unknown[]): Record<string, unknown> {
  if (values.length !== columns.length) throw invalid(`a row of ${table} has too few or too many values`)
  return Object.fromEntries(columns.map((column, at) => [column, columnValue(table, values[at])]))
}

function columnValue(table: string, value: unknown): unknown {
  if (value === null || typeof value === 'string' || Number.isSafeInteger(value)) return value
  const base64 = (value as { base64?: unknown }).base64
  if (typeof base64 === 'string') return Buffer.from(base64, 'base64')
  throw invalid(`a value of ${table} has another form`)
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('backup_invalid', { what, cause })
}
