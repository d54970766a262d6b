/** Reads what credentials state: a member that is not suspended, the version of a contract that is in force and no secret. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import { idText, parseMemberId } from '#schemas/identifiers.ts'
import { contentOf } from '../../contract-versions/rows-store.ts'
import { isSuspendedIn } from '../../register/suspended-store.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type CredentialStore = ReturnType<typeof createCredentialStore>

export function createCredentialStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    async member(memberClass: string, memberCode: string) {
      const parameter = tables.selectFrom('system_parameter').select('value').where('name', '=', 'instance')
      const instance = (await parameter.executeTakeFirst())?.value
      if (instance === undefined) return undefined
      const id = idText(parseMemberId(idText({ instance, memberClass, memberCode })))
      const row = await tables.selectFrom('member').select('name').where('id', '=', id).executeTakeFirst()
      if (row === undefined || (await isSuspendedIn(tables, 'member', id))) return undefined
      return { id, instance, name: row.name }
    },
    /** `event` is the number of the act by which the version came into force. */
    async contract(id: string, now: string) {
      const row = await tables
        .selectFrom('contract_version')
        .select(['version', 'hash', 'content', 'valid_from', 'valid_until'])
        .where('contract', '=', id)
        .where('state', '=', 'ACTIVE')
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined || row.valid_from > now || row.valid_until <= now) return undefined
      if (contentOf(row).secret !== undefined || (await isSuspendedIn(tables, 'contract', id)))
        return undefined
      const version = Number(row.version)
      const act = await tables
        .selectFrom('contract_event')
        .select('id')
        .where('contract', '=', id)
        .where('version', '=', version)
        .where('act', 'in', ['complete', 'approve'])
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return { version, hash: row.hash, event: act === undefined ? undefined : Number(act.id) }
    },
  }
}
