/**
 * The nodes of a server as a feature of it: their files follow each other, each tells how it is, and new ones
 * join.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Feature, Job } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { createBeat } from './beat.ts'
import { makeBundle, type Program } from './bundle.ts'
import type { Claimed } from './claim.ts'
import { comparedFiles } from './compared-files.ts'
import { createFollowing, type Following, type FollowingRoom } from './following.ts'
import { nodeHandlers } from './handlers.ts'
import { createJoining, type Joining } from './join.ts'
import { joinRoute } from './join-route.ts'
import { createKeyChange, type SealAnew } from './key-change.ts'
import type { Cluster } from './needs.ts'
import { settingValues } from './setting-values.ts'
import { createSettingsOfNodes, type SettingsOfNodes } from './settings-of-nodes.ts'
import { createNodeStore } from './store.ts'
import { ALONE_SECONDS, BEAT_SECONDS } from './told.ts'

const MOST_SETTLING_MS = 5_000

export type NodeGround = Pick<
  Services,
  'node' | 'database' | 'isTooNew' | 'clock' | 'log' | 'health' | 'audit'
> & {
  settings: object & {
    directory: string
    admin: { address: string; port: number; certificateFile?: string | undefined }
  }
  settingsFile?: string | undefined
  settingsSchema: object
  cluster: Cluster | undefined
  /** Undefined where nodes share folders by hand and nobody is listed. */
  claimed: Claimed | undefined
}

type NodeParts = {
  program: Program
  /** What whoever joins is told. */
  server: string
  /** What secrets to join by are bound to. */
  scope: string
  /** The settings that have to be the same on all nodes, and more. */
  compared: object
  /** Settings that belong to a machine. */
  ofAMachine: ReadonlySet<string>
  /** Checks of health that have a reason also while nothing is wrong. */
  informing?: ReadonlySet<string>
  /** Folders that no node shares through the database. */
  ownFolders: readonly string[]
  /** Whether another live node has a disk of its own where this one's folders are needed. */
  isApart?(other: string): boolean
  /** Files of the directory that say how far the server had come: a new node gets them with its secret. */
  marks: readonly string[]
  /** Who takes over the files that other nodes changed. */
  rooms: readonly FollowingRoom[]
  /** Closes what a node that is gone for good has left open. */
  takeOver(node: string): Promise<void>
  /** Rooms besides the shared files that keep something under the cluster key. */
  sealed?: readonly SealAnew[]
}

export type NodeOffers = {
  /** Takes over what other nodes have changed by now; undefined for a server that is one node. */
  catchUp: (() => Promise<void>) | undefined
}

/**
 * Opens it after all rooms, which have made their first files by then. Throws what `SharedFiles.publish`
 * throws.
 */
export async function openNodes(ground: NodeGround, parts: NodeParts): Promise<Feature<NodeOffers>> {
  const { node, database, cluster, settings } = ground
  const store = createNodeStore(database)
  const following = cluster && createFollowing({ log: ground.log, known: cluster.files.known }, parts.rooms)
  if (cluster !== undefined) await begin(ground, { ...parts, cluster, following: following! })
  const settingsOfNodes = cluster && (await settingsOf(ground, { ...parts, cluster, store }))
  await settingsOfNodes?.tell()
  const everySeconds = cluster === undefined ? ALONE_SECONDS : BEAT_SECONDS
  const keyChange =
    cluster &&
    createKeyChange({
      ...{ node, store, keys: cluster.keys, log: ground.log },
      rooms: [cluster.sealAnew, ...(parts.sealed ?? [])],
      tell: async () => beat?.run(),
    })
  const beat: ReturnType<typeof createBeat> | undefined =
    ground.claimed &&
    createBeat({
      ...{ node, store, everySeconds, claimed: ground.claimed, clock: ground.clock, health: ground.health },
      ...{ sharedFiles: cluster?.files, trouble: following?.trouble, informing: parts.informing },
      isApart: (other) => parts.isApart?.(other) ?? false,
      keyChange,
      settings: settingsOfNodes,
      onLeft() {
        ground.log.error(
          { node },
          'this node was made to leave: it ends, and another one has closed what it had open',
        )
        endOneself()
      },
    })
  const joining = cluster && joiningOf(ground, { ...parts, cluster, store })
  return {
    operations: nodeHandlers({
      ...{
        node,
        store,
        joining,
        settings: settingsOfNodes,
        ownUrl: urlOf(settings.admin),
        ownFolders: parts.ownFolders,
      },
      takeOver: parts.takeOver,
    }),
    offers: { catchUp: cluster && (() => catchUp(cluster, following!)) },
    ...(joining !== undefined && { routes: { admin: (app) => joinRoute(app, joining) } }),
    jobs: [
      ...(beat === undefined
        ? []
        : [
            { kind: 'beat', onEachNode: true, immediately: true, run: beat.run, everySeconds },
            lookAtSchemaJob(ground),
          ]),
      ...(cluster === undefined ? [] : [pullJob(cluster, following!), keyChange!.job]),
    ],
    ...(beat !== undefined && { health: { nodes: beat.finding } }),
  }
}

