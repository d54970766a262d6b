/**
 * The population register's half with real keys and a system of its own on loopback; requests as the tax
 * agency sends them.
 */

import { createHash, randomUUID } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { wireFault } from '#schemas/fault.ts'
import { idText, memberOf, parseServiceId, type ServiceId } from '#schemas/identifiers.ts'
import { NO_TERMS } from '../global-configuration/contracts/index-contracts.ts'
import type { LocalService, LocalSystems } from '../local-systems/local-systems.ts'
import { createMessageValidator } from '../local-systems/validation/validate-messages.ts'
import { createReadingBound } from '../message/being-read.ts'
import type { Body } from '../message/body.ts'
import type { MessageSignature } from '../message/message.ts'
import { REST_PART, rest } from '../message/rest.ts'
import {
  createFakeLog,
  createPeerWorld,
  type FakeLog,
  type PeerWorld,
  POPULATION,
  requestOf,
  TAX,
} from '../peer/peer-fixture.ts'
import { createPeerQuota } from '../peer/peer-quota.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { createMessageVerifier } from '../peer/verify-message.ts'
import { createPeerVerifier } from '../peer/verify-peer.ts'
import { writeMessage } from '../peer/write-message.ts'
import { createServiceClient } from './client.ts'
import type { Arrival } from './receive.ts'
import { type Refusal, RefusedExchange } from './refuse.ts'
import type { ProviderRooms } from './rooms.ts'
import { createServicePlaces } from './service-places.ts'

const PERSONS = parseServiceId('DEV/GOV/2000/population/persons')

export type Question = Parameters<typeof requestOf>[0] & {
  body?: Body | undefined
  /** Another message's digest, body or signer than is sent. */
  signer?: 'provider'
  sent?: { message?: Buffer; body?: Body | undefined; signature?: MessageSignature }
  headers?: string[]
}

type ProviderWorld = {
  world: PeerWorld
  rooms: ProviderRooms
  log: FakeLog
  service: LocalService
  /** Who may call; everybody while true. */
  allowed: boolean
  /** The population register's system: what it was asked, and how it answers. */
  system: { url: string; calls: http.IncomingMessage[]; answer: http.RequestListener }
  /** Contents that were sent; what a test does not read it has to destroy, as a socket would. */
  sent: Readable[]
  ask(q?: Partial<Question>, change?: (arrival: Arrival) => Arrival): Promise<Arrival>
}

