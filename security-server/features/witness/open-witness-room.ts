/**
 * Connects the parts of the feature: the witnesses of this server's log, this server as a witness, and the
 * check of partners' tree heads.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { meetsPolicy } from '#core/merkle/witness-policy.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { keptOnAll } from '#platform/nodes/kept-files.ts'
import type { Cluster } from '#platform/nodes/needs.ts'
import { type AskWitness, MAX_REPLY_BYTES } from '#platform/witness/ask-witness.ts'
import { createWitnessClient } from '#platform/witness/client.ts'
import { createWitness, type Witness } from '#platform/witness/create-witness.ts'
import { readLogKeyStatement } from '#platform/witness/log-key-statement.ts'
import { createOwnWitnesses, type OwnWitnesses } from '#platform/witness/own-witnesses.ts'
import { createWitnessStore, type WitnessStore } from '#platform/witness/store.ts'
import { openWitnessKey } from '#platform/witness/witness-key.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf, parseServerId, type ServerId } from '#schemas/identifiers.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import type { PostDocument } from '../../global-configuration/registration/client.ts'
import type { Keys } from '../../keys/keys.ts'
import type { MessageLog } from '../../message-log/message-log.ts'
import type { PeerClient } from '../../peer/client.ts'
import { chainOf } from '../../peer/mutual-tls.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { instancesOf } from '../../peer/verify-peer.ts'
import { createLogKeyStatement } from './log-key.ts'
import { createPartners, type Partners } from './partners/partners.ts'
import { createPartnerStore } from './partners/store.ts'
import { peerOf, readPolicy } from './policy.ts'
import { createRegistryLogWitness, type RegistryLogWitness } from './registry-log/cosign-registry-log.ts'
import { openCosignedHeads } from './registry-log/cosigned-heads.ts'
import { peerWitnessRoutes } from './routes.ts'
import { PEER_PREFIX } from './transport.ts'

/** The part of the settings about witnesses. */
export type WitnessSettings = {
  directory: string
  /** Makes this server a witness of other logs. */
  witness?: { name: string; registryLog: boolean } | undefined
  /** The witnesses of this server's log. */
  witnesses?: { policyFile: string; own: string[] } | undefined
}

export type WitnessRoom = {
  /** The text of the policy file. Undefined without one. */
  policyText: string | undefined
  hasQuorum(names: string[]): boolean
  witnesses: OwnWitnesses | undefined
  partners: Partners
  witness: Witness | undefined
  store: WitnessStore
  routes(app: FastifyInstance): void
  /** Undefined unless the settings have `witness.registryLog`. */
  registryLog: RegistryLogWitness | undefined
}

/** A partner submits a checkpoint every few seconds and asks for proofs as often. */
const RATE = { perSecond: 20, burst: 100, underWay: 64 }

