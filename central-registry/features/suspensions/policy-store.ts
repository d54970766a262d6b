/** The most suspensions that one caller may make in a day without confirmation by somebody else, stored as a system parameter. */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { type Change, counted, type Tabled } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'
import { dayBefore, MOST_PER_DAY } from './rules.ts'

const PER_DAY = 'suspensionsPerDay'

export async function readPerDay(kysely: Kysely<RegisterTables>): Promise<number> {
  const row = await kysely
    .selectFrom('system_parameter')
    .select('value')
    .where('name', '=', PER_DAY)
    .executeTakeFirst()
  return row === undefined ? MOST_PER_DAY : Number(row.value)
}

/** How many suspensions count towards that limit. A person and the keys that the person made share one limit. */
export function unconfirmedOf(kysely: Kysely<RegisterTables>, who: string, at: string): Promise<number> {
  return counted(
    kysely
      .selectFrom('suspension')
      .where((where) => where.or([where('suspended_by', '=', who), where('maker', '=', who)]))
      .where('suspended_at', '>', dayBefore(Date.parse(at)))
      .where('confirmed_at', 'is', null),
  )
}

export type SuspensionPolicyStore = ReturnType<typeof createSuspensionPolicyStore>

export function createSuspensionPolicyStore(database: Tabled, record: Change) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    perDay: () => readPerDay(tables),
    unconfirmedOf: (who: string, at: string) => unconfirmedOf(tables, who, at),
    set: (perDay: number) =>
      record(async (transaction) => {
        const value = String(perDay)
        await transaction
          .insertInto('system_parameter')
          .values({ name: PER_DAY, value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
          .execute()
      }),
  }
}
