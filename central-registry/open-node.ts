/**
 * One of the processes that work for one registry: its name, its database, and the files that it shares with
 * the other nodes. Opened before all rooms, so that these read what the other nodes have made.
 */
import { hostname } from 'node:os'
import type { Migration } from 'kysely/migration'
import { watchCertificates } from '#platform/metrics/watch-certificates.ts'
import { type Claimed, claimName, placeOf } from '#platform/nodes/claim.ts'
import { type KeptFiles, keptOnAll } from '#platform/nodes/kept-files.ts'
import type { Cluster } from '#platform/nodes/needs.ts'
import { takeNodeIdentity } from '#platform/nodes/node-identity.ts'
import { nodesOfOtherSchemas, refuseBeside, schemaDigest } from '#platform/nodes/older-nodes.ts'
import { openCluster, openClusterKeys } from '#platform/nodes/open-cluster.ts'
import { createNodeStore } from '#platform/nodes/store.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { openServices, type Services } from '#platform/services.ts'
import { createSharedFileStore } from '#platform/shared-files/store.ts'
import type { RegistrySettings } from './config.ts'
import { ofOneNode } from './configuration/durable-file.ts'

/** Each node has its own marks, leaves and memory of what was published. */
const SHARED = new RegExp(
  `^(?:${[
    'signing-keys/[0-9a-f-]{36}\\.(?:pem|token\\.json)',
    'signing-keys/identity-[a-z]{1,20}(?:-[1-9]\\d{0,3})?\\.pem',
    'witness-key\\.pem',
  ].join('|')})$`,
)
/** What rows and secrets of nodes are bound to: an instance has its name only after the first start. */
const SCOPE = 'central registry'

type OpenNode = {
  services: Services
  /**
   * Under which this process has the node's name; undefined for a registry that has no `nodes` in its
   * settings.
   */
  claimed: Claimed | undefined
  cluster: Cluster | undefined
  /** Changes files of keys, on all nodes if they are shared. */
  files: KeptFiles
  /** Closes the database, then gives the name back. */
  close(): Promise<void>
}

/** Throws what the name, the database or the shared files throw. */
export async function openNode(
  { settings, redisUrl, clock, log }: RegistrySettings,
  q: {
    migrations: Record<string, Migration>
    lock: Parameters<typeof takeNodeIdentity>[0]['lock']
    leaseSeconds: number
    concurrency: number
  },
): Promise<OpenNode> {
  const { directory, nodes } = settings
  // Without `nodes` two processes may work with one directory.
  const identity =
    nodes && (await takeNodeIdentity({ directory, lock: q.lock, madeOf: hostname(), hasOthers: true }))
  const known = { node: identity?.node ?? '', schema: schemaDigest(q.migrations) }
  return startInTurn(async (inTurn) => {
    inTurn.defer(() => identity?.release())
    const services = await openServices({
      ...{ databaseUrl: settings.database, migrations: q.migrations, redisUrl, clock, log },
      node: identity?.node ?? `${hostname()}-${process.pid}`,
      ...{ leaseSeconds: q.leaseSeconds, concurrency: q.concurrency },
      beforeOlderOnesEnd: async (database) => refuseBeside(await nodesOfOtherSchemas(database, known)),
    })
    inTurn.defer(() => services.database.close())
    await watchCertificates({ metrics: services.metrics, settings, clock })
    const nodeStore = createNodeStore(services.database)
    const store = createSharedFileStore(services.database)
    const keys = await openClusterKeys(nodes, store)
    const claimed =
      identity &&
      (await claimName(nodeStore, {
        ...{ ...known, place: await placeOf(directory), hasOthers: true },
        clusterKeys: keys?.lines.map(({ id }) => id),
      }))
    // A newer node may have migrated before it saw this one.
    await services.refuseTooNew()
    const cluster = await openCluster({
      ...{ nodes, keys, nodeStore, node: known.node, claimed, store },
      ...{ directory, scope: SCOPE, folders: ['signing-keys'], log },
      isShared: (name) => SHARED.test(name),
    })
    const files = cluster === undefined ? ofOneNode : keptOnAll(cluster, directory)
    return { services, claimed, cluster, files, close: () => inTurn.disposeAsync() }
  })
}
