/** What ends within 30 days in the instance, the soonest first. */

import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { Clock } from '#platform/clock.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { OverviewStore } from './store.ts'

const WITHIN_DAYS = 30
const DAY_MS = 86_400_000
/** Of each kind. */
const LISTED = 50
/** Who may read the list of API keys. */
const KEY_READER = 'XROAD_SYSTEM_ADMINISTRATOR'

type Ending = {
  kind: 'AUTHENTICATION' | 'CONTRACT' | 'HOSTING_MANDATE' | 'API_KEY'
  name: string
  of: string
  endsAt: Time
}

export function endingHandlers(q: {
  store: OverviewStore
  apiKeys: Pick<ApiKeys, 'ending'>
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
  }
}
