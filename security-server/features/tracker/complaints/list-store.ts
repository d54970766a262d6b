/** Complaints as auditors find them, and how many wait for them. */
import type { SelectQueryBuilder } from 'kysely'
import { counted, textContains } from '#platform/database/lists.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { ComplaintState } from '#schemas/find-usage.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { StoredComplaint, StormRow, Tables } from './tables.ts'

type Filter = {
  /** `open`: whatever is not closed. */
  state?: ComplaintState | 'open' | undefined
  /** Those without an answer whose day has passed. */
  late?: boolean | undefined
  subsystem?: string | undefined
  assignee?: string | undefined
  /** A part of its number, of the message id or the request id of the use. */
  q?: string | undefined
  now: string
}

type Complaints<R> = SelectQueryBuilder<Tables, 'complaint', R>

type ComplaintCounts = { open: number; received: number; late: number }
export type ComplaintList = ReturnType<typeof createComplaintList>

const SEARCHED = ['number', 'message_id', 'request_id']

export function createComplaintList(database: Database) {
  const tables = tablesOf<Tables>(database)
  return {
    /** Newest first. */
    list: (q: Filter & { before?: number | undefined; limit: number }): Promise<StoredComplaint[]> => {
      let query = narrowed(tables.selectFrom('complaint'), q).selectAll()
      if (q.before !== undefined) query = query.where('id', '<', q.before)
      return query.orderBy('id', 'desc').limit(q.limit).execute()
    },
    /** Throws `not_found`. */
    find: async (number: string): Promise<StoredComplaint> => {
      const found = await tables
        .selectFrom('complaint')
        .selectAll()
        .where('number', '=', number)
        .executeTakeFirst()
      if (found === undefined) throw new Fault('not_found', { what: say`the complaint ${number}` })
      return found
    },
    assign: async (id: number, assignee: string | null): Promise<void> => {
      await tables.updateTable('complaint').set({ assignee }).where('id', '=', id).execute()
    },
    counts: async (now: string): Promise<ComplaintCounts> => {
      const of = (q: Omit<Filter, 'now'>): Promise<Whole> =>
        counted(narrowed(tables.selectFrom('complaint'), { ...q, now }))
      return {
        open: await of({ state: 'open' }),
        received: await of({ state: 'received' }),
        late: await of({ late: true }),
      }
    },
    /** The last days on which complaints of a client were refused because there were too many. */
    storms: (limit: number): Promise<StormRow[]> =>
      tables
        .selectFrom('complaint_storm')
        .selectAll()
        .orderBy('day', 'desc')
        .orderBy('client')
        .limit(limit)
        .execute(),
  }
}

function narrowed<R>(query: Complaints<R>, q: Filter): Complaints<R> {
  const { state, late, subsystem, assignee, now } = q
  let found = query
  if (state === 'open') found = found.where('state', '!=', 'closed')
  else if (state !== undefined) found = found.where('state', '=', state)
  if (late === true) found = found.where('state', 'in', ['received', 'seen']).where('due_at', '<', now)
  if (subsystem !== undefined) found = found.where('subsystem', '=', subsystem)
  if (assignee !== undefined) found = found.where('assignee', '=', assignee)
  const { q: part = '' } = q
  if (part !== '') found = found.where(({ or }) => or(SEARCHED.map((column) => textContains(column, part))))
  return found
}
