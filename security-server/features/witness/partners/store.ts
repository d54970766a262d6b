/** Stores the tree heads of partners. A head is never replaced by one of a smaller tree. */
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import type { PartnerContradiction, PartnerTables } from './tables.ts'

export type PartnerHead = PartnerTables['partner_head']
export type PartnerStore = ReturnType<typeof createPartnerStore>

/** The most contradictions that are stored for one partner. */
const MAX_CONTRADICTIONS = 16
const LISTED = 1000

export function createPartnerStore(database: Database) {
  const tables = tablesOf<PartnerTables>(database)
  return {
    head: (server: string): Promise<PartnerHead | undefined> =>
      tables.selectFrom('partner_head').selectAll().where('server', '=', server).executeTakeFirst(),
    heads: (): Promise<PartnerHead[]> =>
      tables.selectFrom('partner_head').selectAll().orderBy('server').limit(LISTED).execute(),
    /** Does nothing when another node has stored a larger head meanwhile. */
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
    /** Returns false when the contradiction is already stored, or when there are too many. */
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
