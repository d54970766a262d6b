/** Evidence records by the size of the tree head that they are over. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Tables } from '../tables.ts'

/** With the tree head's note as it is stored. */
export type StoredEvidenceRecord = Tables['evidence_record'] & { note: string }

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
    /** The oldest one over a tree head that covers this record. */
    covering: (index: number): Promise<StoredEvidenceRecord | undefined> =>
      select()
        .where('evidence_record.size', '>', index)
        .orderBy('evidence_record.size')
        .limit(1)
        .executeTakeFirst(),

    newest: (): Promise<StoredEvidenceRecord | undefined> =>
      select().orderBy('evidence_record.size', 'desc').limit(1).executeTakeFirst(),

    /** By size, at most `limit` of those over more than `size` records. */
    after: (size: number, limit: number): Promise<StoredEvidenceRecord[]> =>
      select()
        .where('evidence_record.size', '>', size)
        .orderBy('evidence_record.size')
        .limit(limit)
        .execute(),

    /** Those whose time to be renewed has come, the most urgent first. */
    due: (now: string, limit: number): Promise<StoredEvidenceRecord[]> =>
      select()
        .where('evidence_record.renew_at', '<=', now)
        .orderBy('evidence_record.renew_at')
        .limit(limit)
        .execute(),

    /** A tree head gets one: a second of the same size is left out. */
    insert: async (row: Tables['evidence_record']): Promise<void> => {
      await kysely
        .insertInto('evidence_record')
        .values(row)
        .onConflict((conflict) => conflict.column('size').doNothing())
        .execute()
    },

    /** Puts the renewed one in the place of exactly `before`: whoever renewed it meanwhile keeps his. */
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
