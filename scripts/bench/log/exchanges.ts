/**
 * Exchanges as a provider's server logs them, with real signatures: one batch signature for every 16
 * messages, a body in each reply.
 */
import { createPublicKey, hash, randomUUID } from 'node:crypto'
import { type Authority, createAuthority } from '#certs/authority.ts'
import { issueCertificate } from '#certs/ca/issue-certificate.ts'
import { generateKey } from '#certs/keys.ts'
import { PROFILES } from '#certs/profiles.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { sealCircumstances } from '#core/circumstances/seal.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import { buildHashChains, type ChainInput } from '#core/signature/hash-chain.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import { buildTimeStampRequest } from '#core/timestamp/time-stamp-request.ts'
import { readTimeStampResponse } from '#core/timestamp/time-stamp-response.ts'
import { addTsaCertificate } from '#core/timestamp/write-token.ts'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import type { Clock } from '#platform/clock.ts'
import { idText } from '#schemas/identifiers.ts'
import type { RecordInput } from '#security-server/message-log/record-input.ts'
import type { LogOptions, WholeLog } from '#security-server/open-log.ts'

export const BATCH = 16

const PROVIDER = { instance: 'DEV', memberClass: 'GOV', memberCode: '1234' }
export const SERVER = { ...PROVIDER, serverCode: 'ss1' }
const PEER = { instance: 'DEV', memberClass: 'GOV', memberCode: '5678', serverCode: 'ss2' }
export const CLIENT = { instance: 'DEV', memberClass: 'GOV', memberCode: '5678', subsystemCode: 'tax' }
const SERVICE = { ...PROVIDER, subsystemCode: 'population', serviceCode: 'persons' }
const BODY = Buffer.from(JSON.stringify({ persons: 'x'.repeat(1000) }))

export const CONTRACT = randomUUID()
/** A service with one endpoint for each exchange of a batch. */
export const ENDPOINTS = Array.from({ length: BATCH }, (_, i) => ({ method: 'GET', path: `/persons/*/${i}` }))
const CIRCUMSTANCES = ENDPOINTS.map((endpoint) =>
  sealCircumstances({
    ...{ version: 1, side: 'provider', endpoint },
    contract: {
      ...{
        id: CONTRACT,
        version: 1,
        hash: hash('sha256', CONTRACT),
        title: 'Addresses',
        purpose: 'Tax assessment',
      },
      ...{ legalBasis: 'Tax Act, section 7', endpoint: { method: 'GET', path: '/persons/**' } },
    },
    right: {
      endpoint,
      grants: [{ subjectType: 'SUBSYSTEM', subject: idText(CLIENT), since: '2026-01-01T00:00:00.000Z' }],
    },
  }),
)

type Signature = NonNullable<RecordInput['signature']>
type Message = { bytes: Buffer; sha512: Buffer; body?: Buffer }

export type Parties = {
  /** Requests a time-stamp from this authority, whose clock is that of the log. */
  stamp: NonNullable<LogOptions['stamp']>
  signer: NonNullable<LogOptions['signer']>
  /** Signs messages with one batch signature. */
  sign(messages: Message[], at: Date): Signature[]
}

/** Makes a member with its certificate, and a time-stamping authority. */
export async function createParties(clock: Clock): Promise<Parties> {
  const authority: Authority = await createAuthority({ clock, instance: 'DEV' })
  const privateKey = await generateKey('P-256')
  const publicKey = createPublicKey(privateKey)
  const name: [string, string][] = [
    ['C', 'FI'],
    ['serialNumber', 'DEV/ss1/GOV'],
    ['CN', PROVIDER.memberCode],
  ]
  const certificate = await issueCertificate({
    subject: name,
    publicKey,
    profile: PROFILES.signing,
    issuer: { name, publicKey, privateKey },
    notBefore: new Date(clock() - 60_000),
    notAfter: new Date(clock() + 730 * 86_400_000),
  })
  const ocspResponses = [authority.ocspAnswer(buildOcspRequest(authority.intermediate, authority.root))]
  const method = methodFor(publicKey)
  return {
    stamp: async (imprint) => {
      const token = readTimeStampResponse(authority.timeStamp(buildTimeStampRequest({ imprint })))
      return {
        token: addTsaCertificate(token, authority.tsa),
        certificates: [authority.tsa.der, authority.intermediate.der],
        ocspResponses,
      }
    },
    signer: { name: idText(PROVIDER), publicKey, sign: (data) => signValue(method, privateKey, data) },
    sign: (messages, signingTime) => {
      const chains = buildHashChains(messages.map(chainInput))
      const prepared = prepareSignature({
        signingTime,
        certificate,
        intermediates: [],
        ocspResponses,
        reference: { uri: '/sig-hashchainresult.xml', sha512: chains.resultDigest },
        method,
      })
      const signatures = prepared.finish(signValue(method, privateKey, prepared.toBeSigned))
      return messages.map((_, i) => ({
        signatures,
        hashChainResult: chains.result,
        hashChain: chains.chain(i),
      }))
    },
  }
}

