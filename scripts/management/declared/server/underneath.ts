/** What two declared files of a security server say together; pure. */
import type { Declared } from './read-file.ts'

/** `newer` with what only `older` speaks of. Of clients, each by itself, and of each its own parts. */
export function underneath(newer: Declared, older: Declared): Declared {
  const known = new Map(newer.clients?.map((client) => [client.id, client]))
  const clients = [
    ...(newer.clients ?? []).map((client) => ({
      ...older.clients?.find(({ id }) => id === client.id),
      ...client,
    })),
    ...(older.clients ?? []).filter(({ id }) => !known.has(id)),
  ]
  const has = newer.clients !== undefined || older.clients !== undefined
  return { ...older, ...newer, ...(has ? { clients } : {}) }
}
