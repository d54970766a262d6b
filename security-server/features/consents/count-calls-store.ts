/**
 * The consents of the calls of a moment: found and locked by one statement, and counted by one for all that
 * are alike. Their texts are made once, of few lengths: the embedded store prepares each text once, and what
 * is too few is filled with the last one again.
 */
import { type CompiledQuery, type Kysely, sql } from 'kysely'
import { dialectOf } from '#platform/database/dialect.ts'
import type { ConsentRow, Tables } from './tables.ts'

export type ConsentKey = Pick<ConsentRow, 'person' | 'client' | 'contract'>

export type Held = Pick<ConsentRow, 'number' | 'person' | 'client' | 'contract' | 'demand' | 'kind'> &
  Pick<ConsentRow, 'valid_until' | 'digest' | 'uses' | 'stretch' | 'stretch_uses'>

/** So many calls under this consent, all in this stretch of time. */
export type Counted = { number: string; calls: number; stretch: string }

export type CallCounts = ReturnType<typeof createCallCounts>

/** Each length is so many times the one before. */
const GROWTH = 4

export function createCallCounts(tables: Kysely<Tables>) {
  const finding = byLength((length) => findOf(tables, length))
  const findingFree = byLength((length) => findOf(tables, length, { skipLocked: true }))
  const counting = byLength((length) => countOf(tables, length))
  return {
    /**
     * The consents in force to these keys, no key twice: at most one of each, as a newer consent has ended
     * the one before. They stay locked until the end of the transaction.
     */
    inForce: async (
      transaction: Kysely<Tables>,
      keys: readonly ConsentKey[],
      { time, skipLocked }: { time: string; skipLocked: boolean },
    ): Promise<Held[]> => {
      const { query, length } = (skipLocked ? findingFree : finding)(keys.length)
      const asked = filled(keys, length).flatMap(({ person, client, contract }) => [person, client, contract])
      const { rows } = await transaction.executeQuery<Held>({ ...query, parameters: [time, ...asked] })
      return rows.map((row) => ({ ...row, uses: Number(row.uses), stretch_uses: Number(row.stretch_uses) }))
    },
    /** What is counted was locked before. */
    count: async (transaction: Kysely<Tables>, counted: readonly Counted[], time: string): Promise<void> => {
      const alike = Map.groupBy(counted, ({ calls, stretch }) => `${calls} ${stretch}`)
      for (const same of alike.values()) {
        const { calls, stretch } = same[0]!
        const { query, length } = counting(same.length)
        const numbers = filled(same, length).map(({ number }) => number)
        const parameters = [calls, stretch, stretch, calls, time, ...numbers]
        await transaction.executeQuery({ ...query, parameters })
      }
    },
  }
}

/** For a time, and for each key a person, a client and a contract. */
function findOf(tables: Kysely<Tables>, length: number, { skipLocked = false } = {}): CompiledQuery<Held> {
  const keys = Array.from({ length }, () => sql`(${''}, ${''}, ${''})`)
  let query = tables
    .selectFrom('consent')
    .select(['number', 'person', 'client', 'contract', 'demand', 'kind', 'valid_until', 'digest'])
    .select(['uses', 'stretch', 'stretch_uses'])
    .where('withdrawn_at', 'is', null)
    .where('valid_until', '>', '')
    .where(sql<boolean>`("person", "client", "contract") in (values ${sql.join(keys)})`)
    .orderBy('number')
  if (dialectOf(tables) === 'postgresql') query = query.forUpdate()
  if (skipLocked) query = query.skipLocked()
  return query.compile()
}

/** For the calls, their stretch twice, the calls again, the time, and the numbers. */
function countOf(tables: Kysely<Tables>, length: number): CompiledQuery {
  return tables
    .updateTable('consent')
    .set({
      uses: sql`uses + ${0}`,
      stretch: '',
      stretch_uses: sql`case when stretch = ${''} then stretch_uses else 0 end + ${0}`,
      last_use: '',
    })
    .where('number', 'in', new Array<string>(length).fill(''))
    .compile()
}

/** The statement for so many, and how many it has. */
function byLength<T>(make: (length: number) => T): (needed: number) => { query: T; length: number } {
  const made = new Map<number, T>()
  return (needed) => {
    let length = 1
    while (length < needed) length *= GROWTH
    const query = made.get(length) ?? make(length)
    made.set(length, query)
    return { query, length }
  }
}

function filled<T>(some: readonly T[], length: number): T[] {
  return [...some, ...new Array<T>(length - some.length).fill(some.at(-1)!)]
}
