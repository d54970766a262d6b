/** Reads from the database what the other nodes of a server say of their settings. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { openDatabase } from '#platform/database/open-database.ts'
import type { SettingValues } from '#platform/nodes/setting-values.ts'
import { openSettings } from '#platform/nodes/settings-of-nodes.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { isLive } from '#platform/nodes/told.ts'
import { readClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { Fault } from '#schemas/fault.ts'
import type { NodeFile } from './read-node.ts'

export type OtherNode = { name: string; isLive: boolean; toldAt: string; values: SettingValues }

/** Those that have not left, and whose row opens with the cluster key of this machine. Throws `invalid_configuration` for a server that is one node. */
export async function readOtherNodes({ settings, scope }: NodeFile): Promise<OtherNode[]> {
  const keyFile = settings.nodes?.clusterKeyFile
  const keys = keyFile === undefined ? undefined : await readClusterKeys(keyFile)
  if (keys === undefined)
    throw new Fault('invalid_configuration', {
      what: 'this machine is no node yet: it has no nodes.clusterKeyFile, or the file is not there',
    })
  const own = await readFile(path.join(settings.directory, 'node-name'), 'utf8').catch(() => '')
  const database = await openDatabase(settings.database)
  try {
    const store = createNodeStore(database)
    const tables = await database.kysely.introspection.getTables()
    if (!tables.some(({ name }) => name === 'node_settings')) return []
    const [rows, told, now] = [await store.list(), await store.settings(), await store.now()]
    return told.flatMap((one) => {
      const row = rows.find(({ name }) => name === one.name)
      if (row === undefined || row.left_at !== null || row.name === own.trim()) return []
      const values = openSettings(one, { keys, scope })
      return values === undefined
        ? []
        : [{ name: row.name, isLive: isLive(row, now), toldAt: one.told_at, values }]
    })
  } finally {
    await database.close()
  }
}
