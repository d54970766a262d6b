/**
 * Stores the rows of reconciliation: one for each day, pair of members and server. A session owns a row by
 * its id alone.
 */

import type { Generated, Kysely, Selectable } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { Statement } from '#schemas/reconciliation.ts'
import { say } from '#schemas/said.ts'
import type { Time, Whole } from '#schemas/sent-values.ts'
import type { Tables as EntryTables } from './entries-store.ts'

export type RowState = 'due' | 'under_way' | 'concluded' | 'not_comparable' | 'unanswered'
type Role = 'asking' | 'asked'

/** Identifiers as text. `own` and `peer` are members. */
export type DayPair = { day: string; own: string; peer: string; server: string }

type ReconciliationRow = {
  id: Generated<Whole>
  day: string
  own_member: string
  peer_member: string
  peer_server: string
  /** The secrecy of the day: features/reconciliation/secrecy.ts. */
  secrecy: Whole
  state: string
  role: string
  session: string
  /**
   * JSON: the state with which the session can continue. Empty when it is over; then its salt is gone too.
   */
  progress: string
  /** The statement as JWS. Empty while there is none. */
  statement: string
  /** JSON. Empty while there is none. */
  counts: string
  error: string
  attempts: Whole
  changed_at: Time
}
export type CaseRow = {
  id: Generated<Whole>
  reconciliation: Whole
  state: string
  request_id: string
  finding: string
  own_proof: string
  peer_proof: string
  peer_proof_holds: Whole
  note: string
  opened_at: Time
  changed_at: Time
  changed_by: string
  /** The person who works on the case. Null: nobody yet. */
  assignee: string | null
}
export type Tables = EntryTables & {
  reconciliation: ReconciliationRow
  reconciliation_case: CaseRow
  /** Days whose pairs have rows. */
  reconciliation_day: { day: string; planned_at: string }
}

export type StoredReconciliation = Omit<Selectable<ReconciliationRow>, 'state'> & { state: RowState }
export type NewCase = Pick<
  CaseRow,
  'request_id' | 'finding' | 'own_proof' | 'peer_proof' | 'peer_proof_holds'
>

export type ReconciliationFilter = {
  /** Rows with a higher secrecy are left out. */
  clearance: number
  before?: number | undefined
  limit: number
  day?: string | undefined
  member?: string | undefined
  state?: string | undefined
}

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>

const INSERTED_AT_ONCE = 50

