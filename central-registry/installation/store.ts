/** Rows of the two installation codes: digests, wrong tries, and who redeemed which. */
import { timingSafeEqual } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { lockFor } from '#platform/database/dialect.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../migrations/tables.ts'

/** What became of an attempt; `wrong` is counted. */
export type Redeemed = 'redeemed' | 'installed' | 'wrong' | 'void' | 'same person' | 'over'

export type InstallationStore = {
  code(number: number): Promise<{ digest: Buffer; isVoid: boolean } | undefined>
  /** False when there is such a code already that is not void. */
  putCode(number: number, digest: Buffer): Promise<boolean>
  isDone(): Promise<boolean>
  /** `admit` makes the person an administrator within the same transaction. */
  redeem(q: { person: string; digest: Buffer; at: string; admit: Admit }): Promise<Redeemed>
}

type Admit = (transaction: Kysely<Tables>, isLast: boolean) => Promise<void>

const CODES = 2
const MOST_TRIES = 20

export function createInstallationStore(database: Database): InstallationStore {
  const tables = tablesOf<Tables>(database)
  const rows = (kysely: Kysely<Tables>) =>
    kysely.selectFrom('installation_code').select(['number', 'digest', 'tries', 'redeemed_by'])
  const locked = <R>(act: (transaction: Kysely<Tables>) => Promise<R>): Promise<R> =>
    inTransaction(tables, async (transaction) => {
      // The lock of people too: what a redemption changes is a person.
      await lockFor(transaction, 'people')
      return act(transaction)
    })
  return {
    code: async (number) => {
      const row = await rows(tables).where('number', '=', number).executeTakeFirst()
      return row === undefined ? undefined : { digest: row.digest, isVoid: isVoid(row) }
    },
    putCode: (number, digest) =>
      locked(async (transaction) => {
        const row = await rows(transaction).where('number', '=', number).executeTakeFirst()
        if (row !== undefined && !isVoid(row)) return false
        const values = { digest, tries: 0 }
        await (row === undefined
          ? transaction
              .insertInto('installation_code')
              .values({ number, ...values, redeemed_by: null, redeemed_at: null })
          : transaction.updateTable('installation_code').set(values).where('number', '=', number)
        ).execute()
        return true
      }),
    isDone: async () => isDone(await rows(tables).execute()),
    redeem: ({ person, digest, at, admit }) =>
      locked(async (transaction): Promise<Redeemed> => {
        const codes = await rows(transaction).execute()
        if (isDone(codes)) return 'over'
        if (codes.some((code) => code.redeemed_by === person)) return 'same person'
        const open = codes.filter((code) => code.redeemed_by === null)
        if (open.every(isVoid)) return 'void'
        const met = open.filter((code) => !isVoid(code) && timingSafeEqual(code.digest, digest))[0]
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
        const isLast = open.length === 1 && codes.length === CODES
        await admit(transaction, isLast)
        return isLast ? 'installed' : 'redeemed'
      }),
  }
}

type Code = { tries: number; redeemed_by: string | null }

function isVoid({ tries, redeemed_by: by }: Code): boolean {
  return by === null && tries >= MOST_TRIES
}

function isDone(codes: Code[]): boolean {
  return codes.length === CODES && codes.every((code) => code.redeemed_by !== null)
}
