/**
 * The one row of the claim code: its digest, its end, and who redeemed it. Wrong tries are not counted:
 * nobody guesses 256 bits, and whoever the provider knows could otherwise void the code for the one who has
 * it.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { cameInWith } from '#platform/people/store.ts'
import type { PeopleTables } from '#platform/people/tables.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type ClaimStore = ReturnType<typeof createClaimStore>

/** The outcome of an attempt. */
export type Claimed = 'claimed' | 'wrong' | 'void' | 'over'

type Tables = PeopleTables & {
  claim_code: {
    id: Whole
    digest: Buffer
    ends_at: Time
    /** Always 0: it is counted no more, and a node of an earlier release reads it. */
    tries: Whole
    claimed_by: string | null
    claimed_at: Time | null
  }
}

/** Whose coming in ends the claim for good, by whatever way they came. */
const ADMINISTRATOR = 'XROAD_SYSTEM_ADMINISTRATOR'

export function createClaimStore(database: Database) {
  const tables = tablesOf<Tables>(database)
  // The lock of people: a claim changes a person, and whoever comes in as administrator ends it.
  const locked = <R>(act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      await lockFor(transaction, 'people')
      return act(transaction)
    })
  const rowIn = (kysely: Kysely<Tables>) => kysely.selectFrom('claim_code').selectAll().executeTakeFirst()

  return {
    /** Whether this server has or had an administrator who came in: then no code serves any more. */
    isOver: () => isOver(tables),
    /** Until when a code can be redeemed now; undefined when none can. */
    async openUntil(now: string): Promise<string | undefined> {
      const row = await rowIn(tables)
      return row === undefined || isVoid(row, now) || (await isOver(tables)) ? undefined : row.ends_at
    },
    async code(now: string): Promise<{ digest: Buffer; endsAt: string; isVoid: boolean } | undefined> {
      const row = await rowIn(tables)
      return row && { digest: row.digest, endsAt: row.ends_at, isVoid: isVoid(row, now) }
    },
    /** Stores the digest of a code in place of a void one. False when there is one that is not void. */
    put: (digest: Buffer, endsAt: string, now: string): Promise<boolean> =>
      locked(async (transaction) => {
        const row = await rowIn(transaction)
        if ((row !== undefined && !isVoid(row, now)) || (await isOver(transaction))) return false
        await transaction.deleteFrom('claim_code').execute()
        const values = { digest, ends_at: endsAt, tries: 0, claimed_by: null, claimed_at: null }
        await transaction
          .insertInto('claim_code')
          .values({ id: 1, ...values })
          .execute()
        return true
      }),
    /** Tries to redeem the code; `admit` makes the person an administrator within the same transaction. */
    claim: (q: {
      person: string
      digest: Buffer
      at: string
      admit(transaction: Kysely<Tables>): Promise<void>
    }): Promise<Claimed> =>
      locked(async (transaction) => {
        if (await isOver(transaction)) return 'over'
        const row = await rowIn(transaction)
        if (row === undefined || isVoid(row, q.at)) return 'void'
        if (!timingSafeEqual(row.digest, q.digest)) return 'wrong'
        await transaction.updateTable('claim_code').set({ claimed_by: q.person, claimed_at: q.at }).execute()
        await q.admit(transaction)
        return 'claimed'
      }),
  }
}

/** Whether a code can no longer be redeemed: used, or too late. */
function isVoid(row: Tables['claim_code'], now: string): boolean {
  return row.claimed_by !== null || row.ends_at <= now
}

async function isOver(kysely: Kysely<Tables>): Promise<boolean> {
  return (await cameInWith(tablesOf<PeopleTables>({ kysely }), ADMINISTRATOR)) > 0
}
