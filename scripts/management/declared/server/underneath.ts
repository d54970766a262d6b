/** What two declared files of a security server say together; pure. */
import type { Merge } from '../kind.ts'
import type { Declared } from './read-file.ts'

/**
 * The merging for a server that has these clients. One that it no longer has, and that a newer file with
 * other clients does not name, is not missed: it was deleted by hand, since no file does that, and left out
 * since.
 */
export function underneathAt(there: ReadonlySet<string>): Merge<Declared> {
  return (newer, older) => {
    if (!newer.clients?.length || older.clients === undefined)
      return { both: underneath(newer, older), gone: [], isNext: false }
    const named = new Set(newer.clients.map(({ id }) => id))
    const isLeft = ({ id }: { id: string }): boolean => named.has(id) || there.has(id)
    const both = underneath(newer, { ...older, clients: older.clients.filter(isLeft) })
    const gone = older.clients.filter((one) => !isLeft(one)).map(({ id }) => id)
    return { both, gone, isNext: older.clients.some(({ id }) => named.has(id)) }
  }
}

/** `newer` with what only `older` speaks of. Of clients, each by itself, and of each its own parts. */
function underneath(newer: Declared, older: Declared): Declared {
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
