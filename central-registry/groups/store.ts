/** Rows of global groups and their members. */
import { type Kysely, sql } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import {
  type Change,
  contains,
  counted,
  countOf,
  mustBe,
  orderOf,
  type Page,
  type Tabled,
  textContains,
} from '../changes/store.ts'
import { nextStanding } from '../members/rules.ts'
import { mustBeRegistered } from '../members/store.ts'
import { liveContractsFor } from '../register/live-contracts-store.ts'
import type { RegisterTables } from '../register/tables.ts'
import { checkByHand, checkJoining, checkLeaving } from './rules.ts'

export type GroupStore = ReturnType<typeof createGroupStore>

type Search = Pick<Page, 'q'>

const ORDERS = { code: 'code', description: 'description' } as const

export function createGroupStore(database: Tabled, change: Change) {
  const tables = tablesOf<RegisterTables>(database)

  const groupsWhere = ({ q = '' }: Search) =>
    tables
      .selectFrom('global_group')
      // A code is stored as it is read, unlike an identifier.
      .$if(q !== '', (query) =>
        query.where(({ or }) => or([textContains('code', q), textContains('description', q)])),
      )
  // A client is a member or a subsystem, so only one of the two joins finds a name.
  const groupMembersWhere = (code: string, { q = '' }: Search) =>
    tables
      .selectFrom('global_group_member')
      .leftJoin('member', 'member.id', 'global_group_member.client')
      .leftJoin('subsystem', 'subsystem.id', 'global_group_member.client')
      .where('global_group_member.group_code', '=', code)
      .$if(q !== '', (query) =>
        query.where(({ or }) =>
          or([
            contains(q, { id: 'global_group_member.client', text: 'member.name' }),
            contains(q, { id: 'global_group_member.client', text: 'subsystem.name' }),
          ]),
        ),
      )

  return {
    groups({ sort = 'code', offset, limit, ...search }: Page) {
      const { column, direction } = orderOf(sort, ORDERS)
      return groupsWhere(search)
        .select(['code', 'description'])
        .orderBy(column, direction)
        .orderBy('code')
        .offset(offset)
        .limit(limit)
        .execute()
    },
    countGroups: (search: Search) => counted(groupsWhere(search)),
    /** Throws `not_found`. */
    async group(code: string) {
      const rows = groupsWhere({}).select(['code', 'description']).where('code', '=', code)
      return mustBe(`the global group ${code}`, await rows.executeTakeFirst())
    },
    groupMembers: (code: string, { offset, limit, ...search }: Page) =>
      groupMembersWhere(code, search)
        .select([
          'global_group_member.client',
          sql<string>`coalesce(subsystem.name, member.name, '')`.as('name'),
        ])
        .orderBy('global_group_member.client')
        .offset(offset)
        .limit(limit)
        .execute(),
    countGroupMembers: (code: string, search: Search) => counted(groupMembersWhere(code, search)),
    async membersOf(codes: string[]) {
      if (codes.length === 0) return []
      return tables
        .selectFrom('global_group_member')
        .select(['group_code', 'client'])
        .where('group_code', 'in', codes)
        .orderBy('client')
        .execute()
    },
    addGroup: (code: string, description: string) =>
      change(async (transaction) => {
        const exists = (await countOf(transaction, 'global_group', 'code', code)) > 0
        nextStanding(`the global group ${code}`, 'add', { exists })
        await transaction.insertInto('global_group').values({ code, description }).execute()
      }),
    /**
     * Throws `conflict` for the group that the registry keeps: its description is the same in every instance.
     */
    describeGroup: (code: string, description: string) =>
      change(async (transaction) => {
        checkByHand(code)
        const exists = (await countOf(transaction, 'global_group', 'code', code)) > 0
        nextStanding(`the global group ${code}`, 'rename', { exists })
        await transaction.updateTable('global_group').set({ description }).where('code', '=', code).execute()
      }),
    deleteGroup: (code: string) =>
      change(async (transaction) => {
        checkByHand(code)
        nextStanding(`the global group ${code}`, 'delete', {
          exists: (await countOf(transaction, 'global_group', 'code', code)) > 0,
          references: {
            members: await countOf(transaction, 'global_group_member', 'group_code', code),
            'service contracts': await liveContractsFor(transaction, code),
          },
        })
        await transaction.deleteFrom('global_group').where('code', '=', code).execute()
      }),
    addGroupMember: (code: string, client: ClientId) =>
      change(async (transaction) => {
        checkByHand(code)
        const exists = (await countOf(transaction, 'global_group', 'code', code)) > 0
        nextStanding(`the global group ${code}`, 'refer', { exists })
        await mustBeRegistered(transaction, client)
        checkJoining(await membershipIn(transaction, code, client))
        const row = { group_code: code, client: idText(client) }
        await transaction.insertInto('global_group_member').values(row).execute()
      }),
    deleteGroupMember: (code: string, client: ClientId) =>
      change(async (transaction) => {
        checkByHand(code)
        checkLeaving(await membershipIn(transaction, code, client))
        await transaction
          .deleteFrom('global_group_member')
          .where('group_code', '=', code)
          .where('client', '=', idText(client))
          .execute()
      }),
  }
}

async function membershipIn(transaction: Kysely<RegisterTables>, group: string, client: ClientId) {
  const rows = transaction.selectFrom('global_group_member').where('group_code', '=', group)
  const found = await counted(rows.where('client', '=', idText(client)))
  return { group, client: idText(client), isMember: found > 0 }
}
