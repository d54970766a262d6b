/**
 * Runs inside a restore: revokes the access of everybody who must not come back with the rows, and records
 * the decisions.
 */
import type { Kysely } from 'kysely'
import type { ApiKeyTables } from '#platform/api-keys/store.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { tablesIn } from '#platform/database/dialect-dump.ts'
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { PeopleTables } from '#platform/people/tables.ts'
import type { ProposalTables } from '#platform/proposals/store.ts'
import type { SessionTables } from '#platform/sessions/store.ts'
import { RESTORED, type RestoreRecord } from './restore-record.ts'

type Access = PeopleTables & ApiKeyTables & SessionTables & ProposalTables

/** `transaction` is the one that restores the rows, so both happen or neither does. */
export async function applyAccess(
  transaction: Kysely<unknown>,
  record: RestoreRecord,
  now: number,
): Promise<void> {
  const tables = tablesOf<Access>({ kysely: transaction })
  // A backup of an older version may lack the tables of people, sessions and proposals.
  const present = new Set((await tablesIn(transaction)).map(({ name }) => name))
  await tables
    .updateTable('api_key')
    .set({ revoked_at: new Date(now).toISOString() })
    .where('revoked_at', 'is', null)
    .execute()
  if (present.has('session')) await tables.deleteFrom('session').execute()
  if (present.has('person')) {
    const others = (state: 'active' | 'invited') => {
      const update = tables.updateTable('person').where('state', '=', state)
      return record.letIn.length === 0 ? update : update.where('id', 'not in', record.letIn)
    }
    await others('active').set({ state: 'locked' }).execute()
    await others('invited').set({ state: 'removed' }).execute()
  }
  // What was declined, withdrawn or carried out after the backup would wait for a second person again.
  if (present.has('proposal'))
    await tables.updateTable('proposal').set({ state: 'expired' }).where('state', '=', 'proposed').execute()
  const database = { kysely: transaction } as Database
  await createAuditLog({ database, clock: () => now }).before(
    {
      ...{ caller: { id: '', name: 'operator' }, operation: RESTORED, target: '/api/v1/restoration' },
      data: record,
    },
    transaction,
  )
}