/** As by its service manager: what is on its way gets its answer, and nothing new begins. */
function endOneself(): void {
  process.kill(process.pid, 'SIGTERM')
}

/**
 * A newer node changes the schema where it sees no older one alive: one that was stopped for a while, or was
 * just starting.
 */
function lookAtSchemaJob({ node, log, isTooNew }: NodeGround): Job {
  return {
    ...{ kind: 'look-at-schema', everySeconds: 30, onEachNode: true, immediately: true },
    async run() {
      if (!(await isTooNew())) return
      log.error(
        { node },
        'a newer version has changed the database: this node ends, start it with that version',
      )
      endOneself()
    },
  }
}

/** Rooms have made their first files by now. */
async function begin(
  { log }: NodeGround,
  q: Pick<NodeParts, 'ownFolders'> & { cluster: Cluster; following: Following },
): Promise<void> {
  const { files } = q.cluster
  await files.publish()
  if (q.ownFolders.length > 0)
    log.warn(
      { folders: q.ownFolders },
      'this server may be several nodes: these folders are of each node alone, unless they are one shared file system (docs/nodes.md)',
    )
  files.onChange((changes) => {
    log.info({ files: changes.size }, 'files that another node has changed are here')
    void q.following.follow(changes)
  })
}

async function catchUp({ files }: Cluster, following: Following): Promise<void> {
  if (await files.isBehind()) {
    await files.pull()
    // Behind what the pull has begun.
    await following.again()
  }
  // The job may have pulled it a moment ago, and a room be on its way: a device may keep it there for
  // minutes, and calls do not wait for that.
  await Promise.race([following.settled(), wait(MOST_SETTLING_MS, undefined, { ref: false })])
}

function pullJob({ files }: Cluster, following: Following): Job {
  return {
    ...{ kind: 'pull-shared-files', everySeconds: 30, onEachNode: true },
    isDue: async () => following.waits() || (await files.isBehind()),
    async run() {
      await files.pull()
      await following.again()
    },
  }
}

function joiningOf(
  { settings, settingsFile, settingsSchema, log, audit }: NodeGround,
  q: NodeParts & { cluster: Cluster; store: ReturnType<typeof createNodeStore> },
): Joining {
  const { files, keys, keyFile } = q.cluster
  const { program, server, store, marks } = q
  const joining = createJoining({
    ...{ store, keys, server: q.scope },
    onRefused: (id) => log.warn({ id }, 'somebody who has no secret to join by tried to'),
    bundle: () =>
      makeBundle({
        ...{ program, server, settingsFile: settingsFile ?? '', schema: settingsSchema },
        ...{ clusterKeyFile: keyFile, seen: files.forJoining().toString() },
        ...{ directory: settings.directory, marks },
      }),
  })
  return {
    ...joining,
    async use(q) {
      const sealed = await joining.use(q)
      // Only those who proved that they have a secret are on record.
      await audit.before({
        caller: { id: `join:${q.id}`, name: 'new node' },
        ...{ operation: 'joinNode', target: q.id },
      })
      return sealed
    },
  }
}

async function settingsOf(
  { node, settingsSchema: schema }: NodeGround,
  q: NodeParts & { cluster: Cluster; store: ReturnType<typeof createNodeStore> },
): Promise<SettingsOfNodes> {
  const { store, scope, compared, ofAMachine } = q
  return createSettingsOfNodes({
    ...{ node, store, scope, compared, schema, ofAMachine, keys: q.cluster.keys },
    values: settingValues(compared, { schema, ofAMachine, files: await comparedFiles(compared, schema) }),
  })
}

function urlOf({ address, port, certificateFile }: NodeGround['settings']['admin']): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${certificateFile === undefined ? 'http' : 'https'}://${host}:${port}`
}
