/**
 * Writes the calls of a moment down in statements of few lengths: a text of many rows takes long to make, and
 * the embedded store prepares each text once.
 */
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import type { CallsRow, Tables, UseRow } from './tables.ts'

type Added = Pick<UseRow, 'number' | 'time' | 'request_id'>

/** Rows of a statement, most first. */
const SIZES = [64, 32, 16, 8, 4, 2, 1]

export type UseWriter = ReturnType<typeof createUseWriter>

export function createUseWriter(tables: Kysely<Tables>) {
  const inserts = SIZES.map((rows) => ({ rows, query: insertOf(tables, rows) }))
  const counts = SIZES.map((rows) => ({ rows, query: countOf(tables, rows) }))
  return {
    /** Resolves to those that were not there. */
    insertNew: (transaction: Kysely<Tables>, uses: readonly UseRow[]): Promise<Added[]> =>
      inParts(transaction, inserts, uses.map(valuesOfUse)),
    /** Calls that no number bounds. */
    count: async (transaction: Kysely<Tables>, uses: readonly Pick<UseRow, 'number' | 'time'>[]) => {
      const byNumber = new Map<string, CallsRow>()
      for (const { number, time } of uses) {
        const row = byNumber.get(number)
        if (row === undefined) byNumber.set(number, { number, uses: 1, last_use: time })
        else {
          row.uses += 1
          if (row.last_use < time) row.last_use = time
        }
      }
      // In one order on all nodes, so that none waits for the other.
      const rows = [...byNumber.values()].sort((a, b) => (a.number < b.number ? -1 : 1))
      await inParts(transaction, counts, rows.map(valuesOfCalls))
    },
  }
}

function insertOf(tables: Kysely<Tables>, rows: number) {
  const none = { number: '', time: '', request_id: '', message_id: '', service: '', client: '', to_tell: '' }
  return tables
    .insertInto('consent_use')
    .values(Array.from({ length: rows }, () => none))
    .onConflict((conflict) => conflict.columns(['number', 'time', 'request_id']).doNothing())
    .returning(['number', 'time', 'request_id'])
    .compile()
}

/** In the order of `insertOf`. */
function valuesOfUse({ number, time, request_id, message_id, service, client, to_tell }: UseRow): unknown[] {
  return [number, time, request_id, message_id, service, client, to_tell]
}

/** What another server tells late is not the last use. */
function countOf(tables: Kysely<Tables>, rows: number) {
  const none = { number: '', uses: 0, last_use: '' }
  return tables
    .insertInto('consent_calls')
    .values(Array.from({ length: rows }, () => none))
    .onConflict((conflict) =>
      conflict.column('number').doUpdateSet({
        uses: sql`consent_calls.uses + excluded.uses`,
        last_use: sql`case when consent_calls.last_use > excluded.last_use then consent_calls.last_use else excluded.last_use end`,
      }),
    )
    .compile()
}

/** In the order of `countOf`. */
function valuesOfCalls({ number, uses, last_use }: CallsRow): unknown[] {
  return [number, uses, last_use]
}

async function inParts<T>(
  transaction: Kysely<Tables>,
  statements: readonly { rows: number; query: CompiledQuery<T> }[],
  values: readonly unknown[][],
): Promise<T[]> {
  const found: T[] = []
  let at = 0
  for (const { rows, query } of statements)
    for (; at + rows <= values.length; at += rows) {
      const parameters = values.slice(at, at + rows).flat()
      const result = await transaction.executeQuery<T>({ ...query, parameters })
      found.push(...result.rows)
    }
  return found
}