export async function createProviderWorld(t: Test): Promise<ProviderWorld> {
  const world = await createPeerWorld(t)
  const log = createFakeLog(world)
  const calls: http.IncomingMessage[] = []
  const server = http.createServer((request, response) => {
    calls.push(request)
    made.system.answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`
  const serviceClient = createServiceClient({
    // No machine is so busy; who tests an expiry says so.
    connectTimeoutMs: 60_000,
    connectionsPerService: 4,
    identity: world.provider.keys.internalTls.identity,
  })
  t.teardown(() => serviceClient.close())
  const messageValidator = createMessageValidator({ onEnded: () => undefined })
  t.teardown(() => messageValidator.close())
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const signAsProvider = createMessageSigner({ keys: world.provider.keys, clock: world.clock })
  const made: ProviderWorld = {
    world,
    log,
    allowed: true,
    sent: [],
    service: {
      id: PERSONS,
      type: 'OPENAPI',
      url,
      timeoutMs: 60_000,
      maxConcurrentCalls: undefined,
      verifyTls: true,
      validate: 'NONE',
      trustedCertificates: undefined,
      disabledNotice: undefined,
      allowEncodedSlash: false,
      documentText: 'openapi: 3.1.0\n',
    },
    system: {
      url,
      calls,
      answer: (request, response) => {
        request.resume()
        response.end('an answer')
      },
    },
    rooms: {
      server: world.provider.id,
      clock: world.clock,
      limits: { maxMessageBytes: 64 * 1024, maxSoapBytes: 1_000_000, maxBodyBytes: 1_000_000 },
      contracts: { contractFor: () => NO_TERMS, termsOfRefused: () => NO_TERMS },
      contractQuotas: { take: () => Promise.resolve(() => undefined) },
      servicePlaces: createServicePlaces(),
      globalConfiguration: world.globalConfiguration,
      hostingMandateFor: () => undefined,
      mandateServices: { ask: () => Promise.reject(new Error('no mandate service was asked for')) },
      localSystems: localSystems(() => made),
      messageLog: log,
      keys: world.provider.keys,
      signMessage: signAsProvider,
      verifyMessage: createMessageVerifier(),
      verifyPeer: createPeerVerifier(),
      xroadTlsPeers: new Set(),
      quota: createPeerQuota({ perSecond: 1e6, burst: 1e6, underWay: 2, clock: world.clock }),
      beginReading: createReadingBound({ inAll: 1e9, ofOne: 1e9, what: 'messages of peers' }),
      messageValidator,
      serviceClient,
      endOfCourse: () => undefined,
      tracing: { begin: () => undefined, ended: () => undefined },
      monitoring: { answer: () => Promise.reject(new Error('there is no monitoring')) },
      inbox: { take: () => Promise.reject(new Error('there is no inbox')) },
      room: { take: () => Promise.reject(new Error('there is no room')) },
      tracker: { take: () => Promise.reject(new Error('there is no tracker')) },
      consents: { take: () => Promise.reject(new Error('no consent was asked for')) },
      previews: {} as never,
      consentService: { take: () => Promise.reject(new Error('there are no consents')) },
    },
    async ask(q = {}, change = (same) => same) {
      const { request, requestId, bytes } = requestOf({ requestId: randomUUID(), ...q })
      const messageSha512 = createHash('sha512').update(bytes).digest()
      const signer = q.signer === undefined ? sign : signAsProvider
      const member = memberOf(q.signer === undefined ? request.client : PERSONS)
      const { signature } = await signer(member, { messageSha512, body: q.body })
      const { authenticationIdentity } = world.consumer.keys
      const identity = authenticationIdentity()
      const { contentType, content } = writeMessage({
        codec: rest,
        part: REST_PART.request,
        ocspResponses: identity.ocspResponses,
        message: bytes,
        body: q.body,
        signature,
        ...q.sent,
      })
      const sent = content()
      const stream = Buffer.isBuffer(sent) ? Readable.from([sent], { objectMode: false }) : sent
      made.sent.push(stream)
      return change({
        headers: {
          'content-type': contentType,
          'x-hash-algorithm': 'SHA-512',
          'x-proxy-version': '7.8.1',
          'x-road-message-type': 'REST',
          'x-road-request-id': requestId,
        },
        content: stream,
        presented: [identity.certificate, ...identity.intermediates],
        protocol: 'TLSv1.3',
      })
    },
  }
  return made
}

/** One service, and the right to it or not. */
function localSystems(world: () => ProviderWorld): LocalSystems {
  const find = (id: ServiceId): LocalService | undefined =>
    idText(id) === idText(PERSONS) ? world().service : undefined
  const endpoints = [{ method: 'GET', path: '/a' }]
  const some: Partial<LocalSystems> = {
    service: find,
    call: ({ client }) => ({
      isAllowed: world().allowed && idText(client) === idText(TAX),
      circumstances: () => ({
        local: world().service,
        key: idText(client),
        describe: () => ({ side: 'provider', endpoint: { method: 'GET', path: '/a' } }),
      }),
    }),
    services: () => [world().service],
    allowedServices: () => (world().allowed ? [world().service] : []),
    endpoints: () => endpoints,
  }
  return some as LocalSystems
}

/** The refusal with which an exchange ends; anything else is thrown. */
export async function refusalIn({ log }: ProviderWorld, promise: Promise<unknown>): Promise<Refusal> {
  const cause = await promise.then(
    () => new Error('it was not refused'),
    (thrown: unknown) => thrown,
  )
  if (!(cause instanceof RefusedExchange)) throw cause
  if (log.holds !== 0) throw new Error('a message that has ended holds replay keys back')
  return cause.refusal
}

/** Whether the refusal's signature proves it to who sent the request. */
export async function isProvedRefusal(
  { world, rooms }: ProviderWorld,
  q: { refusal: Refusal; requestId: string; hash: string },
): Promise<boolean> {
  const { fault, signatures } = q.refusal
  return isSignedByProvider(
    { world, rooms },
    refusalStatement({
      requestId: q.requestId,
      requestHash: q.hash,
      fault: wireFault(fault, 'server.serverproxy'),
    }),
    signatures,
  )
}

/** Whether the provider's member signed this statement. */
export async function isSignedByProvider(
  { world, rooms }: Pick<ProviderWorld, 'world' | 'rooms'>,
  message: Buffer,
  signatures: Buffer | undefined,
): Promise<boolean> {
  if (signatures === undefined) return false
  const messageSha512 = createHash('sha512').update(message).digest()
  const parts = { message, messageSha512, body: undefined, signature: { signatures } }
  const snapshot = world.globalConfiguration.current()
  const at = world.clock()
  return rooms.verifyMessage({ parts, member: memberOf(POPULATION), snapshot, at }).then(
    () => true,
    () => false,
  )
}
