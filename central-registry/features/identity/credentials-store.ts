/**
 * Reads what credentials state: a member that is not suspended, the version of a contract that is in force
 * and no secret.
 */
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
    /**
     * `event` is the number of the act by which the version came into force; at `until` it ends, or the next
     * one begins.
     */
    async contract(id: string, now: string) {
      const active = tables
        .selectFrom('contract_version')
        .where('contract', '=', id)
        .where('state', '=', 'ACTIVE')
      const row = await active
        .select(['version', 'hash', 'content', 'valid_until'])
        .where('valid_from', '<=', now)
        .where('valid_until', '>', now)
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (row === undefined) return undefined
      if (contentOf(row).secret !== undefined || (await isSuspendedIn(tables, 'contract', id)))
        return undefined
      const next = await active
        .select(({ fn }) => fn.min('valid_from').as('at'))
        .where('valid_from', '>', now)
        .executeTakeFirst()
      const until = [row.valid_until, ...(next?.at == null ? [] : [next.at])].sort()[0]!
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
      return { version, hash: row.hash, until, event: act === undefined ? undefined : Number(act.id) }
    },
  }
}