export async function openWitnessRoom(q: {
  settings: WitnessSettings
  server: ServerId
  database: Database
  clock: Clock
  log: Log
  keys: Pick<Keys, 'signJson'>
  globalConfiguration: GlobalConfiguration
  messageLog: Pick<MessageLog, 'witnesses'>
  peerClient: PeerClient
  post: PostDocument
  /** Undefined for a server that is one node. */
  cluster: Cluster | undefined
}): Promise<WitnessRoom> {
  const { settings, server, clock, log, globalConfiguration, messageLog } = q
  const owner = memberOf(server)
  const statement = createLogKeyStatement({
    server,
    clock,
    logKey: messageLog.witnesses.logKey,
    sign: (document, type) => q.keys.signJson({ document, type, member: owner }),
  })
  const readStatement = (bytes: Buffer): { origin: string; logKey: string } => {
    const configuration = globalConfiguration.current().indexFor
    return readLogKeyStatement(bytes, { configuration, now: clock() })
  }
  const askPeer =
    (peer: ServerId): AskWitness =>
    async ({ method, path: below, body, contentType }) => {
      const question = { method, path: `${PEER_PREFIX}${below}`, body, contentType }
      const reply = await q.peerClient.ask(peer, { ...question, maxReplyBytes: MAX_REPLY_BYTES })
      return { status: reply.statusCode, contentType: reply.headers['content-type'] ?? '', body: reply.body }
    }

  const policyText = settings.witnesses && (await policyFileOf(settings.witnesses))
  const policy =
    policyText === undefined ? undefined : readPolicy(policyText, { server, own: settings.witnesses!.own })
  const witnesses =
    policy &&
    createOwnWitnesses({
      policy,
      log: messageLog.witnesses,
      transport: (url) => {
        const peer = peerOf(url)
        return peer === undefined ? createWitnessClient(url) : askPeer(peer)
      },
      statement,
      clock,
      logger: log,
    })
  const partners = createPartners({
    store: createPartnerStore(q.database),
    ask: (of) => askPeer(parseServerId(of)),
    readStatement,
    clock,
    logger: log,
  })

  const store = createWitnessStore(q.database)
  const isRegistered = (origin: string): boolean => {
    try {
      const id = parseServerId(origin)
      return (
        idText(id) === origin && globalConfiguration.current().indexFor(id.instance)?.server(id) !== undefined
      )
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.status < 500) return false
      throw thrown
    }
  }
  const key =
    settings.witness &&
    (await openWitnessKey({
      file: path.join(settings.directory, 'witness-key.pem'),
      name: settings.witness.name,
      store,
      files: q.cluster && keptOnAll(q.cluster, settings.directory),
    }))
  const registryLog =
    key && settings.witness?.registryLog === true
      ? createRegistryLogWitness({
          ...{ server, key, store, clock, log, keys: q.keys, post: q.post },
          heads: await openCosignedHeads(settings.directory),
          registryLog: globalConfiguration.registryLog,
        })
      : undefined
  const witness =
    key &&
    createWitness({
      store,
      key,
      clock,
      accepts: async (origin) => isRegistered(origin),
      readStatement: async (bytes) => readStatement(bytes),
      onContradiction: (origin, isFork) =>
        log.error({ origin, isFork }, 'a message log contradicts what was cosigned; the proof is kept'),
    })

  const hasQuorum = (names: string[]): boolean => {
    if (policy === undefined) return false
    const labels = policy.witnesses.filter(({ name }) => names.includes(name)).map(({ label }) => label)
    return meetsPolicy(policy, new Set(labels))
  }
  if (witnesses !== undefined)
    messageLog.witnesses.useQuorum({ submit: witnesses.submit, isMetBy: hasQuorum })

  const quota = createPeerQuota({ ...RATE, clock })
  const guard = (request: FastifyRequest): void => {
    const [certificate] = chainOf(request)
    instancesOf(certificate, globalConfiguration.current())
    const protocol = (request.raw.socket as TLSSocket).getProtocol()
    if (protocol !== 'TLSv1.3') throw new Fault('tls_profile_not_allowed', { what: `it came by ${protocol}` })
    // Nothing that it says tells whose server it is, when several registries have its certificate.
    quota.enter(certificate!.sha256)()
  }
  return {
    policyText,
    hasQuorum,
    witnesses,
    partners,
    witness,
    store,
    registryLog,
    routes: (app) =>
      peerWitnessRoutes(app, {
        witness,
        statement,
        proveConsistency: messageLog.witnesses.proveConsistency,
        guard,
      }),
  }
}

async function policyFileOf({ policyFile }: NonNullable<WitnessSettings['witnesses']>): Promise<string> {
  return readFile(policyFile, 'utf8').catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${policyFile} cannot be read`, cause })
  })
}

/** Adds metrics: the progress of the quorum, failing witnesses, and proofs that a log was altered. */
export function watchWitnesses(
  metrics: Metrics,
  { witnesses, partners, store }: WitnessRoom,
  clock: Clock,
): void {
  metrics.watch(
    'concordat_witness_contradictions',
    'Kept proofs of altered message logs',
    'log',
    async () => [
      ['own', witnesses?.contradictions() ?? 0] as const,
      ['partner', partners.contradictionCount()] as const,
      ['witnessed', await store.countForks()] as const,
    ],
  )
  if (witnesses === undefined) return
  metrics.watch(
    'concordat_log_unwitnessed_seconds',
    'Since when the newest checkpoint has no quorum of cosignatures, 0 when it has one',
    () => {
      const { lateSince } = witnesses.witnessed()
      return lateSince === null ? 0 : Math.max(0, (clock() - Date.parse(lateSince)) / 1000)
    },
  )
  metrics.watch(
    'concordat_log_witnessed_age_seconds',
    'Age of the newest checkpoint that a quorum cosigned; none before the first',
    () => {
      const { at } = witnesses.witnessed()
      if (at === null) throw new Fault('not_found')
      return Math.max(0, (clock() - Date.parse(at)) / 1000)
    },
  )
  metrics.watch(
    'concordat_witness_failing',
    '1 when this witness gave no cosignature when last asked',
    'witness',
    async () => witnesses.state().map(({ label, lastError }) => [label, lastError === null ? 0 : 1] as const),
  )
}
