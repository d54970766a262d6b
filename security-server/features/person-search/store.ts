/**
 * Stores searches by person: who searched, for which case and why, and the key holder's hashes. Identifiers
 * are not stored.
 */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Time, Uuid } from '#schemas/sent-values.ts'

export type SubjectSearchRow = {
  id: Uuid
  asked_by: string
  asked_by_name: string
  asked_at: Time
  case_number: string
  reason: string
  type: string
  /** ISO times: `period_from` is included, `period_to` is not. */
  period_from: string | null
  period_to: string | null
  /** SubjectMonths as JSON. */
  months: string
  expires_at: Time
}

export type SubjectSearchStore = ReturnType<typeof createSubjectSearchStore>

export function createSubjectSearchStore(database: Database) {
  const tables = tablesOf<{ subject_search: SubjectSearchRow }>(database)
  return {
    add: async (row: SubjectSearchRow): Promise<void> => {
      await tables.insertInto('subject_search').values(row).execute()
    },
    find: (id: string): Promise<SubjectSearchRow | undefined> =>
      tables.selectFrom('subject_search').selectAll().where('id', '=', id).executeTakeFirst(),
    /** The searches of one caller, newest first. */
    listOf: (askedBy: string, limit: number): Promise<SubjectSearchRow[]> =>
      tables
        .selectFrom('subject_search')
        .selectAll()
        .where('asked_by', '=', askedBy)
        .orderBy('asked_at', 'desc')
        .orderBy('id')
        .limit(limit)
        .execute(),
    expire: async (now: string): Promise<void> => {
      await tables.deleteFrom('subject_search').where('expires_at', '<=', now).execute()
    },
  }
}
