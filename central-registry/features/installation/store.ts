/** Rows of the installation codes: digests, wrong tries, and who redeemed which. */
import { timingSafeEqual } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { CEREMONY, isDone, isVoid, reopened } from './rules.ts'
import type { Tables } from './tables.ts'

/** What became of an attempt; `wrong` is counted. */
export type Redeemed = 'redeemed' | 'installed' | 'wrong' | 'void' | 'same person' | 'over'

export type InstallationStore = {
  code(number: number): Promise<{ digest: Buffer; isVoid: boolean } | undefined>
  /** False when there is such a code already that is not void. */
  putCode(number: number, digest: Buffer): Promise<boolean>
  isDone(): Promise<boolean>
  /** Until when one more administrator may come in; undefined when the ceremony was not opened again. */
  reopenedUntil(now: string): Promise<string | undefined>
  /** A code for one more administrator, in the place of an earlier one that nobody redeemed; false before the ceremony is done. */
  reopen(digest: Buffer, until: string): Promise<boolean>
  /** Voids the code for one more administrator; false when there is none. */
  close(now: string): Promise<boolean>
  /** `admit` makes the person an administrator within the same transaction. */
  redeem(q: { person: string; digest: Buffer; at: string; admit: Admit }): Promise<Redeemed>
}

type Admit = (transaction: Kysely<Tables>, isLast: boolean) => Promise<void>

export function createInstallationStore(database: Database): InstallationStore {
  const tables = tablesOf<Tables>(database)
  const rows = (kysely: Kysely<Tables>) =>
    kysely.selectFrom('installation_code').select(['number', 'digest', 'tries', 'redeemed_by', 'expires_at'])
  const locked = <R>(act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      // The lock of people too: what a redemption changes is a person.
      await lockFor(transaction, 'people')
      return act(transaction)
    })
  /** The numbers of the ceremony do not expire, so any time will do for them. */
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
          // Whose code was meant is not known, so a wrong one counts against all.
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
