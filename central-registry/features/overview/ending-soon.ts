/** What ends within 30 days in the instance, the soonest first, and what administrators did in the last 24 hours, by hour. */

import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { OverviewStore } from './store.ts'

const WITHIN_DAYS = 30
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Of each kind. */
const LISTED = 50
/** Acts that are counted at once: of a day with more, the newest. */
const MOST_ACTS = 5000
const REFUSED = 'loginRefused'
/** Who may read the list of API keys. */
const KEY_READER = 'XROAD_SYSTEM_ADMINISTRATOR'

type Ending = {
  kind: 'AUTHENTICATION' | 'CONTRACT' | 'HOSTING_MANDATE' | 'API_KEY'
  name: string
  of: string
  endsAt: string
}

export function endingHandlers(q: {
  store: OverviewStore
  apiKeys: Pick<ApiKeys, 'ending'>
  audit: Pick<AuditLog, 'newest'>
  clock: Clock
}): Record<string, OperationHandler> {
  const { store } = q
  return {
    getEndingSoon: async ({ caller }) => {
      const [after, before] = [q.clock(), q.clock() + WITHIN_DAYS * DAY_MS].map((ms) =>
        new Date(ms).toISOString(),
      )
      const times = { after: after!, before: before!, limit: LISTED }
      const keys = caller.roles.includes(KEY_READER) ? await q.apiKeys.ending(times) : []
      const found: Ending[] = [
        ...(await store.expiring(times.before, LISTED)).map(({ sha256, server, not_after }) => ({
          ...{ kind: 'AUTHENTICATION' as const, name: sha256, of: colonForm(server), endsAt: not_after },
        })),
        ...(await store.endingContracts(times)).map(({ contract, title, valid_until }) => ({
          ...{ kind: 'CONTRACT' as const, name: title, of: contract, endsAt: valid_until },
        })),
        ...(await store.endingMandates(times)).map(({ host, client, valid_until }) => ({
          ...{ kind: 'HOSTING_MANDATE' as const, name: colonForm(client), of: colonForm(host) },
          endsAt: valid_until,
        })),
        ...keys.map(({ id, name, expiresAt }) => ({
          kind: 'API_KEY' as const,
          name,
          of: id,
          endsAt: expiresAt!,
        })),
      ]
      const soonest = found.toSorted((a, b) => (a.endsAt < b.endsAt ? -1 : 1)).slice(0, LISTED)
      return { withinDays: WITHIN_DAYS, soonest }
    },

    getLastDay: async () => {
      const end = Math.ceil(q.clock() / HOUR_MS) * HOUR_MS
      const hours = Array.from({ length: 24 }, (_, at) => new Date(end - (24 - at) * HOUR_MS).toISOString())
      const acts = await q.audit.newest(MOST_ACTS)
      const counted = new Map<string, { acts: number; refused: number }>()
      for (const { at, operation } of acts) {
        const hour = at.slice(0, 13)
        const before = counted.get(hour) ?? { acts: 0, refused: 0 }
        const refused = operation === REFUSED ? 1 : 0
        counted.set(hour, { acts: before.acts + 1, refused: before.refused + refused })
      }
      return {
        hours: hours.map((at) => ({ at, ...(counted.get(at.slice(0, 13)) ?? { acts: 0, refused: 0 }) })),
        isWhole: acts.length < MOST_ACTS || acts.at(-1)!.at < hours[0]!,
      }
    },
  }
}
