/**
 * The policy on suspensions, as system parameters: how many one caller may make in a day without confirmation
 * by somebody else, and whether what is suspended leaves the shared parameters.
 */
import type { Kysely } from 'kysely'
import { tablesOf, type Within } from '#platform/database/open-database.ts'
import { type Change, counted, type Tabled } from '../../changes/store.ts'
import { doLeaveIn, LEAVE_CONFIGURATION } from '../../configuration/without-suspended.ts'
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

/** Whether what is suspended leaves the shared parameters too. */
async function doesLeave(kysely: Kysely<RegisterTables>): Promise<boolean> {
  const rows = kysely.selectFrom('system_parameter').select(['name', 'value'])
  return doLeaveIn(await rows.where('name', '=', LEAVE_CONFIGURATION).execute())
}

/** For changes of suspensions: asks for a publication where they change the shared parameters. */
export function announceWhatLeaves(
  announce: (transaction: Within) => Promise<void>,
): (transaction: Within) => Promise<void> {
  return async (within) => {
    if (await doesLeave(tablesOf<RegisterTables>({ kysely: within }))) await announce(within)
  }
}

/**
 * How many suspensions count towards that limit. A person and the keys that the person made share one limit.
 */
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

/** `announce` asks for a publication, within the transaction of a change. */
export function createSuspensionPolicyStore(
  database: Tabled,
  record: Change,
  announce: (transaction: Within) => Promise<void>,
) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    perDay: () => readPerDay(tables),
    unconfirmedOf: (who: string, at: string) => unconfirmedOf(tables, who, at),
    doesLeave: () => doesLeave(tables),
    /** Without `leaveConfiguration`, that part of the policy stays as it is. */
    set: ({ perDay, leaveConfiguration }: { perDay: number; leaveConfiguration?: boolean | undefined }) =>
      record(async (transaction) => {
        await put(transaction, PER_DAY, String(perDay))
        if (leaveConfiguration === undefined || leaveConfiguration === (await doesLeave(transaction))) return
        await put(transaction, LEAVE_CONFIGURATION, String(leaveConfiguration))
        await announce(transaction)
      }),
  }
}

async function put(transaction: Kysely<RegisterTables>, name: string, value: string): Promise<void> {
  await transaction
    .insertInto('system_parameter')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}
