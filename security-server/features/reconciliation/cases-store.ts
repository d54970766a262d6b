/** Stores the cases that discrepancies opened, for people to explain. */
import { type Selectable, sql } from 'kysely'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import {
  type CaseRow,
  type ReconciliationFilter,
  type StoredReconciliation,
  type Tables,
  toRow,
} from './store.ts'

type StoredCase = Selectable<CaseRow>
export type CaseProofs = Pick<StoredCase, 'id' | 'own_proof' | 'peer_proof'>
type CaseFilter = ReconciliationFilter & {
  requestId?: string | undefined
  assignee?: string | undefined
}
export type CasesStore = ReturnType<typeof createCasesStore>

export function createCasesStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  return {
    /**
     * Newest first, each case with the reconciliation row of its day. Cases of days above the clearance are
     * left out.
     */
    listCases: async (q: CaseFilter): Promise<{ of: StoredReconciliation; found: StoredCase }[]> => {
      let query = kysely
        .selectFrom('reconciliation_case as found')
        .innerJoin('reconciliation', 'reconciliation.id', 'found.reconciliation')
        .where('reconciliation.secrecy', '<=', q.clearance)
        .selectAll('found')
      const { before, day, member, state, requestId, assignee } = q
      if (before !== undefined) query = query.where('found.id', '<', before)
      if (day !== undefined) query = query.where('day', '=', day)
      if (state !== undefined) query = query.where('found.state', '=', state)
      if (assignee !== undefined) query = query.where('assignee', '=', assignee)
      if (requestId !== undefined) query = query.where('request_id', '=', requestId)
      if (member !== undefined)
        query = query.where((is) => is.or([is('own_member', '=', member), is('peer_member', '=', member)]))
      const cases = await query.orderBy('found.id', 'desc').limit(q.limit).execute()
      const ids = [...new Set(cases.map(({ reconciliation }) => reconciliation))]
      if (ids.length === 0) return []
      const rows = await kysely.selectFrom('reconciliation').selectAll().where('id', 'in', ids).execute()
      const byId = new Map(rows.map((row) => [Number(row.id), toRow(row)!]))
      return cases.map((found) => ({ of: byId.get(Number(found.reconciliation))!, found }))
    },

    getCase: async (id: number, clearance: number): Promise<StoredCase> => {
      const row = await kysely
        .selectFrom('reconciliation_case as found')
        .innerJoin('reconciliation', 'reconciliation.id', 'found.reconciliation')
        .selectAll('found')
        .where('found.id', '=', id)
        .where('reconciliation.secrecy', '<=', clearance)
        .executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`case ${id}` })
      return row
    },

    /** Cases after this one, in order, with an opening in one of their proofs. */
    withOpenings: (q: { after: number; limit: number }): Promise<CaseProofs[]> =>
      kysely
        .selectFrom('reconciliation_case')
        .select(['id', 'own_proof', 'peer_proof'])
        .where('id', '>', q.after)
        .where((is) => is.or([is('own_proof', 'like', '%"digest"%'), is('peer_proof', 'like', '%"digest"%')]))
        .orderBy('id')
        .limit(q.limit)
        .execute(),

    keepProofs: async ({ id, ...proofs }: CaseProofs): Promise<void> => {
      await kysely.updateTable('reconciliation_case').set(proofs).where('id', '=', id).execute()
    },

    changeCase: async (
      id: number,
      q: { state: string; note: string; by: string; now: string },
    ): Promise<void> => {
      await kysely
        .updateTable('reconciliation_case')
        .set({ state: q.state, note: q.note, changed_by: q.by, changed_at: q.now })
        .where('id', '=', id)
        .execute()
    },

    /** Throws `not_found`. */
    assign: async (id: number, assignee: string | null): Promise<void> => {
      const { numUpdatedRows } = await kysely
        .updateTable('reconciliation_case')
        .set({ assignee })
        .where('id', '=', id)
        .executeTakeFirst()
      if (Number(numUpdatedRows) === 0) throw new Fault('not_found', { what: say`case ${id}` })
    },

    /** The number of open cases, and of days that the other server did not answer. */
    open: async (): Promise<{ cases: number; unanswered: number }> => {
      const count = async (
        table: 'reconciliation' | 'reconciliation_case',
        state: string,
      ): Promise<number> => {
        const { rows } = await sql<{ found: number }>`
          select count(*) as found from ${sql.table(table)} where state = ${state}`.execute(kysely)
        return Number(rows[0]?.found ?? 0)
      }
      return {
        cases: await count('reconciliation_case', 'open'),
        unanswered: await count('reconciliation', 'unanswered'),
      }
    },
  }
}