function chainInput({ sha512, body }: Message): ChainInput {
  const message = { name: '/message.xml', sha512 }
  return body === undefined
    ? [message]
    : [message, { name: '/attachment1', sha512: hash('sha512', body, 'buffer') }]
}

/**
 * Logs a batch of exchanges: their requests in, their replies out. Resolves with their query ids when all are
 * durable.
 */
export async function logExchanges(
  log: WholeLog,
  parties: Parties,
  time: Date,
  count = BATCH,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => ({ id: randomUUID(), requestId: randomUUID() }))
  const requests = ids.map((each) => message(requestBytes(each)))
  const signed = parties.sign(requests, time)
  const logged = await Promise.all(
    requests.map(({ bytes }, i) =>
      log.append({
        ...common(ids[i]!, time, i),
        kind: 'request',
        direction: 'in',
        outcome: '',
        message: bytes,
        body: undefined,
        signature: signed[i],
        replayKey: hash('sha256', ids[i]!.requestId, 'buffer'),
        extra: { method: 'GET', userId: i === OF_FREQUENT ? FREQUENT_USER : userOf(ids[i]!) },
      }),
    ),
  )
  const replies = requests.map(({ sha512 }, i) => message(responseBytes(ids[i]!, sha512), BODY))
  const answers = parties.sign(replies, time)
  await Promise.all(
    replies.map(async ({ bytes }, i) => {
      const writer = log.spool.begin({ maxBytes: BODY.length })
      await writer.write(BODY)
      await log.append({
        ...common(ids[i]!, time, i),
        kind: 'reply',
        direction: 'out',
        outcome: 'ok',
        message: bytes,
        body: await writer.end(),
        signature: answers[i],
        answers: logged[i]!.index,
      })
    }),
  )
  return ids.map(({ id }) => id)
}

/** A system that calls often, always the same endpoint. */
export const FREQUENT_USER = 'system'
export const OF_FREQUENT = 1

/** One of 4096 users. */
export function userOf({ id }: Pick<RecordInput['ids'], 'id'>): string {
  return `EE${id.slice(0, 3)}`
}

type Common = 'ids' | 'client' | 'service' | 'peer' | 'time' | 'contract' | 'circumstances' | 'configuration'

function common(ids: RecordInput['ids'], time: Date, number: number): Pick<RecordInput, Common> {
  const circumstances = CIRCUMSTANCES[number % CIRCUMSTANCES.length]!
  const held = {
    contract: `${CONTRACT}/1`,
    circumstances,
    configuration: `DEV/${Math.floor(+time / 60_000)}`,
  }
  return { ids, client: CLIENT, service: SERVICE, peer: PEER, time, ...held }
}

function message(bytes: Buffer, body?: Buffer): Message {
  const sha512 = hash('sha512', bytes, 'buffer')
  return body === undefined ? { bytes, sha512 } : { bytes, sha512, body }
}

const TARGET = '/r1/DEV/GOV/1234/population/persons/12345'

function requestBytes({ id, requestId }: RecordInput['ids']): Buffer {
  const headers: [string, string][] = [
    ['X-Road-Client', idText(CLIENT)],
    ['accept', 'application/json'],
    ['x-road-request-id', requestId],
    ['x-road-id', id],
  ]
  return writeRestRequest({ method: 'GET', target: TARGET, headers })
}

function responseBytes({ id, requestId }: RecordInput['ids'], sha512: Buffer): Buffer {
  const headers: [string, string][] = [['content-type', 'application/json']]
  return writeRestResponse({
    status: 200,
    reason: 'OK',
    headers,
    request: { client: CLIENT, service: SERVICE, id },
    requestId,
    requestHash: requestHash({ message: sha512, body: undefined }),
  })
}
