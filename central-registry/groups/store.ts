/** Rows of global groups and who belongs to them. */
import { tablesOf } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { type ClientId, idText } from '#schemas/identifiers.ts'
import { checkUnused } from '../members/rules.ts'
import { mustBeRegistered } from '../members/store.ts'
import type { Tables } from '../migrations/tables.ts'
import { type Change, contains, countOf, mustHaveMet, type Page, refuseTwin, type Tabled } from '../store.ts'

export type GroupStore = ReturnType<typeof createGroupStore>

export function createGroupStore(database: Tabled, change: Change) {
  const tables = tablesOf<Tables>(database)

  return {
    groups: ({ q = '', offset, limit }: Page) =>
      tables
        .selectFrom('global_group')
        .select(['code', 'description'])
        .$if(q !== '', (query) => query.where(contains(q, { id: 'code', text: 'description' })))
        .orderBy('code')
        .offset(offset)
        .limit(limit)
        .execute(),
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
        const insert = transaction.insertInto('global_group').values({ code, description })
        await refuseTwin(`the global group ${code}`, insert.execute())
      }),
    deleteGroup: (code: string) =>
      change(async (transaction) => {
        const members = await countOf(transaction, 'global_group_member', 'group_code', code)
        checkUnused(`the global group ${code}`, { members })
        const gone = await transaction.deleteFrom('global_group').where('code', '=', code).executeTakeFirst()
        mustHaveMet(`the global group ${code}`, gone.numDeletedRows)
      }),
    addGroupMember: (code: string, client: ClientId) =>
      change(async (transaction) => {
        if ((await countOf(transaction, 'global_group', 'code', code)) === 0)
          throw new Fault('not_found', { what: `the global group ${code}` })
        await mustBeRegistered(transaction, client)
        const row = { group_code: code, client: idText(client) }
        const insert = transaction.insertInto('global_group_member').values(row)
        await refuseTwin('the group membership', insert.execute())
      }),
    deleteGroupMember: (code: string, client: ClientId) =>
      change(async (transaction) => {
        const gone = await transaction
          .deleteFrom('global_group_member')
          .where('group_code', '=', code)
          .where('client', '=', idText(client))
          .executeTakeFirst()
        mustHaveMet('the group membership', gone.numDeletedRows)
      }),
  }
}
