/**
 * Deletes what features counted or noticed about a server when the server is removed, and ends what waits
 * about it.
 */
import type { Kysely } from 'kysely'
import { tablesOf } from '#platform/database/open-database.ts'
import { revokeRequests } from './revoke-requests-store.ts'
import type { RegisterTables } from './tables.ts'

/**
 * Tables whose rows belong to one server. They are also deleted when its id changes: under the new id the
 * server reports anew.
 */
const TABLES = ['fleet_server', 'fleet_trouble', 'fleet_certificate', 'call_day', 'call_count'] as const

/** Call this within the transaction in which the server leaves the register or gets another id. */
export async function forgetServer(
  transaction: Kysely<RegisterTables>,
  server: string,
  at: string,
): Promise<void> {
  const tables = tablesOf<Record<(typeof TABLES)[number], { server: string }>>({ kysely: transaction })
  for (const table of TABLES) await tables.deleteFrom(table).where('server', '=', server).execute()
  await revokeRequests(transaction, { server }, at)
}
