/** Handler of the operation that opens a console: counts, and what wants attention. */
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { encodedServer } from '../servers/rules.ts'
import type { ServerStore } from '../servers/store.ts'
import type { SuspensionStore } from '../suspensions/store.ts'
import type { OverviewStore } from './store.ts'

const SOON_DAYS = 30
const LISTED = 100
const WEEKS = 12
const WEEK_MS = 7 * 86_400_000

export function overviewHandlers(q: {
  store: OverviewStore
  servers: Pick<ServerStore, 'countServers'>
  suspensions: Pick<SuspensionStore, 'count'>
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
    getOverview: async () => {
      const now = new Date(q.clock()).toISOString()
      const soon = new Date(q.clock() + SOON_DAYS * 86_400_000).toISOString()
      const { member, subsystem, security_server, global_group } = await store.counts()
      const expiring = await store.expiring(soon, LISTED)
      return {
        now,
        counts: {
          members: member,
          subsystems: subsystem,
          securityServers: security_server,
          globalGroups: global_group,
        },
        suspensions: {
          inForce: await q.suspensions.count(['unconfirmed', 'confirmed']),
          unconfirmed: await q.suspensions.count(['unconfirmed']),
        },
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
