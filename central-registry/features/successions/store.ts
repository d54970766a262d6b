/**
 * Rows of successions. A succession begins by adding new names next to the old ones and is completed by
 * ending the old ones. A plan is the same act, rolled back.
 */
import type { Kysely } from 'kysely'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseSubsystemId } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import {
  type Change,
  contains,
  counted,
  countOf,
  lockRegister,
  mustBe,
  type Page,
} from '../../changes/store.ts'
import { liveContractsOf } from '../../register/live-contracts-store.ts'
import type { RegisterTables, SuccessionRow } from '../../register/tables.ts'
import { begin, type Doing, type Taking } from './begin-store.ts'
import type { Plan } from './rules.ts'

export type SuccessionStore = ReturnType<typeof createSuccessionStore>
/** `member`: a member's id in its text form, on either side. */
type Filter = { q?: string | undefined; member?: string | undefined }
type Decision = Pick<Doing, 'by' | 'at'>
/**
 * Members with a valid signing certificate, as the server reported them; undefined for a server that reports
 * nothing.
 */
export type ReportedSigners = (server: string, now: number) => Promise<string[] | undefined>

class TakenBack extends Error {
  readonly plan: Plan
  constructor(plan: Plan) {
    super('taken back')
    this.plan = plan
  }
}

export function createSuccessionStore(
  database: Database,
  change: Change,
  q: { notify: Doing['notify']; reportedSigners: ReportedSigners },
) {
  const tables = tablesOf<RegisterTables>(database)
  const where = ({ q = '', member }: Filter) =>
    tables
      .selectFrom('succession')
      .$if(q !== '', (query) =>
        query.where(({ or }) =>
          or([
            contains(q, { id: 'predecessor', text: 'predecessor' }),
            contains(q, { id: 'successor', text: 'successor' }),
          ]),
        ),
      )
      .$if(member !== undefined, (query) =>
        query.where(({ or, eb }) => or([eb('predecessor', '=', member!), eb('successor', '=', member!)])),
      )

  /**
   * The old names may end only when the new ones can sign where they are: otherwise their exchanges would end
   * with them.
   */
  async function checkSigners({ plan, completed_at }: SuccessionRow, at: string): Promise<void> {
    if (completed_at !== null) return
    const successors = (JSON.parse(plan) as Plan).subsystems.map(({ to }) => to)
    if (successors.length === 0) return
    const rows = await tables
      .selectFrom('server_client')
      .select(['server', 'client'])
      .where('client', 'in', successors)
      .where('is_disabled', '=', 0)
      .orderBy('server')
      .execute()
    for (const { server, client } of rows) {
      const signers = await q.reportedSigners(server, Date.parse(at))
      const member = idText(memberOf(parseSubsystemId(client)))
      if (signers !== undefined && !signers.includes(member))
        throw new Fault('conflict', {
          what: `${server} reports no valid signing certificate of ${member}, which ${client} needs there: import one, or end that registration`,
        })
    }
  }

  return {
    /** What `begin` would do now, without changing anything. Throws as `begin`. */
    async plan(taking: Taking, decision: Decision): Promise<Plan> {
      try {
        await inTransaction(database.kysely, async (kysely) => {
          await lockRegister(kysely)
          const doing = { ...decision, notify: async () => undefined }
          throw new TakenBack(await begin(tablesOf<RegisterTables>({ kysely }), taking, doing))
        })
      } catch (thrown) {
        if (thrown instanceof TakenBack) return thrown.plan
        throw thrown
      }
      throw new Error('a transaction that throws cannot end well')
    },
    begin: (taking: Taking, decision: Decision) =>
      change(async (transaction) => {
        const plan = await begin(transaction, taking, { ...decision, notify: q.notify })
        const { id } = await transaction
          .insertInto('succession')
          .values({
            predecessor: idText(taking.predecessor),
            successor: idText(taking.successor),
            plan: JSON.stringify(plan),
            begun_at: decision.at,
            begun_by: decision.by,
            completed_at: null,
            completed_by: null,
          })
          .returning('id')
          .executeTakeFirstOrThrow()
        return { id: Number(id), ...plan }
      }),
    /**
     * Ends the client registrations of the old subsystems and the memberships of the old names in groups. The
     * old names stay in the register, because their earlier acts stay theirs. Throws `not_found`, and
     * `conflict` while contracts name an old name or a server of the successor cannot sign for it.
     */
    async complete(id: number, { by, at }: Decision) {
      // Reports come at any moment, so they need not be read within the change.
      await checkSigners(await rowOf(tables, id), at)
      return change(async (transaction) => {
        const row = await rowOf(transaction, id)
        if (row.completed_at !== null)
          throw new Fault('conflict', { what: say`the succession is completed already` })
        const { subsystems, groups } = JSON.parse(row.plan) as Plan
        for (const { from } of subsystems) {
          if ((await countOf(transaction, 'system_parameter', 'value', from)) > 0)
            throw new Fault('conflict', { what: say`${from} is still the provider of management services` })
          const live = await liveContractsOf(transaction, from)
          if (live > 0)
            throw new Fault('conflict', {
              what: say`${live} service contracts that are proposed or in force still name ${from}`,
            })
          await transaction.deleteFrom('server_client').where('client', '=', from).execute()
        }
        for (const { code, from } of groups)
          await transaction
            .deleteFrom('global_group_member')
            .where('group_code', '=', code)
            .where('client', '=', from)
            .execute()
        const completed = { completed_at: at, completed_by: by }
        await transaction.updateTable('succession').set(completed).where('id', '=', id).execute()
      })
    },
    find: (id: number) => rowOf(tables, id),
    /** The newest first. */
    list: ({ offset, limit }: Pick<Page, 'offset' | 'limit'>, filter: Filter) =>
      where(filter).selectAll().orderBy('id', 'desc').offset(offset).limit(limit).execute(),
    count: (filter: Filter) => counted(where(filter)),
  }
}

async function rowOf(kysely: Kysely<RegisterTables>, id: number): Promise<SuccessionRow> {
  const row = kysely.selectFrom('succession').selectAll().where('id', '=', id)
  return mustBe(`the succession ${id}`, await row.executeTakeFirst())
}
