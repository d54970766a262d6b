/**
 * Looks up what refers to a member or subsystem: servers that it owns, servers where it is registered, groups
 * it belongs to.
 */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { type ClientId, idText, type MemberId } from '#schemas/identifiers.ts'
import type { RegisterTables } from '../register/tables.ts'

export type RelationStore = ReturnType<typeof createRelationStore>

// A page shows these lists in full. The paged lists of the API have all entries of a member with more than
// this.
const MOST = 500

export function createRelationStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    async ownedServers(member: MemberId): Promise<string[]> {
      const rows = tables.selectFrom('security_server').select('id').where('owner', '=', idText(member))
      return (await rows.orderBy('id').limit(MOST).execute()).map(({ id }) => id)
    },
    async registeredAt(client: ClientId): Promise<string[]> {
      const rows = tables.selectFrom('server_client').select('server').where('client', '=', idText(client))
      return (await rows.orderBy('server').limit(MOST).execute()).map(({ server }) => server)
    },
    /** The members that this member succeeded, and those that succeeded it. */
    async successionsOf(member: MemberId): Promise<{ succeeds: string[]; succeededBy: string[] }> {
      const id = idText(member)
      const rows = await tables
        .selectFrom('succession')
        .select(['predecessor', 'successor'])
        .distinct()
        .where(({ or, eb }) => or([eb('predecessor', '=', id), eb('successor', '=', id)]))
        .limit(MOST)
        .execute()
      return {
        succeeds: rows.flatMap((row) => (row.successor === id ? [row.predecessor] : [])).sort(),
        succeededBy: rows.flatMap((row) => (row.predecessor === id ? [row.successor] : [])).sort(),
      }
    },
    groupsOf: (client: ClientId) =>
      tables
        .selectFrom('global_group_member')
        .innerJoin('global_group', 'global_group.code', 'global_group_member.group_code')
        .select(['global_group.code', 'global_group.description'])
        .where('global_group_member.client', '=', idText(client))
        .orderBy('global_group.code')
        .limit(MOST)
        .execute(),
  }
}
