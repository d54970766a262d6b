/**
 * The live nodes of a database that know another schema. A change of the schema that these could not live
 * with waits until they have been stopped: they would go on with tables that are not theirs any more.
 */
import { createHash } from 'node:crypto'
import type { Database } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import { createNodeStore } from './store.ts'
import { isLive, readTold } from './told.ts'

/**
 * What a node tells of the schema that it knows, by the names of the migrations of all its databases:
 * versions of one number may differ.
 */
export function schemaDigest(...databases: Record<string, unknown>[]): string {
  const names = databases.map((migrations) => Object.keys(migrations).sort())
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 16)
}

/**
 * Each with its version. One that tells nothing of its schema is another; the node itself, which starts
 * again, is not.
 */
export async function nodesOfOtherSchemas(
  database: Database,
  { node, schema }: { node: string; schema: string },
): Promise<string[]> {
  const tables = await database.kysely.introspection.getTables()
  // Versions before these had no nodes.
  if (!tables.some(({ name }) => name === 'node')) return []
  const store = createNodeStore(database)
  const now = await store.now()
  return (await store.list())
    .filter((row) => row.name !== node && readTold(row.told).schema !== schema && isLive(row, now))
    .map((row) => `${row.name} (${row.version})`)
}

/**
 * Call before a change of the schema that nodes of other schemas could not live with. Throws `conflict` when
 * there are such `others`.
 */
export function refuseBeside(others: readonly string[], instead = ''): void {
  if (others.length === 0) return
  throw new Fault('conflict', {
    what: `this version changes the database so that older ones cannot go on, and nodes of another version run: ${others.join(', ')}. Stop them first; ${others.length === 1 ? 'it counts' : 'they count'} as stopped after some seconds of silence${instead}`,
  })
}
