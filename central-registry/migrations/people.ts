/** The registry's tables of people, the installation ceremony and proposals. */
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from '#platform/database/dialect.ts'
import { createPersonTable } from '#platform/people/tables.ts'

export const peopleMigrations: Record<string, Migration> = {
  'registry-people-001': {
    up: async (kysely) => {
      await createPersonTable(kysely)
      await createInstallation(kysely)
    },
  },
  'registry-people-002': { up: createProposals },
  'registry-people-003': {
    up: async (kysely) => {
      // Codes of the first two never end by time: the rows are null.
      await kysely.schema
        .alterTable('installation_code')
        .addColumn('expires_at', columnTypes(kysely).text)
        .execute()
    },
  },
}

async function createInstallation(kysely: Kysely<unknown>): Promise<void> {
  const type = columnTypes(kysely)
  await kysely.schema
    .createTable('installation_code')
    .addColumn('number', type.integer, (column) => column.primaryKey())
    .addColumn('digest', type.blob, (column) => column.notNull())
    .addColumn('tries', type.integer, (column) => column.notNull())
    .addColumn('redeemed_by', type.text, (column) => column.references('person.id'))
    .addColumn('redeemed_at', type.text)
    .execute()
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
  // What waits is looked for all the time; what is decided only grows.
  const index = (name: string) => kysely.schema.createIndex(`proposal_${name}`).on('proposal')
  await index('state').columns(['state', 'proposed_at']).execute()
  await index('proposer').columns(['proposer_id', 'proposed_at']).execute()
  await index('proposed_at').column('proposed_at').execute()
}
