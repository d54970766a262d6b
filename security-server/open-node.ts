/**
 * One of the processes that work for one security server: its name, its database, and the files that it
 * shares with the other nodes. Opened before all rooms, so that these read what the other nodes have made.
 */
import path from 'node:path'
import type { Migration } from 'kysely/migration'
import type { Clock } from '#platform/clock.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { untilAllHave } from '#platform/nodes/all-have.ts'
import { type Claimed, claimName, endedOf, placeOf } from '#platform/nodes/claim.ts'
import type { Cluster } from '#platform/nodes/needs.ts'
import { type NodeIdentity, takeNodeIdentity } from '#platform/nodes/node-identity.ts'
import { nodesOfOtherSchemas, refuseBeside, schemaDigest } from '#platform/nodes/older-nodes.ts'
import { openCluster, openClusterKeys } from '#platform/nodes/open-cluster.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { openServices, type Services } from '#platform/services.ts'
import { createSharedFileStore } from '#platform/shared-files/store.ts'
import type { Sealing } from '#platform/stored-files/stored-files.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import type { Settings } from './config.ts'
import { type RemoveFile, removeDurably, type WriteFile, writeDurably } from './keys/write-durably.ts'
import { leftWorker } from './worker-settings.ts'

const FOLDERS = ['keys', 'log-keys', 'delivery-keys', 'notice-keys', 'configuration']
const SHARED = new RegExp(
  `^(?:${[
    'keys/token\\.json',
    'keys/internal-tls\\.json',
    'keys/(?:keys|(?:hardware|transit)-\\d{1,4})/[0-9a-f]{40}\\.json',
    '(?:log-keys|delivery-keys)/\\d{6}-[0-9a-f]{16}\\.key',
    'log-keys/checkpoint-key\\.pem',
    'notice-keys/notices\\.key',
    'witness-key\\.pem',
    'configuration/(?:anchor\\.xml|shared-marks\\.json)',
  ].join('|')})$`,
)

type ShareFile = (name: string, bytes: Buffer) => Promise<void>

export type OpenNode = Omit<NodeIdentity, 'release'> & {
  /** Closes the database, then gives the name back. */
  close(): Promise<void>
  services: Services
  /** Under which this process has the node's name. */
  claimed: Claimed
  /** Undefined for a server that is one node, or whose nodes share folders by hand. */
  cluster: Cluster | undefined
  /** Changes a file of the directory, on all nodes if it is shared. */
  files: { write: WriteFile; remove: RemoveFile }
  /** Writes a file of this folder on all nodes; undefined where nothing is shared. */
  shareIn(folder: string): ShareFile | undefined
  /**
   * Files of any size in the databases of nodes that share their keys: how they are sealed, and who writes
   * there.
   */
  storedFiles:
    | {
        sealing: Sealing
        /** This process, for those who ask which live. */
        maker: string
        living(): Promise<ReadonlySet<string>>
        /** The names of nodes that have left and never come back. */
        left(): Promise<ReadonlySet<string>>
        /** False: new files go to folders, and those of before are read. */
        isUsed: boolean
      }
    | undefined
  /** The live nodes that know another schema, each with its version. */
  otherNodes(): Promise<string[]>
  /**
   * As `shareIn` for log keys, and waits until all nodes have the file: a record under a key that a node
   * lacks would never be in its index.
   */
  shareLogKey: ShareFile | undefined
}

type Question = {
  settings: Settings
  hostName: string
  /** Of a machine with several workers; the first one is named as the only one of a machine is. */
  siblings?: Siblings | undefined
  migrations: Record<string, Migration>
  /** Those of the message log's database. */
  logMigrations: Record<string, Migration>
  clock: Clock
  log: Log
  lock: Parameters<typeof takeNodeIdentity>[0]['lock']
}

/** Throws what the name, the database or the shared files throw. */
export function openNode(q: Question): Promise<OpenNode> {
  return startInTurn((inTurn) => openInTurn(q, inTurn))
}

