/**
 * A security server that a test plays. It is registered in the instance with certificates of the development
 * CA, and sends whatever the test wants. All defaults are honest, so that one lie is the only fault.
 */
import { createHash, randomUUID } from 'node:crypto'
import type https from 'node:https'
import type { Certificate } from '#core/certificate/certificate.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { buildOcspRequest } from '#core/certificate/ocsp-request.ts'
import { methodFor, signValue } from '#core/signature/algorithms.ts'
import { buildHashChains, type ChainInput } from '#core/signature/hash-chain.ts'
import { prepareSignature } from '#core/signature/write-signature.ts'
import { parseSoapFault } from '#core/transport/fault-xml.ts'
import type { HeaderList } from '#core/transport/header-list.ts'
import { closeDelimiter, newBoundary, partHead } from '#core/transport/multipart-writer.ts'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { PART_NAME, PART_TYPE } from '#schemas/wire.ts'
import { ask, colons, type Reply, type World } from '../world.ts'
import { type Credential, credential } from './credentials.ts'

/** An instance into which it is admitted. */
type Place = Pick<World, 'registryAdmin' | 'trust' | 'trustKey'>

export type Part = [type: string, bytes: Buffer]
/** A complete body with its content type. */
export type Content = { type: string; bytes: Buffer }

export type Rogue = {
  member: string
  client: string
  server: string
  address: string
  authentication: Credential
  signing: Credential
}

/** Registers member `code` with a subsystem "rogue", a server at `address`, and its certificate. */
export async function admitRogue(world: Place, code: string, address: string): Promise<Rogue> {
  const member = `DEV/GOV/${code}`
  const [client, server] = [`${member}/rogue`, `${member}/SS-ROGUE`]
  const registry = world.registryAdmin
  await registry.send('POST', '/members', { memberClass: 'GOV', memberCode: code, name: 'Rogue' })
  await registry.send('POST', `/members/${colons(member)}/subsystems`, { subsystemCode: 'rogue', name: 'R' })
  await registry.send('POST', '/security-servers', { id: colons(server), address })
  await registry.send('POST', `/security-servers/${colons(server)}/clients`, { client: colons(client) })
  const wanted = { member, serverCode: 'SS-ROGUE' }
  const rogue = {
    member,
    client,
    server,
    address,
    authentication: await credential(world, { ...wanted, profile: 'authentication' }),
    signing: await credential(world, { ...wanted, profile: 'signing' }),
  }
  await register(world, rogue, rogue.authentication)
  return rogue
}

/**
 * Registers a further authentication certificate of the rogue's server; it counts from the next publication
 * on.
 */
export async function register(world: Place, { server }: Rogue, { certificate }: Credential): Promise<void> {
  const place = `/security-servers/${colons(server)}/authentication-certificates`
  await world.registryAdmin.send('POST', place, certificate.der)
}

export type Trust = {
  intermediate: Certificate
  root: Certificate
  responder: Certificate
  ocsp(certificate: Certificate): Promise<Buffer>
}

/** The CA's certificates, and a client of its OCSP responder. */
export async function openTrust(world: Place): Promise<Trust> {
  const read = async (name: string): Promise<Certificate> =>
    readCertificate((await ask(world.trust.caUrl, `/${name}`)).body)
  const [intermediate, root] = [await read('intermediate'), await read('root')]
  return {
    intermediate,
    root,
    responder: await read('ocsp-responder'),
    async ocsp(certificate) {
      const issuer = certificate.sha256 === intermediate.sha256 ? root : intermediate
      const reply = await ask(world.trust.ocspUrl, '/', {
        method: 'POST',
        headers: { 'Content-Type': 'application/ocsp-request' },
        body: buildOcspRequest(certificate, issuer),
      })
      return reply.body
    },
  }
}

/** How a message is signed; everything but the key may be wrong. */
export type Signer = {
  certificate: Certificate
  privateKey: Credential['privateKey']
  intermediates: Certificate[]
  ocspResponses: Buffer[]
}

export const sha512 = (bytes: Buffer): Buffer => createHash('sha512').update(bytes).digest()

/**
 * The parts that prove `message` and `body`: only a signature when there is no body, otherwise with a hash
 * chain.
 */
