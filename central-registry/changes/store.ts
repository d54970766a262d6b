/** What all stores of the registry share: one change at a time, `conflict` for duplicates, lists by page. */
import { type Expression, type Kysely, type SqlBool, sql } from 'kysely'
import { isUniqueViolation, lockFor } from '#platform/database/dialect.ts'
import { counted, type Page, textContains } from '#platform/database/lists.ts'
import { type Database, inTransaction, tablesOf, type Within } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { encodeSegment } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { RegisterTables } from '../register/tables.ts'

/**
 * Runs one change of the register in a transaction, and no other change on any node meanwhile. What the
 * change checks still holds when it writes, and a publication never sees half of it.
 */
export type Change<Tables = RegisterTables> = <R>(
  act: (transaction: Kysely<Tables>) => Promise<R>,
) => Promise<R>
/** The same for any tables that a store names. */
type ChangeOfAny = <R, Tables = RegisterTables>(
  act: (transaction: Kysely<Tables>) => Promise<R>,
) => Promise<R>

/** What a store reads from: the database, or a transaction on it. */
export type Tabled = { kysely: Within }

export { counted, type Page, textContains }

/**
 * `announce` records in the same transaction that there is something to publish: the database commits both or
 * neither.
 */
export function createChange(
  database: Database,
  announce: (transaction: Within) => Promise<void>,
): ChangeOfAny {
  return <R, Tables>(act: (transaction: Kysely<Tables>) => Promise<R>) =>
    inTransaction(database.kysely, async (transaction) => {
      await lockRegister(transaction)
      const result = await act(tablesOf<Tables>({ kysely: transaction }))
      await announce(transaction)
      return result
    })
}

/** For a store that takes part in a running change: `createServerStore(...within(transaction))`. */
export function within(transaction: Kysely<RegisterTables>): [Tabled, Change] {
  return [{ kysely: transaction }, (act) => act(transaction)]
}

/** Within a transaction: no other node changes or publishes the register until this transaction ends. */
export async function lockRegister<T>(transaction: Kysely<T>): Promise<void> {
  await lockFor(transaction, 'registry')
}

/** Awaits an insertion; throws `conflict` when a row with the same key exists. */
export async function refuseTwin<R>(what: string, act: Promise<R>): Promise<R> {
  try {
    return await act
  } catch (cause) {
    if (isUniqueViolation(cause)) throw new Fault('conflict', { what: say`${what} exists already` })
    throw cause
  }
}

/** Throws `not_found` when a deletion or update affected no row. */
export function mustHaveMet(what: string, rows: bigint): void {
  if (rows === 0n) throw new Fault('not_found', { what })
}

/** The row that was looked for; throws `not_found` when there is none. */
export function mustBe<R>(what: string, row: R | undefined): R {
  if (row === undefined) throw new Fault('not_found', { what })
  return row
}

/** How many rows of a table have `value` in a column. */
export async function countOf<T extends keyof RegisterTables>(
  transaction: Kysely<RegisterTables>,
  table: T,
  column: keyof RegisterTables[T] & string,
  value: string | number,
): Promise<number> {
  const { rows } = await sql<{ found: number }>`
    select count(*) as found from ${sql.table(table)} where ${sql.ref(column)} = ${value}`.execute(
    transaction,
  )
  return Number(rows[0]?.found ?? 0)
}

/**
 * The column and direction of a `sort` parameter; `columns` maps the API's names to columns. Throws
 * `invalid_input` for any other name.
 */
export function orderOf<C extends string>(
  sort: string,
  columns: Record<string, C>,
): { column: C; direction: 'asc' | 'desc' } {
  const name = sort.replace(/^-/, '')
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined
  if (column === undefined) throw new Fault('invalid_input', { what: say`the list has no order by ${sort}` })
  return { column, direction: sort.startsWith('-') ? 'desc' : 'asc' }
}

/**
 * An SQL condition: one of the columns contains `q` literally. ASCII letters match in either case, which both
 * databases support.
 */
export function contains(q: string, columns: { id: string; text: string }): Expression<SqlBool> {
  // The database has ids in their text form; people also write them with colons.
  const inId = q.split(/[:/]/).map(encodeSegment).join('/')
  return sql<SqlBool>`(${textContains(columns.id, inId)} or ${textContains(columns.text, q)})`
}
