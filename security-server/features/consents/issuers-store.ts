/**
 * The lists of trusted issuers by which presentations were judged: each once, whoever was trusted then, for
 * as long as consents rest on it.
 */
import type { Kysely } from 'kysely'
import type { IssuersRow, Tables } from './tables.ts'

/** `list` is JSON. */
export type JudgedBy = Pick<IssuersRow, 'digest' | 'list'>

/** Within the transaction that stores a consent and holds the lock of consents. */
export async function keepIssuers(
  transaction: Kysely<Tables>,
  { digest, list }: JudgedBy,
  neededUntil: string,
): Promise<void> {
  const there = await transaction
    .selectFrom('consent_issuers')
    .select('needed_until')
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (there === undefined)
    await transaction
      .insertInto('consent_issuers')
      .values({ digest, list, needed_until: neededUntil })
      .execute()
  else if (there.needed_until < neededUntil)
    await transaction
      .updateTable('consent_issuers')
      .set({ needed_until: neededUntil })
      .where('digest', '=', digest)
      .execute()
}

export async function issuersOf(tables: Kysely<Tables>, digest: string): Promise<string | undefined> {
  const row = await tables
    .selectFrom('consent_issuers')
    .select('list')
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.list
}

/** Those on which no consent rests that is still kept. */
export async function forgetIssuers(transaction: Kysely<Tables>, before: string): Promise<void> {
  await transaction.deleteFrom('consent_issuers').where('needed_until', '<', before).execute()
}
