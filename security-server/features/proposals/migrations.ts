/** The table of acts that wait for a second person. */
import type { Migration } from 'kysely/migration'
import { createProposalTable } from '#platform/proposals/store.ts'

export const proposalMigrations: Record<string, Migration> = {
  'security-server-proposals-001': { up: createProposalTable },
}
