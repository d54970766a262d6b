/** Rows of the system's parameters, member classes, members and subsystems. */
import type { Kysely } from 'kysely'
import { textContains } from '#platform/database/lists.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { OWNERS_GROUP } from '#schemas/global-configuration.ts'
import { type ClientId, idText, type MemberId, memberOf, type SubsystemId } from '#schemas/identifiers.ts'
import {
  type Change,
  contains,
  counted,
  countOf,
  mustBe,
  orderOf,
  type Page,
  type Tabled,
} from '../changes/store.ts'
import { liveContractsOf } from '../register/live-contracts-store.ts'
import { revokeRequests } from '../register/revoke-requests-store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { checkClassKnown, nextStanding } from './rules.ts'

/** The name of the system parameter that has the management service provider's id in its text form. */
export const MANAGEMENT_SERVICE_PROVIDER = 'managementServiceProvider'
export const MONITORING_CLIENT = 'monitoringClient'

export type MemberStore = ReturnType<typeof createMemberStore>

/** Selects members or subsystems: those that contain `q`, those of a member class. */
export type Filter = { q?: string | undefined; memberClass?: string | undefined }

const ORDERS = { id: 'id', name: 'name', createdAt: 'created_at' } as const

/** Within a change: throws `not_found` unless the member or subsystem is in the register. */
export async function mustBeRegistered(transaction: Kysely<RegisterTables>, client: ClientId): Promise<void> {
  const [table, noun] =
    client.subsystemCode === undefined
      ? (['member', 'member'] as const)
      : (['subsystem', 'subsystem'] as const)
  const id = idText(client)
  const exists = (await countOf(transaction, table, 'id', id)) > 0
  nextStanding(`the ${noun} ${id}`, 'refer', { exists })
}