async function openInTurn(q: Question, inTurn: AsyncDisposableStack): Promise<OpenNode> {
  const { settings, hostName, clock, log } = q
  const { directory } = settings
  const identity = await takeNodeIdentity({
    ...{ directory, lock: q.lock, madeOf: nameOfWorker(q), hasOthers: settings.nodes !== undefined },
    older: `${hostName}-${settings.peers.address}-${settings.peers.messagePort}`
      .replace(/[^A-Za-z0-9.-]/g, '_')
      .slice(-64),
  })
  inTurn.defer(() => identity.release())
  const known = { node: identity.node, schema: schemaDigest(q.migrations, q.logMigrations) }
  const worker = q.siblings && { machine: hostName, number: q.siblings.number }
  const services = await openServices({
    ...{ databaseUrl: settings.database, migrations: q.migrations, node: identity.node, clock, log },
    siblings: q.siblings,
    beforeOlderOnesEnd: async (database) => refuseBeside(await nodesOfOtherSchemas(database, known)),
    ...(settings.redisUrlFile !== undefined && { redisUrl: await readSecret(settings.redisUrlFile) }),
  })
  inTurn.defer(() => services.database.close())
  const store = createSharedFileStore(services.database)
  // Before anything is done under the name: a copy of a node would close what the node has under way.
  const nodes = createNodeStore(services.database)
  const { keys, claimed } = await openClusterKeys(settings.nodes, store)
    .then(async (opened) => {
      const taken = await claimName(nodes, {
        ...{ ...known, place: await placeOf(directory), hasOthers: settings.nodes !== undefined },
        ...(worker !== undefined && { worker }),
        clusterKeys: opened?.lines.map(({ id }) => id),
      })
      // A newer node may have migrated before it saw this one.
      await services.refuseTooNew()
      return { keys: opened, claimed: taken }
    })
    .catch(async (cause: unknown) => {
      const hasLeft = (await nodes.get(identity.node).catch(() => undefined))?.left_at != null
      const { node } = identity
      throw hasLeft ? leftWorker(cause, { node, directory, number: q.siblings?.number ?? 1 }) : cause
    })
  const cluster = await openCluster({
    ...{ store, directory, keys, nodes: settings.nodes, nodeStore: nodes, node: identity.node, claimed },
    ...{ scope: settings.server, folders: FOLDERS, log },
    isShared: (name) => SHARED.test(name),
  })
  const sharedFiles = cluster?.files
  const nameOf = (file: string): string | undefined => {
    const name = path.relative(directory, file).replaceAll(path.sep, '/')
    return sharedFiles?.isShared(name) === true ? name : undefined
  }
  return {
    node: identity.node,
    formerNodes: await endedOf(nodes, { names: identity.formerNodes, place: await placeOf(directory) }),
    close: () => inTurn.disposeAsync(),
    ...{ services, cluster, claimed },
    files: {
      write(file, bytes) {
        const name = nameOf(file)
        return name === undefined ? writeDurably(file, bytes) : sharedFiles!.write(name, bytes)
      },
      remove(file) {
        const name = nameOf(file)
        return name === undefined ? removeDurably(file) : sharedFiles!.remove(name)
      },
    },
    storedFiles: cluster && {
      sealing: { keys: cluster.keys, scope: settings.server },
      maker: claimed.instance,
      living: nodes.living,
      left: nodes.left,
      isUsed: settings.nodes?.files === 'database',
    },
    shareIn: (folder) => sharedFiles && ((name, bytes) => sharedFiles.write(`${folder}/${name}`, bytes)),
    otherNodes: () => nodesOfOtherSchemas(services.database, known),
    shareLogKey:
      sharedFiles &&
      (async (name, bytes) => {
        await sharedFiles.write(`log-keys/${name}`, bytes)
        const { node } = identity
        await untilAllHave(createNodeStore(services.database), { node, change: await store.counter() })
      }),
  }
}

/** For people who read the list of nodes. */
function nameOfWorker({ hostName, siblings }: { hostName: string; siblings?: Siblings | undefined }): string {
  const number = siblings?.number ?? 1
  return number === 1 ? hostName : `${hostName.slice(0, 36)}-w${number}`
}