export function createReconciliationStore(database: Database) {
  const kysely = tablesOf<Tables>(database)
  const ofPair = (transaction: Kysely<Tables>, pair: DayPair) =>
    transaction
      .selectFrom('reconciliation')
      .selectAll()
      .where('day', '=', pair.day)
      .where('own_member', '=', pair.own)
      .where('peer_member', '=', pair.peer)
      .where('peer_server', '=', pair.server)

  const find = async (pair: DayPair): Promise<StoredReconciliation | undefined> =>
    toRow(await ofPair(kysely, pair).executeTakeFirst())

  return {
    find,
    ...createSessionRows(kysely),

    isPlanned: async (day: string): Promise<boolean> => {
      const row = await kysely
        .selectFrom('reconciliation_day')
        .select('day')
        .where('day', '=', day)
        .executeTakeFirst()
      return row !== undefined
    },

    /**
     * Makes a row for each pair of the day that has none. Afterwards the log is not read again for this day.
     */
    plan: (day: string, pairs: (DayPair & { secrecy: number })[], now: string): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        for (const { own, peer, server, secrecy } of pairs) {
          const ids = { day, own_member: own, peer_member: peer, peer_server: server }
          const none = { role: '', session: '', progress: '', statement: '', counts: '', error: '' }
          await transaction
            .insertInto('reconciliation')
            .values({ ...ids, ...none, secrecy, state: 'due', attempts: 0, changed_at: now })
            .onConflict((conflict) => conflict.doNothing())
            .execute()
        }
        await transaction
          .insertInto('reconciliation_day')
          .values({ day, planned_at: now })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }),

    /**
     * Rows to compare, of `day` and later, the oldest first: those that were never tried, and those that were
     * last tried before `triedBefore`.
     */
    waiting: async (q: {
      day: string
      triedBefore: string
      limit: number
    }): Promise<StoredReconciliation[]> => {
      const rows = await kysely
        .selectFrom('reconciliation')
        .selectAll()
        .where('day', '>=', q.day)
        .where((is) =>
          is.or([
            is('state', '=', 'due'),
            is.and([is('state', 'in', ['under_way', 'unanswered']), is('changed_at', '<', q.triedBefore)]),
          ]),
        )
        .orderBy('day')
        .orderBy('id')
        .limit(q.limit)
        .execute()
      return rows.map((row) => toRow(row)!)
    },

    /** Ends sessions that have not continued since `before`, and deletes their entries. */
    forgetStale: async (before: string): Promise<void> => {
      const stale = await kysely
        .selectFrom('reconciliation')
        .select('session')
        .where('session', '!=', '')
        .where('progress', '!=', '')
        .where('changed_at', '<', before)
        .execute()
      for (const { session } of stale) {
        await kysely
          .updateTable('reconciliation')
          .set({ state: 'unanswered', progress: '', error: String(say`the other side did not go on`) })
          .where('session', '=', session)
          .where('state', '!=', 'concluded')
          .execute()
        await forget(kysely, session)
      }
    },

    get: async (id: number, clearance: number): Promise<StoredReconciliation> => {
      const row = await kysely
        .selectFrom('reconciliation')
        .selectAll()
        .where('id', '=', id)
        .where('secrecy', '<=', clearance)
        .executeTakeFirst()
      if (row === undefined) throw new Fault('not_found', { what: say`reconciliation ${id}` })
      return toRow(row)!
    },

    /** Newest first. `member`: of either side. */
    list: async (q: ReconciliationFilter): Promise<StoredReconciliation[]> => {
      let query = kysely.selectFrom('reconciliation').selectAll().where('secrecy', '<=', q.clearance)
      const { before, day, member, state } = q
      if (before !== undefined) query = query.where('id', '<', before)
      if (day !== undefined) query = query.where('day', '=', day)
      if (state !== undefined) query = query.where('state', '=', state)
      if (member !== undefined)
        query = query.where((is) => is.or([is('own_member', '=', member), is('peer_member', '=', member)]))
      return (await query.orderBy('id', 'desc').limit(q.limit).execute()).map((row) => toRow(row)!)
    },
  }
}

