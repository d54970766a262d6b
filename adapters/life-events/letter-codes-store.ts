/**
 * Codes of letters. Guarantees that a code opens its offer to one who has it at a time, for an hour; at a
 * page without a login only to who knows the person's code as well. Codes and people are compared as keyed
 * digests, so how long that takes says nothing of them.
 */
import type { Kysely } from 'kysely'
import { inTransaction } from '#platform/database/open-database.ts'
import type { OfferStep, StepKind } from '#schemas/offers.ts'
import type { OfferKeys } from './offer-keys.ts'
import { type OfferRow, type OfferTables, OPEN } from './tables.ts'

const CLERK_MS = 3_600_000
/** After so many codes of other persons no page takes the code of a letter any more. */
const MOST_MISSES = 5

export function letterCodes<T>(
  tables: Kysely<OfferTables>,
  q: {
    keys: OfferKeys
    time(later?: number): string
    step(
      on: Kysely<OfferTables>,
      offer: string,
      what: StepKind,
      channel: OfferStep['channel'],
    ): Promise<unknown>
    opened(row: OfferRow): T
  },
): {
  useCode(code: string, by: { client: string; clerk: string }): Promise<T | undefined>
  useCodeAtPage(
    code: string,
    by: { clerk: string; person: string; rules: readonly string[] },
  ): Promise<T | undefined>
} {
  const { keys, time } = q
  const rowOf = (on: Kysely<OfferTables>, code: string): Promise<OfferRow | undefined> =>
    on
      .selectFrom('life_offer')
      .selectAll()
      .where('code', '=', keys.digest('code', code))
      .where('state', 'in', [...OPEN])
      .where('ends_at', '>', time())
      .executeTakeFirst()

  async function openTo(
    on: Kysely<OfferTables>,
    row: OfferRow,
    clerk: string,
    more: Partial<Pick<OfferRow, 'code_client' | 'code_misses'>>,
  ): Promise<T> {
    await on
      .updateTable('life_offer')
      .set({ ...more, clerk: keys.digest('clerk', clerk), clerk_until: time(CLERK_MS) })
      .where('id', '=', row.id)
      .execute()
    await q.step(on, row.id, 'code', 'letter')
    return q.opened(row)
  }

  return {
    useCode: (code, { client, clerk }) =>
      inTransaction(tables, async (on) => {
        const row = await rowOf(on, code)
        const counter = keys.digest('client', client)
        if (row === undefined || (row.code_client !== null && row.code_client !== counter)) return undefined
        return openTo(on, row, clerk, { code_client: counter })
      }),
    useCodeAtPage: (code, { clerk, person, rules }) =>
      inTransaction(tables, async (on) => {
        const row = await rowOf(on, code)
        const isOwn = row?.person === keys.digest('person', person)
        if (row === undefined || row.code_client !== null || !rules.includes(row.rule)) return undefined
        if (isOwn && row.code_misses < MOST_MISSES) return openTo(on, row, clerk, { code_misses: 0 })
        await on
          .updateTable('life_offer')
          .set({ code_misses: Math.min(row.code_misses + 1, MOST_MISSES) })
          .where('id', '=', row.id)
          .execute()
        return undefined
      }),
  }
}
