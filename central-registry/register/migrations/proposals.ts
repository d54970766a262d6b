/** The table of proposals, which wait for a second person. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'

export const proposalMigrations: Record<string, Migration> = {
  'registry-people-002': { up: createProposals },
}

async function createProposals(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  const required = ['operation', 'target', 'content', 'sha256', 'reason', 'proposer_kind', 'proposer_id']
  const later = [
    'proposer_maker',
    'decider_id',
    'decider_name',
    'decided_at',
    'decision_reason',
    'finished_at',
  ]
  let table = kysely.schema
    .createTable('proposal')
    .addColumn('id', type.text, (column) => column.primaryKey())
  for (const name of [...required, 'proposer_name', 'proposed_at', 'expires_at', 'state'])
    table = table.addColumn(name, type.text, (column) => column.notNull())
  for (const name of [...later, 'result', 'failure']) table = table.addColumn(name, type.text)
  await table.execute()
  // Waiting proposals are searched for all the time, while decided ones accumulate.
  const index = (name: string) => kysely.schema.createIndex(`proposal_${name}`).on('proposal')
  await index('state').columns(['state', 'proposed_at']).execute()
  await index('proposer').columns(['proposer_id', 'proposed_at']).execute()
  await index('proposed_at').column('proposed_at').execute()
}
