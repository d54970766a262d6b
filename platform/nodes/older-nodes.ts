/**
 * The live nodes of a database that run another version. A change of the schema that these could not live with waits until they have been
 * stopped: they would go on with tables that are not theirs any more.
 */
import type { Database } from '#platform/database/open-database.ts'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'
import { createNodeStore } from './store.ts'
import { isLive } from './told.ts'

/** Throws `conflict`. The node itself, which starts again, does not count. */
export async function refuseBesideOthers(database: Database, node: string, version = VERSION): Promise<void> {
  const tables = await database.kysely.introspection.getTables()
  // Versions before these had no nodes.
  if (!tables.some(({ name }) => name === 'node')) return
  const store = createNodeStore(database)
  const now = await store.now()
  const others = (await store.list()).filter(
    (row) => row.name !== node && row.version !== version && isLive(row, now),
  )
  if (others.length === 0) return
  const named = others.map((row) => `${row.name} (${row.version})`).join(', ')
  throw new Fault('conflict', {
    what: `this version changes the database so that older ones cannot go on, and nodes of another version run: ${named}. Stop them first; ${others.length === 1 ? 'it counts' : 'they count'} as stopped after some seconds of silence`,
  })
}