export function createMemberStore(database: Tabled, change: Change) {
  const tables = tablesOf<RegisterTables>(database)

  const classesWhere = ({ q = '' }: Pick<Page, 'q'>) =>
    tables
      .selectFrom('member_class')
      .$if(q !== '', (query) =>
        query.where(({ or }) => or([textContains('code', q), textContains('description', q)])),
      )
  const membersWhere = ({ q = '', memberClass }: Filter) =>
    tables
      .selectFrom('member')
      .$if(q !== '', (query) => query.where(contains(q, { id: 'id', text: 'name' })))
      .$if(memberClass !== undefined, (query) => query.where('member_class', '=', memberClass!))

  return {
    async parameters(): Promise<Record<string, string>> {
      const rows = await tables.selectFrom('system_parameter').select(['name', 'value']).execute()
      return Object.fromEntries(rows.map(({ name, value }) => [name, value]))
    },
    /** Sets a parameter that can be set only once. Throws `conflict` the second time. */
    setOnce: (name: string, value: string) =>
      change(async (transaction) => {
        const exists = (await countOf(transaction, 'system_parameter', 'name', name)) > 0
        nextStanding(`the ${name}`, 'add', { exists })
        await transaction.insertInto('system_parameter').values({ name, value }).execute()
      }),
    /** Names a client for one of the roles that an instance gives once. */
    nameClient: (name: typeof MANAGEMENT_SERVICE_PROVIDER | typeof MONITORING_CLIENT, client: ClientId) =>
      change(async (transaction) => {
        await mustBeRegistered(transaction, client)
        const row = { name, value: idText(client) }
        await transaction
          .insertInto('system_parameter')
          .values(row)
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: row.value }))
          .execute()
      }),
    /** Without a monitoring client the owners of servers alone are told everything. */
    removeMonitoringClient: () =>
      change(async (transaction) => {
        const exists = (await countOf(transaction, 'system_parameter', 'name', MONITORING_CLIENT)) > 0
        nextStanding('the monitoring client', 'delete', { exists })
        await transaction.deleteFrom('system_parameter').where('name', '=', MONITORING_CLIENT).execute()
      }),
    classes: (page: Page) =>
      classesWhere(page)
        .select(['code', 'description'])
        .orderBy('code')
        .limit(page.limit)
        .offset(page.offset)
        .execute(),
    countClasses: (q: Pick<Page, 'q'>) => counted(classesWhere(q)),
    addClass: (code: string, description: string) =>
      change(async (transaction) => {
        const exists = (await countOf(transaction, 'member_class', 'code', code)) > 0
        nextStanding(`the member class ${code}`, 'add', { exists })
        await transaction.insertInto('member_class').values({ code, description }).execute()
      }),
    describeClass: (code: string, description: string) =>
      change(async (transaction) => {
        const exists = (await countOf(transaction, 'member_class', 'code', code)) > 0
        nextStanding(`the member class ${code}`, 'rename', { exists })
        await transaction.updateTable('member_class').set({ description }).where('code', '=', code).execute()
      }),
    deleteClass: (code: string) =>
      change(async (transaction) => {
        nextStanding(`the member class ${code}`, 'delete', {
          exists: (await countOf(transaction, 'member_class', 'code', code)) > 0,
          references: {
            members: await countOf(transaction, 'member', 'member_class', code),
            'automatic approvals': await countOf(transaction, 'automatic_approval', 'member_class', code),
          },
        })
        await transaction.deleteFrom('member_class').where('code', '=', code).execute()
      }),
    members({ sort = 'id', offset, limit, ...filter }: Page & Filter) {
      const { column, direction } = orderOf(sort, ORDERS)
      return membersWhere(filter)
        .select(['id', 'name', 'created_at'])
        .orderBy(column, direction)
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countMembers: (filter: Filter) => counted(membersWhere(filter)),
    /** Throws `not_found`. */
    async member(id: MemberId) {
      const rows = membersWhere({}).select(['id', 'name', 'created_at']).where('id', '=', idText(id))
      return mustBe(`the member ${idText(id)}`, await rows.executeTakeFirst())
    },
    addMember: (id: MemberId, name: string, at: string) =>
      change(async (transaction) => {
        const { memberClass } = id
        checkClassKnown({
          memberClass,
          isKnown: (await countOf(transaction, 'member_class', 'code', memberClass)) > 0,
        })
        const row = { id: idText(id), member_class: memberClass, name, created_at: at }
        const exists = (await countOf(transaction, 'member', 'id', row.id)) > 0
        nextStanding(`the member ${row.id}`, 'add', { exists })
        await transaction.insertInto('member').values(row).execute()
      }),
    renameMember: (id: MemberId, name: string) =>
      change(async (transaction) => {
        const key = idText(id)
        const exists = (await countOf(transaction, 'member', 'id', key)) > 0
        nextStanding(`the member ${key}`, 'rename', { exists })
        await transaction.updateTable('member').set({ name }).where('id', '=', key).execute()
      }),
    deleteMember: (id: MemberId, at: string) =>
      change(async (transaction) => {
        const key = idText(id)
        nextStanding(`the member ${key}`, 'delete', {
          exists: (await countOf(transaction, 'member', 'id', key)) > 0,
          references: {
            subsystems: await countOf(transaction, 'subsystem', 'member', key),
            'security servers': await countOf(transaction, 'security_server', 'owner', key),
            'server registrations': await countOf(transaction, 'server_client', 'client', key),
            // That it owns servers stands above; the registry keeps their group by itself.
            'group memberships': await counted(
              transaction
                .selectFrom('global_group_member')
                .where('client', '=', key)
                .where('group_code', '!=', OWNERS_GROUP.code),
            ),
            'system parameters': await countOf(transaction, 'system_parameter', 'value', key),
            successions: await counted(
              transaction
                .selectFrom('succession')
                .where(({ or, eb }) => or([eb('predecessor', '=', key), eb('successor', '=', key)])),
            ),
            'hosting mandates': await counted(
              transaction
                .selectFrom('hosting_mandate')
                .where(({ or, eb }) => or([eb('host', '=', key), eb('member', '=', key)]))
                .where('ended_at', 'is', null),
            ),
          },
        })
        for (const table of [
          ...(['member_webhook', 'member_mail_address'] as const),
          ...(['contact_address', 'contact_code', 'contact_letter'] as const),
        ])
          await transaction.deleteFrom(table).where('member', '=', key).execute()
        // Whoever gets this code later is somebody else.
        await revokeRequests(transaction, { member: key }, at)
        await transaction.deleteFrom('member').where('id', '=', key).execute()
      }),
    ...createSubsystemRows(tables, change),
  }
}

