/**
 * The truth about contracts' quotas, for all nodes of a server. Guarantees that all leases together never
 * exceed a quota: a lease is one transaction that holds the row of its contract, and what the rows do not say
 * was left is not given.
 */
import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { ContractQuota } from '../../global-configuration/contracts/index-contracts.ts'
import { type Bucket, dayOf, fullBucket, type Grant, grant, type Wanted } from './grant.ts'

type Tables = {
  contract_quota: { contract: string; tokens: Whole; filled_at: Whole }
  contract_quota_day: { contract: string; day: string; used: Whole; refused: Whole }
}

/**
 * What a node knows that the database does not: calls that it leased on this day and did not make, and calls
 * that it refused.
 */
export type News = { back: { day: string; calls: number } | undefined; refused: number }

export type DayUse = { day: string; used: number; refused: number }

export type QuotaStore = {
  /** Takes the news of a node and leases calls to it. Throws `database_error`. */
  lease(q: {
    contract: string
    quota: ContractQuota
    wanted: Wanted
    news: News
    now: number
  }): Promise<Grant>
  /** The calls of a day, those that are leased among them. */
  useOf(contract: string, day: string): Promise<DayUse>
}

const DAYS_KEPT_MS = 31 * 86_400_000

export function createQuotaStore(database: Database): QuotaStore {
  const tables = tablesOf<Tables>(database)
  return {
    lease: ({ contract, quota, wanted, news, now }) =>
      inTransaction(tables, async (transaction) => {
        const bucket = await lockBucket(transaction, contract, fullBucket(quota, now))
        const { back } = news
        const day = dayOf(now)
        if (back !== undefined && back.day !== day)
          await count(transaction, { contract, day: back.day, used: -back.calls })
        const ofToday = back?.day === day ? back.calls : 0
        const { used, isNew } = await count(transaction, {
          contract,
          day,
          used: -ofToday,
          refused: news.refused,
        })
        const given = grant({ quota, bucket, back: back?.calls ?? 0, used, wanted, now })
        if (given.granted + given.ahead > 0)
          await count(transaction, { contract, day, used: given.granted + given.ahead })
        await transaction
          .updateTable('contract_quota')
          .set({ tokens: given.bucket.tokens, filled_at: given.bucket.at })
          .where('contract', '=', contract)
          .execute()
        if (isNew) await forgetOldDays(transaction, contract, now)
        return given
      }),
    async useOf(contract, day) {
      const row = await tables
        .selectFrom('contract_quota_day')
        .select(['used', 'refused'])
        .where('contract', '=', contract)
        .where('day', '=', day)
        .executeTakeFirst()
      return { day, used: Number(row?.used ?? 0), refused: Number(row?.refused ?? 0) }
    },
  }
}

/** Waits for other leases of this contract: the update that changes nothing locks the row. */
async function lockBucket(transaction: Kysely<Tables>, contract: string, full: Bucket): Promise<Bucket> {
  const row = await transaction
    .insertInto('contract_quota')
    .values({ contract, tokens: full.tokens, filled_at: full.at })
    .onConflict((conflict) => conflict.column('contract').doUpdateSet({ contract }))
    .returning(['tokens', 'filled_at'])
    .executeTakeFirstOrThrow()
  return { tokens: Number(row.tokens), at: Number(row.filled_at) }
}

/**
 * Adds to a day, and tells its calls. Its row is never set back: a clock that returns to a day finds what was
 * used.
 */
async function count(
  transaction: Kysely<Tables>,
  { contract, day, used, refused = 0 }: { contract: string; day: string; used: number; refused?: number },
): Promise<{ used: number; isNew: boolean }> {
  const found = await transaction
    .updateTable('contract_quota_day')
    .set({ used: sql`used + ${used}`, refused: sql`refused + ${refused}` })
    .where('contract', '=', contract)
    .where('day', '=', day)
    .returning('used')
    .executeTakeFirst()
  if (found !== undefined) return { used: Number(found.used), isNew: false }
  const row = { contract, day, used: Math.max(0, used), refused }
  await transaction.insertInto('contract_quota_day').values(row).execute()
  return { used: row.used, isNew: true }
}

/**
 * A clock that is a month ahead gets no count of today deleted: with it no certificate status is fresh, and
 * no call comes here.
 */
async function forgetOldDays(transaction: Kysely<Tables>, contract: string, now: number): Promise<void> {
  await transaction
    .deleteFrom('contract_quota_day')
    .where('contract', '=', contract)
    .where('day', '<', dayOf(now - DAYS_KEPT_MS))
    .execute()
}
