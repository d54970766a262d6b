/**
 * Runs inside a restore: ends exports of the log that were being made. No backup has what was found so far,
 * so they could not go on, and would take the places of others until their week is over.
 */
import type { Kysely } from 'kysely'
import { tablesIn } from '#platform/database/dialect-dump.ts'
import { tablesOf } from '#platform/database/open-database.ts'

type Tables = { record_export: { state: string; error: string | null; ended_at: string | null } }

export async function endExports(transaction: Kysely<unknown>, now: number): Promise<void> {
  // A backup of an older version may lack the table.
  if (!(await tablesIn(transaction)).some(({ name }) => name === 'record_export')) return
  const error = 'The server was restored from a backup, which has no files of exports: order it again.'
  await tablesOf<Tables>({ kysely: transaction })
    .updateTable('record_export')
    .set({ state: 'failed', error, ended_at: new Date(now).toISOString() })
    .where('state', 'in', ['waiting', 'running'])
    .execute()
}
