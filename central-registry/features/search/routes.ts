/** Handler of the search over everything: each kind that the caller may list, by page. */
import type { Caller } from '#platform/http-service/caller.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import { createPlaces } from '#platform/in-turn.ts'
import type { List } from './lists.ts'

type Rooms = {
  lists: Record<string, List>
  /** The roles that may call an operation. */
  rolesFor(operation: string): string[]
}

type Query = { q: string; kind?: string; offset: number; limit: number }

/**
 * Lists that are searched at a time, whoever asks: the other connections to the database are for everything
 * else.
 */
const AT_ONCE = 2

export function searchHandlers({ lists, rolesFor }: Rooms): Record<string, OperationHandler> {
  const { run: inPlace } = createPlaces(AT_ONCE)
  const mayList = ({ operation }: List, { roles }: Caller): boolean =>
    rolesFor(operation).some((role) => roles.includes(role))

  return {
    findAnything: async ({ query, caller }) => {
      const { kind: wanted, q: typed, ...page } = query as Query
      const q = typed.trim()
      const kinds = Object.entries(lists).filter(
        ([kind, list]) => (wanted === undefined || kind === wanted) && mayList(list, caller),
      )
      const groups = await Promise.all(
        kinds.map(([kind, list]) =>
          inPlace(async () => {
            const found = await list.find({ ...page, q })
            const isWhole = page.offset === 0 && found.length < page.limit
            return { kind, total: isWhole ? found.length : await list.count(q), found }
          }),
        ),
      )
      return groups.filter(({ total }) => total > 0)
    },
  }
}
