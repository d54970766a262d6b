/**
 * The tax agency's half with real keys; its peer is played: replies are signed by the population register,
 * then bent.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { parseRestRequest, type RestRequest } from '#core/transport/rest-request.ts'
import { requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import { Fault, type WireFault } from '#schemas/fault.ts'
import { type ClientId, idText, memberOf } from '#schemas/identifiers.ts'
import { NO_TERMS } from '../global-configuration/contracts/index-contracts.ts'
import type { LocalClient, LocalSystems } from '../local-systems/local-systems.ts'
import type { Body } from '../message/body.ts'
import { REST_PART, rest } from '../message/rest.ts'
import type { PeerReply, PeerRequest } from '../peer/client.ts'
import {
  createFakeLog,
  createPeerWorld,
  type FakeLog,
  type PeerWorld,
  POPULATION,
  TAX,
} from '../peer/peer-fixture.ts'
import { readMessage } from '../peer/read-message.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { createMessageVerifier } from '../peer/verify-message.ts'
import { writeMessage } from '../peer/write-message.ts'
import type { Arrival } from './accept.ts'
import type { ContainerLog } from './container-routes.ts'
import type { ConsumerRooms } from './rooms.ts'
import { createUsedUpQuotas } from './used-up-quotas.ts'

/** The request as the peer got it. */
export type Received = {
  request: RestRequest
  message: Buffer
  body: Body | undefined
  requestId: string
  transport: Record<string, string>
}

export type ReplyChange = {
  status?: number
  reason?: string
  headers?: [string, string][]
  body?: Body | undefined
  /** Instead of what the request says. */
  request?: Pick<RestRequest, 'client' | 'service' | 'id'>
  requestId?: string
  requestHash?: string
  signer?: 'consumer'
  sent?: { message?: Buffer; body?: Body | undefined }
}

type ConsumerWorld = {
  world: PeerWorld
  rooms: ConsumerRooms
  log: FakeLog
  local: LocalClient
  received: Received[]
  /** What the peer does with the next requests. */
  peer: (received: Received) => Promise<PeerReply> | PeerReply
  replyTo(received: Received, change?: ReplyChange): Promise<PeerReply>
  faultOf(fault: WireFault, signatures?: Buffer): PeerReply
  /** The peer's signed word that it refused this request. */
  signRefusal(fault: WireFault, received: Received, hash: 'whole' | 'early'): Promise<Buffer>
  /** Signed alone by the peer, as statements beside a fault are. */
  signStatement(statement: Buffer): Promise<Buffer>
  arrival(q?: {
    method?: string
    url?: string
    headers?: string[]
    body?: Buffer
    tls?: Arrival['tls']
  }): Arrival
}

