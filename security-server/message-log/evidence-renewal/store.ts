/** Evidence records by the size of the tree head that they cover. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'

/** A row with the note of its tree head. */
export type StoredEvidenceRecord = Tables['evidence_record'] & { note: string }

export type CosignedEvidenceRecord = StoredEvidenceRecord & { witnesses: string[] }

/** So many are compared to find the oldest over a tree head that a quorum cosigned. There is one a day. */
const COMPARED = 32

export type EvidenceRecordStore = ReturnType<typeof createEvidenceRecordStore>

export function createEvidenceRecordStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  const select = () =>
    kysely
      .selectFrom('evidence_record')
      .innerJoin('checkpoint', 'checkpoint.size', 'evidence_record.size')
      .selectAll('evidence_record')
      .select('checkpoint.note')
  return {
    /** Those over tree heads that cover this index, the oldest first, with the names of who cosigned each head. */
    covering: async (index: number): Promise<CosignedEvidenceRecord[]> => {
      const rows = await select()
        .where('evidence_record.size', '>', index)
        .orderBy('evidence_record.size')
        .limit(COMPARED)
        .execute()
      const sizes = rows.map(({ size }) => size)
      const lines = await kysely
        .selectFrom('cosignature')
        .select(['size', 'witness'])
        .where('size', 'in', [...sizes, -1])
        .execute()
      return rows.map((row) => ({
        ...row,
        witnesses: lines
          .filter(({ size }) => Number(size) === Number(row.size))
          .map(({ witness }) => witness),
      }))
    },

    newest: (): Promise<StoredEvidenceRecord | undefined> =>
      select().orderBy('evidence_record.size', 'desc').limit(1).executeTakeFirst(),

    /** Ordered by size, at most `limit` of those over more than `size` records. */
    after: (size: number, limit: number): Promise<StoredEvidenceRecord[]> =>
      select()
        .where('evidence_record.size', '>', size)
        .orderBy('evidence_record.size')
        .limit(limit)
        .execute(),

    /** The records that are due for renewal, the most urgent first. */
    due: (now: string, limit: number): Promise<StoredEvidenceRecord[]> =>
      select()
        .where('evidence_record.renew_at', '<=', now)
        .orderBy('evidence_record.renew_at')
        .limit(limit)
        .execute(),

    /** A tree head has one record: a second one of the same size is ignored. */
    insert: async (row: Tables['evidence_record']): Promise<void> => {
      await kysely
        .insertInto('evidence_record')
        .values(row)
        .onConflict((conflict) => conflict.column('size').doNothing())
        .execute()
    },

    /** Replaces the record only if it still is `before`: when another node renewed it meanwhile, that node's record stays. */
    replace: async (before: Buffer, row: Tables['evidence_record']): Promise<void> => {
      const { record, evidence, renew_at } = row
      await kysely
        .updateTable('evidence_record')
        .set({ record, evidence, renew_at })
        .where('size', '=', row.size)
        .where('record', '=', before)
        .execute()
    },
  }
}
