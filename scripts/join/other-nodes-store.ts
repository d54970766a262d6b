/** Reads from the database what the other nodes of a server say of their settings. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { openDatabase } from '#platform/database/open-database.ts'
import type { SettingValues } from '#platform/nodes/setting-values.ts'
import { openSettings } from '#platform/nodes/settings-of-nodes.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { isLive, readTold } from '#platform/nodes/told.ts'
import { readClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { Fault } from '#schemas/fault.ts'
import type { NodeFile } from './read-node.ts'

export type OtherNode = { name: string; isLive: boolean; toldAt: string; values: SettingValues }

/**
 * Those that have not left, tell values, and whose row opens with the cluster key of this machine; not its
 * own workers. Throws `invalid_configuration` for a server that is one node.
 */
export async function readOtherNodes({ settings, scope }: NodeFile): Promise<OtherNode[]> {
  const keyFile = settings.nodes?.clusterKeyFile
  const keys = keyFile === undefined ? undefined : await readClusterKeys(keyFile)
  if (keys === undefined)
    throw new Fault('invalid_configuration', {
      what: 'this machine is no node yet: it has no nodes.clusterKeyFile, or the file is not there',
    })
  const own = await ownNames(settings.directory)
  const database = await openDatabase(settings.database)
  try {
    const store = createNodeStore(database)
    const tables = await database.kysely.introspection.getTables()
    if (!tables.some(({ name }) => name === 'node_settings')) return []
    const [rows, told, now] = [await store.list(), await store.settings(), await store.now()]
    return told.flatMap((one) => {
      const row = rows.find(({ name }) => name === one.name)
      if (row === undefined || row.left_at !== null || own.has(row.name)) return []
      // Its row is of before it went back to a version that tells no values.
      if (readTold(row.told).values === undefined) return []
      const opened = openSettings(one, { keys, scope })
      return opened === undefined ? [] : [{ name: row.name, isLive: isLive(row, now), ...opened }]
    })
  } finally {
    await database.close()
  }
}

/** Of this machine, and of its further workers, which run by the same file. */
async function ownNames(directory: string): Promise<Set<string>> {
  const workers = path.join(directory, 'workers')
  const folders = await readdir(workers).catch(() => [])
  const places = [directory, ...folders.map((one) => path.join(workers, one))]
  const names = places.map((place) => readFile(path.join(place, 'node-name'), 'utf8').catch(() => ''))
  return new Set((await Promise.all(names)).map((name) => name.trim()))
}