/** The changes that a session makes to its row. */
function createSessionRows(kysely: Kysely<Tables>) {
  return {
    /**
     * Gives the pair's row to this session and deletes the entries of the session before. Throws `conflict`
     * when another session has the row by now, or when the day is concluded.
     */
    begin: (
      pair: DayPair,
      q: {
        seen: StoredReconciliation | undefined
        session: string
        role: Role
        progress: object
        now: string
        /** Used only if the row is new. */
        secrecy: number
      },
    ): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        const { seen, session, role, now } = q
        const values = {
          state: 'under_way',
          role,
          session,
          progress: JSON.stringify(q.progress),
          changed_at: now,
        }
        if (seen === undefined) {
          const { day, own, peer, server } = pair
          const ids = { day, own_member: own, peer_member: peer, peer_server: server }
          const none = { statement: '', counts: '', error: '', attempts: 1, secrecy: q.secrecy }
          const made = await transaction
            .insertInto('reconciliation')
            .values({ ...ids, ...values, ...none })
            .onConflict((conflict) =>
              conflict
                .columns(['day', 'own_member', 'peer_member', 'peer_server'])
                // Planned since it was looked for: no session has it.
                .doUpdateSet({ ...values, attempts: 1 })
                .where('reconciliation.state', '=', 'due'),
            )
            .executeTakeFirst()
          if (Number(made.numInsertedOrUpdatedRows ?? 0) !== 1) throw taken()
          return
        }
        const changed = await transaction
          .updateTable('reconciliation')
          .set((row) => ({ ...values, attempts: row('attempts', '+', 1) }))
          .where('id', '=', seen.id)
          .where('session', '=', seen.session)
          .where('state', '!=', 'concluded')
          .executeTakeFirst()
        if (Number(changed.numUpdatedRows) !== 1) throw taken()
        await forget(transaction, seen.session)
      }),

    bySession: async (session: string): Promise<StoredReconciliation | undefined> =>
      toRow(
        await kysely
          .selectFrom('reconciliation')
          .selectAll()
          .where('session', '=', session)
          .executeTakeFirst(),
      ),

    /**
     * Sets a session that had failed to `under_way` again. Throws `conflict` when the session no longer owns
     * its row.
     */
    resume: async (session: string, now: string): Promise<void> => {
      const changed = await kysely
        .updateTable('reconciliation')
        .set({ state: 'under_way', changed_at: now })
        .where('session', '=', session)
        .where('state', '!=', 'concluded')
        .executeTakeFirst()
      if (Number(changed.numUpdatedRows) !== 1) throw taken()
    },

    /** Throws `conflict` when the session no longer owns its row. */
    save: async (session: string, progress: object, now: string): Promise<void> => {
      const changed = await kysely
        .updateTable('reconciliation')
        .set({ progress: JSON.stringify(progress), changed_at: now })
        .where('session', '=', session)
        .where('state', '=', 'under_way')
        .executeTakeFirst()
      if (Number(changed.numUpdatedRows) !== 1) throw taken()
    },

    /**
     * In one transaction: stores the statement, opens the cases and deletes the session's entries. Throws
     * `conflict` as `save` does.
     */
    conclude: (q: {
      session: string
      statement: string
      counts: Statement['counts']
      cases: NewCase[]
      now: string
    }): Promise<void> =>
      inTransaction(kysely, async (transaction) => {
        const { session, statement, now } = q
        const row = await transaction
          .updateTable('reconciliation')
          .set({
            state: 'concluded',
            statement,
            counts: JSON.stringify(q.counts),
            progress: '',
            error: '',
            changed_at: now,
          })
          .where('session', '=', session)
          .where('state', '=', 'under_way')
          .returning('id')
          .executeTakeFirst()
        if (row === undefined) throw taken()
        const rest = {
          ...{ state: 'open', note: '', opened_at: now, changed_at: now, changed_by: '' },
          assignee: null,
        }
        const rows = q.cases.map((one) => ({ ...one, ...rest, reconciliation: row.id }))
        for (let at = 0; at < rows.length; at += INSERTED_AT_ONCE) {
          const some = rows.slice(at, at + INSERTED_AT_ONCE)
          await transaction.insertInto('reconciliation_case').values(some).execute()
        }
        await forget(transaction, session)
      }),

    /**
     * Records that a session failed, for now or for good. Returns false when the session no longer owns its
     * row.
     */
    fail: async (session: string, q: { state: RowState; error: string; now: string }): Promise<boolean> => {
      const changed = await kysely
        .updateTable('reconciliation')
        .set({ state: q.state, error: q.error.slice(0, 500), changed_at: q.now })
        .where('session', '=', session)
        .where('state', '!=', 'concluded')
        .executeTakeFirst()
      return Number(changed.numUpdatedRows) === 1
    },
  }
}

async function forget(transaction: Kysely<Tables>, session: string): Promise<void> {
  if (session === '') return
  await transaction.deleteFrom('reconciliation_entry').where('session', '=', session).execute()
}

export function toRow(row: Selectable<ReconciliationRow> | undefined): StoredReconciliation | undefined {
  return row === undefined ? undefined : { ...row, id: Number(row.id), state: row.state as RowState }
}

function taken(): Fault {
  return new Fault('conflict', { what: say`another session compares this day` })
}
