/** Evidence records by the size of the tree head that they cover. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'

/** A row with the note of its tree head. */
export type StoredEvidenceRecord = Tables['evidence_record'] & { note: string }

/** How many are compared at once to find the oldest over a tree head that a quorum cosigned. */
const COMPARED = 128

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
    /** The oldest over a tree head that covers this index. */
    covering: (index: number): Promise<StoredEvidenceRecord | undefined> =>
      select()
        .where('evidence_record.size', '>', index)
        .orderBy('evidence_record.size')
        .limit(1)
        .executeTakeFirst(),

    /**
     * Sizes of tree heads of more than `above` records that have one and that somebody cosigned, the smallest
     * first.
     */
    cosignedSizes: async (above: number): Promise<number[]> => {
      const rows = await kysely
        .selectFrom('evidence_record')
        .innerJoin('cosignature', 'cosignature.size', 'evidence_record.size')
        .select('evidence_record.size')
        .distinct()
        .where('evidence_record.size', '>', above)
        .orderBy('evidence_record.size')
        .limit(COMPARED)
        .execute()
      return rows.map(({ size }) => Number(size))
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

    /**
     * Replaces the record only if it still is `before`: when another node renewed it meanwhile, that node's
     * record stays.
     */
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