export async function createConsumerWorld(t: Test): Promise<ConsumerWorld> {
  const world = await createPeerWorld(t)
  const log = createFakeLog(world)
  const { consumer, provider, clock } = world
  const sign = createMessageSigner({ keys: consumer.keys, clock })
  const signAsProvider = createMessageSigner({ keys: provider.keys, clock })
  const limits = { maxMessageBytes: 64 * 1024, maxSoapBytes: 1_000_000, maxBodyBytes: 1_000_000 }

  async function receive({ headers, content }: PeerRequest): Promise<Received> {
    const sent = content()
    const parts = await readMessage({
      source: Buffer.isBuffer(sent) ? Readable.from([sent], { objectMode: false }) : sent,
      contentType: headers['content-type']!,
      codec: rest,
      half: 'request',
      onMessage: () => undefined,
      spool: world.spool,
      limits,
      tooSlow: 'request_timeout',
    })
    await parts.body?.discard()
    const request = parseRestRequest(parts.message)
    const { message, body } = parts
    return { request, message, body, requestId: headers['x-road-request-id']!, transport: headers }
  }

  const made: ConsumerWorld = {
    world,
    log,
    local: { id: TAX, authenticationMode: 'NOSSL', certificates: new Set() },
    received: [],
    peer: (received) => made.replyTo(received),
    rooms: {
      server: consumer.id,
      clock,
      limits,
      contracts: { contractFor: () => NO_TERMS },
      hostingMandateFor: () => undefined,
      usedUpQuotas: createUsedUpQuotas({ clock }),
      globalConfiguration: world.globalConfiguration,
      localSystems: {
        client: (id: ClientId) => (idText(id) === idText(TAX) ? made.local : undefined),
      } as LocalSystems,
      messageLog: log,
      signMessage: sign,
      verifyMessage: createMessageVerifier(),
      peerClient: {
        async post(request) {
          const received = await receive(request)
          made.received.push(received)
          return made.peer(received)
        },
        close: async () => undefined,
      },
      heardTreeHead: () => undefined,
      endOfCourse: () => undefined,
      tracing: { begin: () => undefined, ended: () => undefined },
      authenticationIdentity: consumer.keys.authenticationIdentity,
    },
    async replyTo(received, change = {}) {
      const { status = 200, reason = 'OK', headers = [], body, signer } = change
      const hash = requestHash({ message: sha512(received.message), body: received.body?.sha512 })
      const message = writeRestResponse({
        status,
        reason,
        headers,
        request: change.request ?? received.request,
        requestId: change.requestId ?? received.requestId,
        requestHash: change.requestHash ?? hash,
      })
      const signAs = signer === undefined ? signAsProvider : sign
      const member = memberOf(signer === undefined ? POPULATION : TAX)
      const { signature } = await signAs(member, { messageSha512: sha512(message), body })
      const outgoing = {
        codec: rest,
        part: REST_PART.reply,
        ocspResponses: [] as Buffer[],
        message,
        body,
        signature,
      } as const
      const written = writeMessage({ ...outgoing, ...change.sent })
      const content = written.content()
      return {
        statusCode: 200,
        headers: {
          'content-type': written.contentType,
          'x-hash-algorithm': 'SHA-512',
          'x-concordat-tree-head': 'aGVhZA==',
          'x-concordat-configuration-head': 'a.head.7',
        },
        content: Buffer.isBuffer(content) ? Readable.from([content], { objectMode: false }) : content,
        server: provider.id,
      }
    },
    faultOf: (fault, signatures) => ({
      statusCode: 200,
      headers: {
        'content-type': 'text/xml; charset=UTF-8',
        'x-concordat-refusal': signatures?.toString('base64'),
      },
      content: Readable.from([writeSoapFault(fault)], { objectMode: false }),
      server: provider.id,
    }),
    async signRefusal(fault, received, hash) {
      const whole = requestHash({ message: sha512(received.message), body: received.body?.sha512 })
      const { requestId } = received
      const statement = refusalStatement({ requestId, requestHash: hash === 'whole' ? whole : '', fault })
      return made.signStatement(statement)
    },
    async signStatement(statement) {
      const parts = { messageSha512: sha512(statement), body: undefined }
      return (await signAsProvider(memberOf(POPULATION), parts, { alone: true })).signature.signatures
    },
    arrival: ({
      method = 'GET',
      url = '/r1/DEV/GOV/2000/population/persons/a',
      headers = [],
      body,
      tls,
    } = {}) => ({
      codec: rest,
      method,
      url,
      rawHeaders: ['X-Road-Client', idText(TAX), ...headers],
      content: Readable.from(body === undefined ? [] : [body], { objectMode: false }),
      tls,
    }),
  }
  return made
}

function sha512(bytes: Buffer): Buffer {
  return createHash('sha512').update(bytes).digest()
}

/** Evidence of one exchange whose body cannot be read to its end. */
export function evidenceWithoutBody(): Partial<ContainerLog> {
  async function* broken() {
    yield Buffer.alloc(60_000)
    throw new Fault('log_inconsistent', { what: 'a body file is missing' })
  }
  const open = (): Readable => Readable.from(broken(), { objectMode: false })
  return {
    findExchange: async () => [{ idx: 1, kind: 'request', time: '2026-01-01T00:00:00Z' }],
    read: async () => ({ message: Buffer.from('m'), signatures: Buffer.from('s'), timeStamp: {} }),
    container: async () => ({
      message: Buffer.from('m'),
      signatures: Buffer.from('s'),
      attachments: [{ name: 'attachment1', size: 200_000, open }],
    }),
  }
}
