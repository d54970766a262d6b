/** The table of proposals, which wait for a second person. */
import type { Migration } from 'kysely/migration'
import { createProposalTable } from '#platform/proposals/store.ts'

export const proposalMigrations: Record<string, Migration> = {
  'registry-people-002': { up: createProposalTable },
}
