/** The nodes of this server: what they share beyond what the nodes of every server do (`platform/nodes`). */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { FeatureModule } from '#platform/feature.ts'
import type { FollowingRoom } from '#platform/nodes/following.ts'
import type { SealAnew } from '#platform/nodes/key-change.ts'
import { nodeMigrations } from '#platform/nodes/migrations.ts'
import { type NodeGround, type NodeOffers, openNodes } from '#platform/nodes/open-nodes.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { fetchAfterAnchor } from './fetch-after-anchor.ts'
import { OF_A_MACHINE, type ServerNodeSettings } from './settings.ts'

type Ground = NodeGround & {
  server: ServerId
  settings: { nodes?: ServerNodeSettings; archives: { path?: string } }
  storedLog: { bodyFolder: string; bodyPlace: 'files' | 'database' }
  localSystems: { poll(): Promise<unknown> }
  /** Undefined where none is in the database. */
  sealExportsAnew: SealAnew | undefined
  sealArchivesAnew: SealAnew | undefined
  endExportsOf(node: string): Promise<void>
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
const ANCHOR = 'configuration/anchor.xml'

export const nodes: FeatureModule<Ground, NodeOffers> = {
  name: 'nodes',
  migrations: nodeMigrations,
  open: async (ground) => {
    const { cluster, messageLog } = ground
    const server = idText(ground.server)
    const opened = await openNodes(ground, {
      ...{ program: 'security-server', server, scope: server },
      ...{ compared: ground.settings, ofAMachine: OF_A_MACHINE },
      ownFolders: ownFolders(ground),
      // Each node has a folder there from its start on: whose is missing has a disk of its own.
      isApart: (other) =>
        ground.storedLog.bodyPlace !== 'database' &&
        !existsSync(path.join(ground.storedLog.bodyFolder, 'incoming', other)),
      marks: ['log-keys/newest-checkpoint'],
      rooms: roomsOf(ground),
      takeOver: async (gone) => {
        await messageLog.takeOver(gone)
        await ground.endExportsOf(gone)
      },
      sealed: [ground.sealExportsAnew, ground.sealArchivesAnew].filter((one) => one !== undefined),
    })
    if (cluster === undefined) return opened
    beUpToDate(ground)
    const shareMarks = {
      ...{ kind: 'share-marks', everySeconds: MARKS_SECONDS, onEachNode: true },
      async run() {
        await ground.globalConfiguration.shareMarks()
        await cluster.files.publish()
      },
    }
    const catchUp = async (): Promise<void> => {
      await ground.localSystems.poll()
      await opened.offers?.catchUp?.()
    }
    return { ...opened, offers: { catchUp }, jobs: [...opened.jobs!, shareMarks] }
  },
}

/** Folders that no node shares through the database. */
function ownFolders({ settings: { nodes, archives }, storedLog }: Ground): string[] {
  const inDatabase = nodes?.files === 'database'
  return [
    ...(storedLog.bodyPlace === 'database' ? [] : ['bodies']),
    ...(inDatabase && archives.path === undefined ? [] : ['archives']),
    ...(inDatabase ? [] : ['exports']),
  ]
}

function roomsOf({ keys, messageLog, globalConfiguration }: Ground): FollowingRoom[] {
  return [
    ['keys', () => keys.reload()],
    ['log-keys', () => messageLog.logKeys()],
    [
      'configuration',
      async (names) => {
        await globalConfiguration.follow()
        if (names.has(ANCHOR)) await fetchAfterAnchor(globalConfiguration)
      },
    ],
  ]
}

/** A new node has no configuration, and one that comes back an old one. */
function beUpToDate({ keys, globalConfiguration }: Ground): void {
  void globalConfiguration
    .refreshOwn()
    .then(() => keys.refreshOcsp())
    .then(() => globalConfiguration.refreshSuspensions())
    .catch(() => undefined)
}
