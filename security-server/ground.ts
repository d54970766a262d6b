/**
 * What the features of a security server share, made once: database, configuration, keys, local systems,
 * message log and connections.
 */

import { mkdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import type { Migration } from 'kysely/migration'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { ALGORITHM_ENDS } from '#core/evidence-bundle/validation-policy.ts'
import type { Clock } from '#platform/clock.ts'
import { type ClockCheck, createClockCheck } from '#platform/health/clock-check.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { readMailServer } from '#platform/mail/settings.ts'
import { startInTurn } from '#platform/process/start-in-turn.ts'
import { portSharingOf } from '#platform/workers/shared-ports.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import { idText, memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import { type Settings, settingsSchema } from './config.ts'
import { configureTogether } from './configure-together.ts'
import { CLIENT_IDLE_MS } from './drain-listener.ts'
import { backUpAndEnd } from './features/backups/backup-command.ts'
import type { BackupWords } from './features/backups/backup-words.ts'
import { createTimeStampClient } from './features/time-stamping/client.ts'
import { createFetchStatus, readable } from './features/time-stamping/fetch-status.ts'
import { federationsOf } from './federations.ts'
import { withLogKeys } from './first-log-keys.ts'
import { createConfigurationClient } from './global-configuration/client.ts'
import { createContracts } from './global-configuration/contracts/contracts.ts'
import { fetchedOnce } from './global-configuration/fetched-once.ts'
import {
  createGlobalConfiguration,
  type GlobalConfiguration,
} from './global-configuration/global-configuration.ts'
import { createPostDocument } from './global-configuration/registration/client.ts'
import { ANY_GRACE, managementOf } from './global-configuration/snapshot.ts'
import { createOcspClient } from './keys/client.ts'
import { createKeys, type Keys } from './keys/keys.ts'
import { armedBy } from './kill-points.ts'
import { createLocalSystems } from './local-systems/local-systems.ts'
import { LOG_PARTS } from './log-parts.ts'
import { logMigrations } from './message-log/part.ts'
import { bodyPlaceOf } from './message-log/settings.ts'
import { openWholeLog, type WholeLog } from './open-log.ts'
import { type OpenNode, openNode } from './open-node.ts'
import { ownAddresses, ownListeners } from './own-listeners.ts'
import { createPeerClient } from './peer/client.ts'
import { createReliedOn } from './peer/relied-on.ts'
import { createMessageSigner } from './peer/sign-message.ts'
import { createMessageVerifier } from './peer/verify-message.ts'
import { createPeerVerifier } from './peer/verify-peer.ts'
import { createServiceClient } from './provider/client.ts'
import { erasuresOf } from './reading/erasures-of.ts'
import { clearanceOf, readableLog } from './reading/readable-log.ts'
import { unlockTogether } from './unlock-together.ts'
import { hardwarePlaces, transitPlaces, unlockToken } from './unlock-token.ts'
import { fetchedFolder, placeOfFolder } from './worker-settings.ts'

export type ServerGround = Awaited<ReturnType<typeof openGround>>

type Question = {
  settings: Settings
  /** The directory of the machine's first worker, which is this one's where there is one process. */
  machine: string
  siblings?: Siblings | undefined
  words: BackupWords
  /** The migrations of all tables in the server's database. */
  migrations: Record<string, Migration>
  clock: Clock
  log: Log
  /** Locks the directory against a second process. */
  lock: Parameters<typeof openNode>[0]['lock']
}

/**
 * Opens all shared parts, each after those that it needs. With the words of a backup command it makes the
 * backup and ends the process.
 */
export function openGround(q: Question) {
  return startInTurn((inTurn) => openInTurn(q, inTurn))
}

async function openInTurn(q: Question, inTurn: AsyncDisposableStack) {
  const { settings, clock, log } = q
  const server = parseServerId(settings.server)
  const folder = folderIn(q)
  await backUpAndEnd(q.words, { settings, keys: async () => (await openTrust(q)).keys, now: clock() })
  const opened = await openNode({ ...q, logMigrations: logMigrations(LOG_PARTS), hostName: hostname() })
  inTurn.defer(opened.close)
  const { node, formerNodes, services, cluster, claimed, shareIn, shareLogKey, storedFiles } = opened
  const { globalConfiguration, keys, lasting } = await openTrust(q, opened, inTurn)
  const { database } = services
  const localSystems = await createLocalSystems({ database, clock, own: ownListeners(settings) })
  const post = createPostDocument(
    () => globalConfiguration.current().index.privateParameters?.managementService,
  )
  const contracts = await createContracts({
    ...{ server, database, clock, log, configuration: lasting },
    post: createPostDocument(() => lasting().index.privateParameters?.managementService),
    signJson: keys.signJson,
  })
  const storedLog = {
    databaseUrl: settings.messageLogDatabase,
    keyFolder: await folder('log-keys'),
    bodyFolder: await folder('bodies'),
    bodyPlace: bodyPlaceOf(settings),
  }
  const ocspClient = createOcspClient()
  inTurn.defer(() => ocspClient.close())
  const clockCheck = createClockCheck({ clock, signedUntil: () => globalConfiguration.signedUntil() })
  const otherNodes = await opened.otherNodes()
  const openIt = () =>
    openLog({
      ...{ settings, server, node, formerNodes, clock, log, keys, globalConfiguration, storedLog },
      ...{ shareKey: shareLogKey, otherNodes },
      ...{ fetchOcsp: ocspClient.fetch, heard: clockCheck.heard },
    })
  const messageLog = await withLogKeys(openIt, {
    ...{ folder: storedLog.keyFolder, databaseUrl: settings.messageLogDatabase, log },
    shared: cluster && { pull: cluster.files.pull, write: shareIn('log-keys')! },
  })
  inTurn.defer(() => messageLog.close())
  const recovered = await messageLog.recover()
  if (recovered > 0)
    log.warn({ recovered }, 'exchanges that a crash left open were recorded as outcome unknown')
  const wire = openWire({ settings, clock, keys, globalConfiguration })
  inTurn.defer(() => wire.peerClient.close())
  inTurn.defer(() => wire.serviceClient.close())
  const exchanged = services.metrics.histogram(
    'concordat_exchange_seconds',
    'Exchanges by half and outcome',
    ['half', 'outcome'],
  )
  return {
    ...services,
    ...{ settings, settingsFile: q.words.configuration ?? '' },
    ...{ cluster, claimed, shareIn, storedFiles, settingsSchema },
    ...{ server, folder, formerNodes, globalConfiguration, keys, localSystems, contracts, post },
    ...{
      fetchOcsp: ocspClient.fetch,
      clockCheck,
      isTimeProven: clockCheck.isProven,
      heard: clockCheck.heard,
      mailServer: await readMailServer(settings.mail),
    },
    share: portSharingOf(q.siblings),
    nodesOfOtherVersions: opened.otherNodes,
    isTooNew: async () => (await services.isTooNew()) || (await messageLog.isTooNew()),
    ...{ storedLog, messageLog, ...wire, ownListeners: ownListeners(settings) },
    limits: {
      maxMessageBytes: 64 * 1024,
      maxSoapBytes: settings.limits.soapBytes,
      maxBodyBytes: settings.limits.bodyBytes,
    },
    ...armedBy(settings),
    observe: (half: string) => (outcome: string, seconds: number) =>
      exchanged.observe({ half, outcome }, seconds),
    logFor: (caller: Parameters<typeof clearanceOf>[0]) =>
      readableLog(messageLog, clearanceOf(caller), () => managementOf(globalConfiguration)),
    erasuresOf: (index: number) => erasuresOf(messageLog, index),
    closeGround: () => inTurn.disposeAsync(),
  }
}

function folderIn(q: { settings: Settings; machine: string }): (name: string) => Promise<string> {
  return async (name) => {
    const folder = placeOfFolder(name, { own: q.settings.directory, machine: q.machine })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return folder
  }
}

/** For so long a worker that begins waits for devices that the others have opened: one may be away. */
const DEVICES_MS = 5_000

/**
 * Opens configuration and keys, and the token if its PIN is in a file; `node` when other nodes share their
 * files.
 */
async function openTrust(
  q: { settings: Settings; machine: string; clock: Clock; log: Log; siblings?: Siblings | undefined },
  node?: Pick<OpenNode, 'files' | 'shareIn'>,
  inTurn?: AsyncDisposableStack,
) {
  const { settings, clock, log } = q
  const folder = folderIn(q)
  const client = createConfigurationClient()
  inTurn?.defer(() => client.close())
  const globalConfiguration = await createGlobalConfiguration({
    ...{ directory: await folder('configuration'), clock, log },
    client: q.siblings === undefined ? client : await fetchedOnce(client, fetchedFolder(q.machine)),
    allowedFederations: federationsOf(settings),
    share: node?.shareIn('configuration'),
  })
  // The state of certificates and of contracts is judged, and time-stamps are made, as long as anybody may
  // exchange.
  const lasting = () => globalConfiguration.currentWithin(ANY_GRACE)
  const keys = await createKeys({
    ...{ directory: await folder('keys'), clock, log, configuration: () => lasting().index, ...node?.files },
    hardwareTokens: await hardwarePlaces(settings.hardwareTokens),
    transitTokens: await transitPlaces(settings.transitTokens),
    pinPolicy: settings.pinPolicy,
    hostNames: { hostName: hostname(), ipAddresses: ownAddresses(settings.clients.https?.address) },
  })
  inTurn?.defer(() => keys.close())
  // Both do their work in other threads, so they run at the same time.
  await Promise.all([unlockToken(keys, settings.pinFile, log), globalConfiguration.restored()])
  // Logging in fetched no OCSP responses because there was no configuration yet. If this fails, the states of
  // the certificates show it.
  void keys.refreshOcsp().catch(() => undefined)
  if (q.siblings === undefined) return { globalConfiguration, lasting, keys }
  configureTogether(globalConfiguration, q.siblings)
  // By now each worker has read the PIN of the settings.
  const together = unlockTogether(keys, q.siblings, log)
  // A worker that begins after another one has ended takes connections when it can sign as well.
  await Promise.race([together.tried, wait(DEVICES_MS, undefined, { ref: false })])
  return { globalConfiguration, lasting, keys: together.keys }
}

/**
 * Opens the message log with the key that signs its tree heads, the time-stamping client, and the intervals
 * of evidence renewal.
 */
function openLog(q: {
  settings: Settings
  server: ServerId
  node: string
  formerNodes: string[]
  clock: Clock
  log: Log
  keys: Keys
  globalConfiguration: GlobalConfiguration
  storedLog: { databaseUrl: string; keyFolder: string; bodyFolder: string }
  shareKey: ReturnType<OpenNode['shareIn']>
  otherNodes: readonly string[]
  fetchOcsp: Parameters<typeof createFetchStatus>[0]['fetchOcsp']
  heard: ClockCheck['heard']
}): Promise<WholeLog> {
  const { settings, server, node, clock, log, keys, globalConfiguration } = q
  const owner = memberOf(server)
  const status = createFetchStatus({
    ...{ clock, fetchOcsp: q.fetchOcsp },
    configurations: () => globalConfiguration.currentWithin(ANY_GRACE).indexes(),
  })
  return openWholeLog({
    ...q.storedLog,
    ...{ server, node, formerNodes: q.formerNodes, clock, shareKey: q.shareKey, otherNodes: q.otherNodes },
    unstampedLimitMs: settings.limits.unstampedHours * 3_600_000,
    onFault: (fault) => log.error({ err: fault, detail: fault.detail }, 'message log'),
    signer: {
      name: idText(owner),
      get publicKey() {
        return publicKeyOf(keys.signingIdentity(owner).certificate)
      },
      sign: (data) => keys.signingIdentity(owner).sign(data),
      evidence: () => {
        const { certificate, intermediates, ocspResponses } = keys.signingIdentity(owner)
        return { certificates: [certificate, ...intermediates].map(({ der }) => der), ocspResponses }
      },
    },
    stamp: createTimeStampClient({
      ...{ clock, fetchStatus: status.ofStampers, heard: q.heard },
      configuration: () => globalConfiguration.currentWithin(ANY_GRACE).index,
    }),
    signerStatus: (certificates) => status.ofSigners(readable(certificates)),
    evidenceRecords: {
      intervalMs: settings.evidenceRecords.intervalHours * 3_600_000,
      beforeMs: settings.evidenceRecords.renewBeforeDays * 86_400_000,
      ends: {
        ...ALGORITHM_ENDS,
        ...Object.fromEntries(settings.evidenceRecords.algorithmEnds.map((one) => one.split(' '))),
      },
    },
  })
}

/**
 * Makes the clients for other security servers and for our own services, and the verifiers of peers and
 * messages.
 */
function openWire(q: {
  settings: Settings
  clock: Clock
  keys: Keys
  globalConfiguration: GlobalConfiguration
}) {
  const { peers, limits } = q.settings
  const xroadTlsPeers: ReadonlySet<string> = new Set(
    peers.xroadTlsPeers.map((text) => idText(parseServerId(text))),
  )
  const reliedOn = createReliedOn(q.clock)
  const verifyPeer = createPeerVerifier(reliedOn.rely)
  const peerClient = createPeerClient(
    { ...q, verifyPeer, xroadTlsPeers },
    {
      messagePort: peers.messagePort,
      ocspPort: peers.ocspPort,
      connectTimeoutMs: 10_000,
      replyTimeoutMs: limits.replyTimeoutSeconds * 1000,
      idleTimeoutMs: CLIENT_IDLE_MS,
      connectionsPerPeer: 64,
    },
  )
  const serviceClient = createServiceClient({
    ...{ connectTimeoutMs: 10_000, connectionsPerService: 64 },
    ...{ own: ownListeners(q.settings), identity: q.keys.internalTls.identity },
  })
  return {
    ...{ xroadTlsPeers, verifyPeer, peerClient, serviceClient, reliedOn },
    signMessage: createMessageSigner(q),
    verifyMessage: createMessageVerifier(reliedOn.rely),
  }
}
