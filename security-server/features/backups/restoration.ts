/** The latest restore of this server, and the current state of the people whom it concerned. */

import type { Handlers } from '#platform/http-service/openapi.ts'
import type { Needs } from './needs.ts'
import { RESTORED, type RestoreRecord } from './restore-record.ts'

/** The page shows no more people than this; the list of people shows all. */
const MOST_PEOPLE = 200

export function restorationHandlers({ audit, people }: Pick<Needs, 'audit' | 'people'>): Handlers {
  return {
    async getRestoration() {
      const [newest] = await audit.list({ operations: [RESTORED], limit: 1 })
      if (newest === undefined) return { state: 'none' }
      const { letIn, locked, removed, endedApiKeys, ...record } = newest.data as RestoreRecord
      const outcomes = Object.entries({ letIn, locked, removed }).flatMap(([outcome, ids]) =>
        ids.map((id) => ({ id, outcome })),
      )
      const found = await Promise.all(
        outcomes.slice(0, MOST_PEOPLE).map(async ({ id, outcome }) => {
          const person = await people.find(id)
          if (person === undefined) return []
          const { name, roles, state, lastLoginAt } = person
          return [{ id, outcome, name, roles, state, lastLoginAt }]
        }),
      )
      return {
        ...{ state: 'restored', restoredAt: newest.at, ...record },
        ...{ endedApiKeys: endedApiKeys.length, peopleInAll: outcomes.length, people: found.flat() },
      }
    },
  }
}
