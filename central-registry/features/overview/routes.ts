/** Handler of the operation that opens a console: counts, and what wants attention. */

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
    /** Critical ones that are in force after their end. */
    overdue(now: string): Promise<number>
  }
  contacts: Pick<ContactStore, 'asks' | 'unconfirmed'>
  /** What people have to decide: proposals that this caller may, and requests that all parties have signed. */
  waiting(caller: Caller): Promise<{ proposals: number; requests: number }>
  /** `done` is absent where no login is configured, so that there is no ceremony. */
  installation(now: string): Promise<{ done?: boolean; reopenedUntil?: string | undefined }>
  /** Messages to members that were refused or given up. */
  undelivered(): Promise<number>
  /** Imports that were read and not carried out. */
  openImports(): Promise<number>
  backups(): Promise<object>
  isRestored(): Promise<boolean>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q

  /** How many certificates end in each of the next weeks. */
  async function weeks(): Promise<object[]> {
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
          // Where the registry can ask nobody, nothing waits.
          unconfirmedContacts: q.contacts.asks ? await q.contacts.unconfirmed(now) : 0,
        },
        mail: { undelivered: await q.undelivered() },
        imports: { open: await q.openImports(), proposed: await store.undecided('carryOutImport', now) },
        backups: await q.backups(),
        isRestored: await q.isRestored(),
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
