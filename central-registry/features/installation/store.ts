/** Rows of the installation codes: digests, wrong tries, and who redeemed each. */
import { timingSafeEqual } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { CEREMONY, isDone, isVoid, reopened } from './rules.ts'
import type { Tables } from './tables.ts'

/** The outcome of an attempt; a `wrong` one is counted. */
export type Redeemed = 'redeemed' | 'installed' | 'wrong' | 'void' | 'same person' | 'over'

export type InstallationStore = {
  code(number: number): Promise<{ digest: Buffer; isVoid: boolean } | undefined>
  /** Stores the digest of a code. False when a code with this number exists that is not void. */
  putCode(number: number, digest: Buffer): Promise<boolean>
  isDone(): Promise<boolean>
  /** The time until which one more administrator may redeem a code; undefined when there is no such code. */
  reopenedUntil(now: string): Promise<string | undefined>
  /**
   * Stores a code for one more administrator, in place of an earlier one that nobody redeemed. False before the ceremony is done.
   */
  reopen(digest: Buffer, until: string): Promise<boolean>
  /** Deletes the code for one more administrator. False when there is no such code that could be redeemed. */
  close(now: string): Promise<boolean>
  /** Tries to redeem a code; `admit` makes the person an administrator within the same transaction. */
  redeem(q: { person: string; digest: Buffer; at: string; admit: Admit }): Promise<Redeemed>
}

type Admit = (transaction: Kysely<Tables>, isLast: boolean) => Promise<void>

export function createInstallationStore(database: Database): InstallationStore {
  const tables = tablesOf<Tables>(database)
  const rows = (kysely: Kysely<Tables>) =>
    kysely.selectFrom('installation_code').select(['number', 'digest', 'tries', 'redeemed_by', 'expires_at'])
  const locked = <R>(act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      // Uses the lock of people, because redeeming a code changes a person.
      await lockFor(transaction, 'people')
      return act(transaction)
    })
  /** The codes of the ceremony do not expire, so the time does not matter for them. */
  const isVoidNow = (row: Parameters<typeof isVoid>[0]): boolean => isVoid(row, '')

  return {
    code: async (number) => {
      const row = await rows(tables).where('number', '=', number).executeTakeFirst()
      return row === undefined ? undefined : { digest: row.digest, isVoid: isVoidNow(row) }
    },
    putCode: (number, digest) =>
      locked(async (transaction) => {
        const row = await rows(transaction).where('number', '=', number).executeTakeFirst()
        if (row !== undefined && !isVoidNow(row)) return false
        const values = { digest, tries: 0 }
        await (row === undefined
          ? transaction
              .insertInto('installation_code')
              .values({ number, ...values, redeemed_by: null, redeemed_at: null, expires_at: null })
          : transaction.updateTable('installation_code').set(values).where('number', '=', number)
        ).execute()
        return true
      }),
    isDone: async () => isDone(await rows(tables).execute()),
    reopenedUntil: async (now) => reopened(await rows(tables).execute(), now)?.expires_at ?? undefined,
    reopen: (digest, until) =>
      locked(async (transaction) => {
        const codes = await rows(transaction).execute()
        if (!isDone(codes)) return false
        await forgetReopened(transaction)
        const number =
          1 + Math.max(...codes.filter((one) => one.redeemed_by !== null).map((one) => one.number))
        await transaction
          .insertInto('installation_code')
          .values({ number, digest, tries: 0, redeemed_by: null, redeemed_at: null, expires_at: until })
          .execute()
        return true
      }),
    close: (now) =>
      locked(async (transaction) => {
        const isOpen = reopened(await rows(transaction).execute(), now) !== undefined
        await forgetReopened(transaction)
        return isOpen
      }),
    redeem: ({ person, digest, at, admit }) =>
      locked(async (transaction): Promise<Redeemed> => {
        const codes = await rows(transaction).execute()
        const wasDone = isDone(codes)
        if (wasDone && reopened(codes, at) === undefined) return 'over'
        if (codes.some((code) => code.redeemed_by === person)) return 'same person'
        const open = codes.filter((code) => code.redeemed_by === null)
        if (open.every((code) => isVoid(code, at))) return 'void'
        const met = open.filter((code) => !isVoid(code, at) && timingSafeEqual(code.digest, digest))[0]
        if (met === undefined) {
          // Which code was meant is unknown, so a wrong one counts against all.
          const more = sql<number>`tries + 1`
          await transaction.updateTable('installation_code').set({ tries: more }).execute()
          return 'wrong'
        }
        await transaction
          .updateTable('installation_code')
          .set({ redeemed_by: person, redeemed_at: at })
          .where('number', '=', met.number)
          .execute()
        const isLast = wasDone || (open.length === 1 && codes.length === CEREMONY)
        await admit(transaction, isLast)
        return isLast ? 'installed' : 'redeemed'
      }),
  }
}

async function forgetReopened(transaction: Kysely<Tables>): Promise<void> {
  await transaction
    .deleteFrom('installation_code')
    .where('number', '>', CEREMONY)
    .where('redeemed_by', 'is', null)
    .execute()
}
