/** Looks up names by id: by primary keys alone. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { ContractContent } from '#schemas/contract.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type NameStore = ReturnType<typeof createNameStore>

export function createNameStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)
  return {
    /** Ids are in their text form. */
    members: (ids: string[]) =>
      ids.length === 0
        ? Promise.resolve([])
        : tables.selectFrom('member').select(['id', 'name']).where('id', 'in', ids).execute(),
    subsystems: (ids: string[]) =>
      ids.length === 0
        ? Promise.resolve([])
        : tables
            .selectFrom('subsystem')
            .innerJoin('member', 'member.id', 'subsystem.member')
            .select(['subsystem.id', 'subsystem.name', 'member.name as member_name'])
            .where('subsystem.id', 'in', ids)
            .execute(),
    /** The newest version of each of these contracts. */
    async contracts(ids: string[]): Promise<{ contract: string; content: ContractContent }[]> {
      if (ids.length === 0) return []
      const newest = tables
        .selectFrom('contract_version as newer')
        .select(({ fn }) => ['newer.contract', fn.max('newer.version').as('version')])
        .where('newer.contract', 'in', ids)
        .groupBy('newer.contract')
      const rows = await tables
        .selectFrom('contract_version')
        .select(['contract', 'content'])
        .where('contract', 'in', ids)
        .where(({ eb, refTuple }) =>
          eb(refTuple('contract', 'version'), 'in', newest.$asTuple('contract', 'version')),
        )
        .execute()
      return rows.map(({ contract, content }) => ({
        contract,
        content: JSON.parse(content) as ContractContent,
      }))
    },
  }
}