function createSubsystemRows(tables: Kysely<RegisterTables>, change: Change) {
  const subsystemsWhere = ({ q = '', memberClass }: Filter) =>
    tables
      .selectFrom('subsystem')
      .$if(q !== '', (query) => query.where(contains(q, { id: 'subsystem.id', text: 'subsystem.name' })))
      .$if(memberClass !== undefined, (query) =>
        query.where(
          ({ selectFrom }) =>
            selectFrom('member').select('member_class').whereRef('member.id', '=', 'subsystem.member'),
          '=',
          memberClass!,
        ),
      )

  return {
    /** Throws `not_found` when there is no such member. */
    async subsystems(member: MemberId, { q, sort = 'id', offset, limit }: Page) {
      await mustBeRegistered(tables, member)
      const { column, direction } = orderOf(sort, ORDERS)
      return subsystemsWhere({ q })
        .select(['id', 'name', 'created_at'])
        .where('member', '=', idText(member))
        .orderBy(column, direction)
        .orderBy('id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countSubsystemsOf: (member: MemberId, { q }: Filter) =>
      counted(subsystemsWhere({ q }).where('subsystem.member', '=', idText(member))),
    /** Subsystems of all members, with their members' names. */
    allSubsystems({ sort = 'id', offset, limit, ...filter }: Page & Filter) {
      const { column, direction } = orderOf(sort, ORDERS)
      return subsystemsWhere(filter)
        .innerJoin('member', 'member.id', 'subsystem.member')
        .select(['subsystem.id', 'subsystem.name', 'subsystem.created_at', 'member.name as member_name'])
        .orderBy(`subsystem.${column}`, direction)
        .orderBy('subsystem.id')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countSubsystems: (filter: Filter) => counted(subsystemsWhere(filter)),
    /** Throws `not_found`. */
    async subsystem(id: SubsystemId) {
      const rows = subsystemsWhere({})
        .innerJoin('member', 'member.id', 'subsystem.member')
        .select(['subsystem.id', 'subsystem.name', 'subsystem.created_at', 'member.name as member_name'])
        .where('subsystem.id', '=', idText(id))
      return mustBe(`the subsystem ${idText(id)}`, await rows.executeTakeFirst())
    },
    addSubsystem: (id: SubsystemId, name: string, at: string) =>
      change(async (transaction) => {
        await mustBeRegistered(transaction, memberOf(id))
        const row = { id: idText(id), member: idText(memberOf(id)), name, created_at: at }
        const exists = (await countOf(transaction, 'subsystem', 'id', row.id)) > 0
        nextStanding(`the subsystem ${row.id}`, 'add', { exists })
        await transaction.insertInto('subsystem').values(row).execute()
      }),
    renameSubsystem: (id: SubsystemId, name: string) =>
      change(async (transaction) => {
        const key = idText(id)
        const exists = (await countOf(transaction, 'subsystem', 'id', key)) > 0
        nextStanding(`the subsystem ${key}`, 'rename', { exists })
        await transaction.updateTable('subsystem').set({ name }).where('id', '=', key).execute()
      }),
    deleteSubsystem: (id: SubsystemId) =>
      change(async (transaction) => {
        const key = idText(id)
        nextStanding(`the subsystem ${key}`, 'delete', {
          exists: (await countOf(transaction, 'subsystem', 'id', key)) > 0,
          references: {
            'service contracts': await liveContractsOf(transaction, key),
            'server registrations': await countOf(transaction, 'server_client', 'client', key),
            'group memberships': await countOf(transaction, 'global_group_member', 'client', key),
            'system parameters': await countOf(transaction, 'system_parameter', 'value', key),
            'hosting mandates': await counted(
              transaction
                .selectFrom('hosting_mandate')
                .where('client', '=', key)
                .where('ended_at', 'is', null),
            ),
          },
        })
        await transaction.deleteFrom('subsystem').where('id', '=', key).execute()
      }),
  }
}
