/**
 * Opens the files that the nodes of one server share: brings this node's folder to what the others have,
 * before any room reads it.
 */
import { putNewFile } from '#platform/backups/put-file.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { type ClusterKeys, newClusterKey, readClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { localFolder } from '#platform/shared-files/local-folder.ts'
import { sealFilesAnew } from '#platform/shared-files/seal-anew.ts'
import { keyOf } from '#platform/shared-files/seal-file.ts'
import { openSharedFiles } from '#platform/shared-files/shared-files.ts'
import type { SharedFileStore } from '#platform/shared-files/store.ts'
import { Fault } from '#schemas/fault.ts'
import type { Claimed } from './claim.ts'
import { beginSealing } from './key-change.ts'
import type { Cluster } from './needs.ts'
import type { NodeSettings } from './settings.ts'
import type { NodeStore } from './store.ts'

/**
 * The cluster keys, for a node to tell of when it takes its name; undefined for a server that is one node.
 * The first node makes the key. Throws `invalid_configuration` for a node without the key of the others.
 */
export async function openClusterKeys(
  nodes: NodeSettings | undefined,
  store: Pick<SharedFileStore, 'counter'>,
): Promise<ClusterKeys | undefined> {
  const isBegun = (await store.counter()) > 0
  if (nodes !== undefined) return clusterKeys(nodes.clusterKeyFile, isBegun)
  if (!isBegun) return undefined
  throw new Fault('invalid_configuration', {
    what: 'the nodes of this database share their keys: this one needs nodes.clusterKeyFile in its settings, and joins them (concordat join)',
  })
}

/**
 * Undefined for a server that is one node. The node has its name by then; a new one that is refused loses it,
 * so that nobody waits for it. Throws what `openSharedFiles` throws.
 */
export async function openCluster(q: {
  nodes: NodeSettings | undefined
  keys: ClusterKeys | undefined
  nodeStore: Pick<NodeStore, 'list' | 'forget'>
  node: string
  claimed: Claimed | undefined
  store: SharedFileStore
  /** What the rows are bound to. */
  scope: string
  directory: string
  /** The folders below it in which shared files lie. */
  folders: readonly string[]
  isShared: (name: string) => boolean
  log: Pick<Log, 'warn'>
}): Promise<Cluster | undefined> {
  const { nodes, keys, store, scope, directory, isShared, log } = q
  if (nodes === undefined || keys === undefined) return undefined
  const used = new Set((await store.after(0)).map(({ sealed }) => keyOf(sealed)))
  beginSealing(keys, { rows: await q.nodeStore.list(), used })
  const files = await openSharedFiles({
    ...{ store, isShared, directory, keys, scope, log },
    folder: localFolder(directory, q.folders, isShared),
  }).catch(async (cause: unknown) => {
    if (q.claimed?.isNew === true)
      await q.nodeStore.forget({ name: q.node, instance: q.claimed.instance }).catch(() => undefined)
    throw cause
  })
  return { files, keys, keyFile: nodes.clusterKeyFile, sealAnew: () => sealFilesAnew({ store, keys, scope }) }
}

/** Makes the key for the first node alone: what others have sealed no new key opens. */
async function clusterKeys(file: string, isBegun: boolean): Promise<ClusterKeys> {
  const present = await readClusterKeys(file)
  if (present !== undefined) return present
  if (isBegun)
    throw new Fault('invalid_configuration', {
      what: `${file} is missing, and the nodes of this database have a cluster key: join them (concordat join), or bring the file of another node`,
    })
  await putNewFile(file, Buffer.from(`${newClusterKey()}\n`))
  return (await readClusterKeys(file))!
}
