/** The nodes of this server: their files follow each other, each tells how it is, and new ones join. */
import { createHmac } from 'node:crypto'
import path from 'node:path'
import type { FeatureModule } from '#platform/feature.ts'
import type { Services } from '#platform/services.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { createBeat } from './beat.ts'
import { makeBundle } from './bundle.ts'
import type { Claimed } from './claim.ts'
import { createFollowing, type Following } from './following.ts'
import { nodeHandlers, OWN_FOLDERS } from './handlers.ts'
import { createJoining, type Joining } from './join.ts'
import { joinRoute } from './join-route.ts'
import { nodeMigrations } from './migrations.ts'
import type { Cluster } from './needs.ts'
import { createNodeStore } from './store.ts'
import { ALONE_SECONDS, BEAT_SECONDS, settingDigests } from './told.ts'

type Ground = Pick<Services, 'node' | 'database' | 'clock' | 'log' | 'health' | 'audit'> & {
  server: ServerId
  settings: object & {
    directory: string
    admin: { address: string; port: number; certificateFile?: string | undefined }
  }
  settingsFile: string
  settingsSchema: object
  cluster: Cluster | undefined
  claimed: Claimed
  storedLog: { keyFolder: string }
  keys: { reload(): Promise<void>; refreshOcsp(): Promise<void> }
  globalConfiguration: {
    follow(): Promise<void>
    refreshOwn(): Promise<void>
    refreshSuspensions(): Promise<void>
    shareMarks(): Promise<void>
  }
  messageLog: {
    logKeys(): Promise<unknown>
    takeOver(node: string): Promise<unknown>
  }
}

const MARKS_SECONDS = 60

export const nodes: FeatureModule<Ground> = {
  name: 'nodes',
  migrations: nodeMigrations,
  open: async (ground) => {
    const { node, database, cluster, settings } = ground
    const store = createNodeStore(database)
    const following = cluster && createFollowing(ground)
    if (cluster !== undefined) await begin(ground, cluster, following!)
    const everySeconds = cluster === undefined ? ALONE_SECONDS : BEAT_SECONDS
    const beat = createBeat({
      ...{
        node,
        store,
        everySeconds,
        claimed: ground.claimed,
        clock: ground.clock,
        health: ground.health,
        sharedFiles: cluster?.files,
        trouble: following?.trouble,
      },
      settings:
        cluster === undefined
          ? {}
          : settingDigests(settings, ground.settingsSchema, settingsKey(cluster.keys.at(-1)!.key)),
      onLeft() {
        ground.log.error(
          { node },
          'this node was made to leave: it ends, and another one has closed what it had open',
        )
        // As by its service manager: what is on its way gets its answer, and nothing new begins.
        process.kill(process.pid, 'SIGTERM')
      },
    })
    const joining = cluster && joiningOf(ground, cluster, store)
    return {
      operations: nodeHandlers({
        ...{ node, store, joining, ownUrl: urlOf(settings.admin) },
        takeOver: async (gone) => void (await ground.messageLog.takeOver(gone)),
      }),
      ...(joining !== undefined && { routes: { admin: (app) => joinRoute(app, joining) } }),
      jobs: [
        {
          ...{ kind: 'beat', onEachNode: true, immediately: true, run: beat.run },
          everySeconds,
        },
        ...(cluster === undefined ? [] : sharingJobs(ground, cluster, following!)),
      ],
      health: { nodes: beat.finding },
    }
  },
}

/** Rooms have made their first files by now: keys of the log, of a witness, of what waits. */
async function begin(ground: Ground, { files }: Cluster, following: Following): Promise<void> {
  const { log, keys, globalConfiguration } = ground
  await files.publish()
  // A new node has no configuration, and one that comes back an old one.
  void globalConfiguration
    .refreshOwn()
    .then(() => keys.refreshOcsp())
    .then(() => globalConfiguration.refreshSuspensions())
    .catch(() => undefined)
  log.warn(
    { folders: OWN_FOLDERS },
    'this server may be several nodes: these folders are of each node alone, unless they are one shared file system (docs/nodes.md)',
  )
  files.onChange((names) => {
    log.info({ files: names.length }, 'files that another node has changed are here')
    void following.follow(names)
  })
}

function sharingJobs({ globalConfiguration }: Ground, { files }: Cluster, following: Following) {
  return [
    {
      ...{ kind: 'pull-shared-files', everySeconds: 30, onEachNode: true },
      isDue: async () => following.waits() || (await files.isBehind()),
      async run() {
        await files.pull()
        await following.follow([])
      },
    },
    {
      ...{ kind: 'share-marks', everySeconds: MARKS_SECONDS, onEachNode: true },
      async run() {
        await globalConfiguration.shareMarks()
        await files.publish()
      },
    },
  ]
}

function joiningOf(
  ground: Ground,
  { files, keys, keyFile }: Cluster,
  store: ReturnType<typeof createNodeStore>,
): Joining {
  const server = idText(ground.server)
  const joining = createJoining({
    ...{ store, keys, server },
    onRefused: (id) => ground.log.warn({ id }, 'somebody who has no secret to join by tried to'),
    bundle: () =>
      makeBundle({
        ...{ server, settingsFile: ground.settingsFile, schema: ground.settingsSchema },
        ...{ clusterKeyFile: keyFile, seen: files.forJoining().toString() },
        checkpointFile: path.join(ground.storedLog.keyFolder, 'newest-checkpoint'),
      }),
  })
  return {
    ...joining,
    async use(q) {
      const sealed = await joining.use(q)
      // Only those who proved that they have a secret are on record.
      await ground.audit.before({
        caller: { id: `join:${q.id}`, name: 'new node' },
        ...{ operation: 'joinNode', target: q.id },
      })
      return sealed
    },
  }
}

function settingsKey(key: Buffer): Buffer {
  return createHmac('sha256', key).update('concordat settings of nodes').digest()
}

function urlOf({ address, port, certificateFile }: Ground['settings']['admin']): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${certificateFile === undefined ? 'http' : 'https'}://${host}:${port}`
}
