/**
 * Rows of the installation codes: digests, and who redeemed each. Wrong tries make no code void: nobody
 * guesses 256 bits, and whoever the provider knows could otherwise void the codes for those who have them.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Kysely } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { CEREMONY, isDone, reopened } from './rules.ts'
import type { Tables } from './tables.ts'

/** The outcome of an attempt. */
export type Redeemed = 'redeemed' | 'installed' | 'wrong' | 'same person' | 'over'

export type InstallationStore = {
  /** The digest of a code. */
  code(number: number): Promise<Buffer | undefined>
  /** Stores the digest of a code. False when a code with this number exists. */
  putCode(number: number, digest: Buffer): Promise<boolean>
  isDone(): Promise<boolean>
  /** The time until which one more administrator may redeem a code; undefined when there is no such code. */
  reopenedUntil(now: string): Promise<string | undefined>
  /**
   * Stores a code for one more administrator, in place of an earlier one that nobody redeemed. False before
   * the ceremony is done.
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
    kysely.selectFrom('installation_code').select(['number', 'digest', 'redeemed_by', 'expires_at'])
  const locked = <R>(act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      // Uses the lock of people, because redeeming a code changes a person.
      await lockFor(transaction, 'people')
      return act(transaction)
    })

  return {
    code: async (number) => (await rows(tables).where('number', '=', number).executeTakeFirst())?.digest,
    putCode: (number, digest) =>
      locked(async (transaction) => {
        if ((await rows(transaction).where('number', '=', number).executeTakeFirst()) !== undefined)
          return false
        await insertCode(transaction, number, digest, null)
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
        await insertCode(transaction, number, digest, until)
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
        const more = reopened(codes, at)
        if (wasDone && more === undefined) return 'over'
        if (codes.some((code) => code.redeemed_by === person)) return 'same person'
        const open = more === undefined ? codes.filter((code) => code.redeemed_by === null) : [more]
        const met = open.find((code) => timingSafeEqual(code.digest, digest))
        if (met === undefined) return 'wrong'
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

async function insertCode(
  transaction: Kysely<Tables>,
  number: number,
  digest: Buffer,
  until: string | null,
): Promise<void> {
  await transaction
    .insertInto('installation_code')
    .values({ number, digest, tries: 0, redeemed_by: null, redeemed_at: null, expires_at: until })
    .execute()
}

async function forgetReopened(transaction: Kysely<Tables>): Promise<void> {
  await transaction
    .deleteFrom('installation_code')
    .where('number', '>', CEREMONY)
    .where('redeemed_by', 'is', null)
    .execute()
}
