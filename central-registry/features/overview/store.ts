/** Counts for an overview, and the authentication certificates that expire soon, the soonest first. */
import { type Database, tablesOf } from '#platform/database/open-database.ts'
import type { Whole } from '#schemas/sent-values.ts'
import { counted } from '../../changes/store.ts'
import type { RegisterTables } from '../../register/tables.ts'

export type OverviewStore = ReturnType<typeof createOverviewStore>

const COUNTED = ['member', 'subsystem', 'security_server', 'global_group'] as const

export function createOverviewStore(database: Database) {
  const tables = tablesOf<RegisterTables>(database)

  return {
    async counts(): Promise<Record<(typeof COUNTED)[number], number>> {
      const found = COUNTED.map(async (table) => [table, await counted(tables.selectFrom(table))] as const)
      return Object.fromEntries(await Promise.all(found)) as Record<(typeof COUNTED)[number], number>
    },
    /** The number of open proposals of an operation. */
    undecided: (operation: string, now: string): Promise<Whole> =>
      counted(
        tables
          .selectFrom('proposal')
          .where('operation', '=', operation)
          .where('state', '=', 'proposed')
          .where('expires_at', '>', now),
      ),
    /** Proposals that were approved since then and could not be carried out, the newest first. */
    failedProposals: (q: { from: string; limit: number }) =>
      tables
        .selectFrom('proposal')
        .select(['id', 'operation', 'failure', 'decided_at'])
        .where('state', '=', 'failed')
        .where('decided_at', '>=', q.from)
        .orderBy('decided_at', 'desc')
        .limit(q.limit)
        .execute(),
    expiring: (before: string, limit: number) =>
      tables
        .selectFrom('authentication_certificate')
        .select(['sha256', 'server', 'not_after'])
        .where('not_after', '<', before)
        .orderBy('not_after')
        .limit(limit)
        .execute(),
    /** Contracts in force that end before this time, the soonest first. */
    endingContracts: (q: { before: string; limit: number }) =>
      tables
        .selectFrom('contract_version')
        .select(['contract', 'title', 'valid_until'])
        .where('state', 'in', ['ACTIVE', 'SUSPENDED'])
        .where('valid_until', '<', q.before)
        .orderBy('valid_until')
        .limit(q.limit)
        .execute(),
    endingMandates: (q: { after: string; before: string; limit: number }) =>
      tables
        .selectFrom('hosting_mandate')
        .select(['host', 'client', 'valid_until'])
        .where('ended_at', 'is', null)
        .where('valid_until', '>=', q.after)
        .where('valid_until', '<', q.before)
        .orderBy('valid_until')
        .limit(q.limit)
        .execute(),
    countExpiring: (before: string, from = '') =>
      counted(
        tables
          .selectFrom('authentication_certificate')
          .where('not_after', '<', before)
          .where('not_after', '>=', from),
      ),
  }
}
