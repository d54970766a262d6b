/** Rows of outages: messages of administrators to servers, for whom and until when. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { MOST_OUTAGES, type Outage } from '#schemas/fleet.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { type Change, counted, type Page, textContains } from '../../changes/store.ts'
import type { OutageRow, Tables } from './tables.ts'

export type OutageStore = ReturnType<typeof createOutageStore>
export type OutageFilter = { state?: 'open' | 'over' | 'all'; at: string; q?: string | undefined }

const COLUMNS = [
  ...(['id', 'message', 'starts_at', 'ends_at', 'member_classes', 'servers'] as const),
  ...(['created_at', 'created_by', 'ended_at', 'ended_by'] as const),
] as const

/** Servers are told of outages in advance, but not of those that are over. */
export function createOutageStore(database: Database, record: Change<Tables>) {
  const tables = tablesOf<Tables>(database)

  const listed = ({ state = 'all', at, q = '' }: OutageFilter) =>
    tables
      .selectFrom('outage')
      .$if(q !== '', (query) => query.where(textContains('message', q)))
      .$if(state === 'open', (query) => query.where('ends_at', '>', at).where('ended_at', 'is', null))
      .$if(state === 'over', (query) =>
        query.where(({ or, eb }) => or([eb('ends_at', '<=', at), eb('ended_at', 'is not', null)])),
      )

  return {
    list: ({ offset, limit, ...filter }: Page & OutageFilter) =>
      listed(filter)
        .select(COLUMNS)
        .orderBy('starts_at', 'desc')
        .orderBy('id', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    count: (filter: OutageFilter) => counted(listed(filter)),
    /**
     * Throws `conflict` when too many outages are announced, because an answer to a server contains all of
     * them.
     */
    add: (row: Omit<OutageRow, 'id' | 'ended_at' | 'ended_by'>) =>
      record(async (transaction) => {
        const open = transaction
          .selectFrom('outage')
          .where('ends_at', '>', row.created_at)
          .where('ended_at', 'is', null)
        if ((await counted(open)) >= MOST_OUTAGES)
          throw new Fault('conflict', {
            what: say`${MOST_OUTAGES} outages are announced: end one of them first`,
          })
        return transaction
          .insertInto('outage')
          .values({ ...row, ended_at: null, ended_by: null })
          .returning(COLUMNS)
          .executeTakeFirstOrThrow()
      }),
    /** Ends an outage before its time. Throws `not_found` for one that is over. */
    end: (id: number, by: string, at: string) =>
      record(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('outage')
          .set({ ended_at: at, ended_by: by })
          .where('id', '=', id)
          .where('ended_at', 'is', null)
          .where('ends_at', '>', at)
          .executeTakeFirst()
        if (numUpdatedRows === 0n)
          throw new Fault('not_found', { what: say`an outage ${id} that is not over yet` })
      }),
    /** The outages that this server has to be told of now. */
    async for(server: string, at: string): Promise<Outage[]> {
      const rows = await listed({ state: 'open', at })
        .select(COLUMNS)
        .orderBy('starts_at')
        .limit(MOST_OUTAGES)
        .execute()
      return rows
        .filter((row) => concerns(row, server))
        .map(({ id, message, starts_at, ends_at }) => ({
          ...{ id: Number(id), message, from: starts_at, until: ends_at },
        }))
    },
  }
}

function concerns(row: Pick<OutageRow, 'member_classes' | 'servers'>, server: string): boolean {
  const [classes, servers] = [row.member_classes, row.servers].map((text) => JSON.parse(text) as string[])
  if (classes!.length + servers!.length === 0) return true
  return servers!.includes(server) || classes!.includes(parseServerId(server).memberClass)
}
