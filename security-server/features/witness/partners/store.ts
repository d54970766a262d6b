/** Rows of partners' heads. A head is only ever replaced by a larger one. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { PartnerContradiction, PartnerTables } from './tables.ts'

export type PartnerHead = PartnerTables['partner_head']
export type PartnerStore = ReturnType<typeof createPartnerStore>

/** Of one partner. */
const MAX_CONTRADICTIONS = 16
const LISTED = 1000

export function createPartnerStore(database: Database) {
  const tables = tablesOf<PartnerTables>(database)
  return {
    head: (server: string): Promise<PartnerHead | undefined> =>
      tables.selectFrom('partner_head').selectAll().where('server', '=', server).executeTakeFirst(),
    heads: (): Promise<PartnerHead[]> =>
      tables.selectFrom('partner_head').selectAll().orderBy('server').limit(LISTED).execute(),
    /** Left out when another node has kept a larger one meanwhile. */
    putHead: (head: PartnerHead): Promise<void> =>
      inTransaction(tables, async (transaction) => {
        await transaction
          .insertInto('partner_head')
          .values(head)
          .onConflict((conflict) =>
            conflict.column('server').doUpdateSet(head).where('partner_head.size', '<=', head.size),
          )
          .execute()
      }),
    /** False when it was known. */
    putContradiction: (found: Omit<PartnerContradiction, 'id'>): Promise<boolean> =>
      inTransaction(tables, async (transaction) => {
        const known = await transaction
          .selectFrom('partner_contradiction')
          .select(['known_note', 'seen_note'])
          .where('server', '=', found.server)
          .execute()
        const isKnown = known.some(
          (one) => one.known_note === found.known_note && one.seen_note === found.seen_note,
        )
        if (isKnown || known.length >= MAX_CONTRADICTIONS) return false
        await transaction.insertInto('partner_contradiction').values(found).execute()
        return true
      }),
    contradictions: (): Promise<PartnerContradiction[]> =>
      tables.selectFrom('partner_contradiction').selectAll().orderBy('id', 'desc').limit(LISTED).execute(),
  }
}
