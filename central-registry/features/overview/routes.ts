/** Handler of the operation for the first page of the console: counts, and what needs attention. */

import type { BackupSummary } from '#platform/backups/routes.ts'
import type { Clock } from '#platform/clock.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { ContractState } from '#schemas/contract.ts'
import type { ContactStore } from '../../members/contacts/store.ts'
import { encodedServer } from '../../members/rules.ts'
import type { SuspensionRow } from '../../register/tables.ts'
import type { ServerStore } from '../../servers/store.ts'
import type { OverviewStore } from './store.ts'

const SOON_DAYS = 30
const LISTED = 100
const WEEKS = 12
const WEEK_MS = 7 * 86_400_000

export function overviewHandlers(q: {
  store: OverviewStore
  servers: Pick<ServerStore, 'countServers'>
  suspensions: { count(q: { states: SuspensionRow['state'][] }): Promise<number> }
  contracts: {
    count(q: { state?: ContractState; endsBefore?: string }): Promise<number>
    /** The number of critical contracts in force after their end. */
    overdue(now: string): Promise<number>
  }
  contacts: Pick<ContactStore, 'asks' | 'unconfirmed'>
  /** The number of proposals that this caller may decide, and of requests that all parties have signed. */
  waiting(caller: Caller): Promise<{ proposals: number; requests: number }>
  /** `done` is absent when no login is configured, because then there is no ceremony. */
  installation(now: string): Promise<{ done?: boolean; reopenedUntil?: string | undefined }>
  /** The number of e-mails to members that were rejected or given up. */
  undelivered(): Promise<number>
  /** The number of imports that were read but not carried out. */
  openImports(): Promise<number>
  backups(): Promise<BackupSummary>
  isRestored(): Promise<boolean>
  /** The number of kept proofs that a message log was written anew. */
  forks(): Promise<number>
  /** Whether this registry cosigns message logs. */
  isWitness: boolean
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q

  /** The number of certificates that expire in each of the next weeks. */
  async function weeks() {
    const starts = Array.from({ length: WEEKS }, (_, at) => q.clock() + at * WEEK_MS)
    return Promise.all(
      starts.map(async (start) => {
        const [from, until] = [start, start + WEEK_MS].map((time) => new Date(time).toISOString())
        return { from, certificates: await store.countExpiring(until!, from) }
      }),
    )
  }

  return {
    getOverview: async ({ caller }) => {
      const now = new Date(q.clock()).toISOString()
      const soon = new Date(q.clock() + SOON_DAYS * 86_400_000).toISOString()
      const { member, subsystem, security_server, global_group } = await store.counts()
      const expiring = await store.expiring(soon, LISTED)
      return {
        now,
        waiting: await q.waiting(caller),
        installation: await q.installation(now),
        counts: {
          members: member,
          subsystems: subsystem,
          securityServers: security_server,
          globalGroups: global_group,
        },
        suspensions: {
          inForce: await q.suspensions.count({ states: ['unconfirmed', 'confirmed'] }),
          unconfirmed: await q.suspensions.count({ states: ['unconfirmed'] }),
        },
        contracts: {
          toApprove: await q.contracts.count({ state: 'ACCEPTED' }),
          withinDays: SOON_DAYS,
          ending: await q.contracts.count({ endsBefore: soon }),
          overdue: await q.contracts.overdue(now),
          // Without a mail server the registry cannot ask for confirmations, so none are missing.
          unconfirmedContacts: q.contacts.asks ? await q.contacts.unconfirmed(now) : 0,
        },
        mail: { undelivered: await q.undelivered() },
        imports: { open: await q.openImports(), proposed: await store.undecided('carryOutImport', now) },
        backups: await q.backups(),
        isRestored: await q.isRestored(),
        forkedLogs: { isWitness: q.isWitness, proofs: await q.forks() },
        serversWithoutCertificate: await q.servers.countServers({ withoutAt: now }),
        expiringCertificates: {
          withinDays: SOON_DAYS,
          total: await store.countExpiring(soon),
          weeks: await weeks(),
          soonest: expiring.map(({ sha256, server, not_after }) => ({
            sha256,
            server: encodedServer(server),
            notAfter: not_after,
          })),
        },
      }
    },
  }
}