export function signParts(
  signer: Signer,
  message: Buffer,
  body?: Buffer,
  o: { signingTime?: Date | undefined; chained?: boolean } = {},
): Part[] {
  const inputs: ChainInput = [{ name: PART_NAME.message, sha512: sha512(message) }]
  if (body !== undefined) inputs.push({ name: PART_NAME.attachment(1), sha512: sha512(body) })
  return signBatch(signer, [inputs], o)[0]!
}

/** One signature over the inputs of several messages; returns the parts for each. */
export function signBatch(
  signer: Signer,
  inputs: ChainInput[],
  o: { signingTime?: Date | undefined; chained?: boolean } = {},
): Part[][] {
  const { privateKey, ...identity } = signer
  const only =
    inputs.length === 1 && inputs[0]!.length === 1 && o.chained !== true ? inputs[0]![0] : undefined
  const chains = only === undefined ? buildHashChains(inputs) : undefined
  const method = methodFor(privateKey)
  const reference =
    chains === undefined
      ? ({ uri: PART_NAME.message, sha512: only!.sha512 } as const)
      : ({ uri: PART_NAME.hashChainResult, sha512: chains.resultDigest } as const)
  const prepared = prepareSignature({
    ...identity,
    method,
    reference,
    signingTime: o.signingTime ?? new Date(),
  })
  const signature: Part = [
    PART_TYPE.signature,
    prepared.finish(signValue(method, privateKey, prepared.toBeSigned)),
  ]
  if (chains === undefined) return [[signature]]
  return inputs.map((_, i) => [
    [PART_TYPE.hashChainResult, chains.result],
    [PART_TYPE.hashChain, chains.chain(i)],
    signature,
  ])
}

/** The bytes of a request message with the headers that an honest consumer's server writes. */
export function requestMessage(q: {
  client: string
  target: string
  method?: string
  requestId: string
  id?: string
  headers?: HeaderList
}): Buffer {
  const headers: HeaderList = [
    ['X-Road-Client', q.client],
    ...(q.headers ?? []),
    ['x-road-request-id', q.requestId],
    ['x-road-id', q.id ?? `id-${q.requestId}`],
  ]
  return writeRestRequest({ method: q.method ?? 'GET', target: q.target, headers })
}

/** The parts as one multipart body. */
export function multipart(parts: Part[], boundary = newBoundary('xtop')): Content {
  const pieces = parts.flatMap(([type, bytes], i) => [partHead(boundary, type, i === 0), bytes])
  return {
    type: `multipart/mixed; charset=UTF-8; boundary=${boundary}`,
    bytes: Buffer.concat([...pieces, closeDelimiter(boundary)]),
  }
}

/** A peer's answer: 'ok' with a reply, or the type of its fault. */
export type PeerAnswer = { type: string; detail: string; reply: Reply }

/** Posts to a server's message port; `headers` replace the honest ones, or remove them when undefined. */
export async function post(
  server: { address: string; messagePort: number },
  q: {
    requestId: string
    content: Content
    credential: { cert: string; key: string } | undefined
    headers?: Record<string, string | undefined>
    agent?: https.Agent | undefined
  },
): Promise<PeerAnswer> {
  const headers: Record<string, string | undefined> = {
    'content-type': q.content.type,
    'x-hash-algorithm': 'SHA-512',
    'x-proxy-version': '7.8.1',
    'x-road-request-id': q.requestId,
    'x-road-message-type': 'REST',
    ...q.headers,
  }
  const kept = Object.entries(headers).filter((one): one is [string, string] => one[1] !== undefined)
  const reply = await ask(`https://${server.address}:${server.messagePort}`, '/', {
    method: 'POST',
    headers: Object.fromEntries(kept),
    body: q.content.bytes,
    certificate: q.credential && { cert: q.credential.cert, key: q.credential.key },
    agent: q.agent,
  })
  if (reply.headers['content-type']?.startsWith('multipart/')) return { type: 'ok', detail: '', reply }
  const fault = parseSoapFault(reply.body)
  return { type: fault?.type ?? `http ${reply.status}`, detail: fault?.detail ?? '', reply }
}

export const newId = (): string => randomUUID()
