/**
 * The listening half of a security server that a test plays: it answers requests as an honest provider's
 * server does, or not.
 */
import { createHash } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { HeaderList } from '#core/transport/header-list.ts'
import { boundaryOf, readMultipart } from '#core/transport/multipart-reader.ts'
import { parseRestRequest, type RestRequest } from '#core/transport/rest-request.ts'
import { requestHash, writeRestResponse } from '#core/transport/rest-response.ts'
import { PART_TYPE } from '#schemas/wire.ts'
import type { Credential } from './credentials.ts'
import * as R from './rogue-server.ts'

/** A request that arrived, and the facts for an honest reply. */
export type Received = {
  request: RestRequest
  requestId: string
  requestHash: string
  parts: R.Part[]
}

/** The reply; all defaults are honest. */
export type ReplyLie = {
  about?: Received
  status?: number
  body?: Buffer | undefined
  signer?: R.Signer
  signingTime?: Date
  requestHash?: string
  requestId?: string
  request?: Partial<RestRequest>
  headers?: HeaderList
  parts?: (parts: R.Part[]) => R.Part[]
  content?: (content: R.Content) => R.Content
  httpStatus?: number
  transport?: Record<string, string | undefined>
  /** Writes the answer itself; by default it is sent as a whole. */
  write?: (response: http.ServerResponse, bytes: Buffer) => void
}

type RogueProvider = {
  received: Received[]
  /** The number of TLS handshakes that a consumer's server completed, whether or not a request followed. */
  connections(): number
  answer(lie: (received: Received) => ReplyLie | Promise<ReplyLie>): void
  present(credential: Pick<Credential, 'cert' | 'key'>): void
  /** Sets the answer on port 5577: OCSP responses, or any bytes. */
  status(answer: Status): void
  close(): Promise<void>
}

export async function startRogueProvider(q: { rogue: R.Rogue; signer: R.Signer }): Promise<RogueProvider> {
  const { rogue, signer } = q
  const received: Received[] = []
  const sockets = new Set<TLSSocket>()
  let made = 0
  let lie: (received: Received) => ReplyLie | Promise<ReplyLie> = () => ({})
  let status: Status = () => undefined

  const { cert, key } = rogue.authentication
  const server = https.createServer(
    { cert, key, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      void read(request, String(request.headers['content-type'])).then(async (arrived) => {
        received.push(arrived)
        answer(response, arrived, await lie(arrived), signer)
      })
    },
  )
  server.on('secureConnection', (socket) => {
    made++
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  await listen(server, 5500, rogue.address)
  const ocsp = await startStatus(rogue.address, (hashes) => status(hashes))
  return {
    received,
    connections: () => made,
    answer: (next) => {
      lie = next
    },
    present(credential) {
      server.setSecureContext({ cert: credential.cert, key: credential.key })
      for (const socket of sockets) socket.destroy()
    },
    status: (next) => {
      status = next
    },
    async close() {
      server.closeAllConnections()
      ocsp.closeAllConnections()
      await Promise.all([server, ocsp].map((one) => new Promise((resolve) => one.close(resolve))))
    },
  }
}

type Status = (hashes: string[]) => Promise<R.Part[]> | R.Content | undefined

/**
 * Answers on port 5577 with the OCSP responses that `status` has for the hashes asked for, or with any bytes.
 */
export async function startStatus(address: string, status: Status): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    void (async () => {
      const said = await status(searchParams.getAll('cert'))
      if (said === undefined) return void response.writeHead(500).end()
      const content = Array.isArray(said) ? R.multipart(said) : said
      response.writeHead(200, { 'content-type': content.type.replace('mixed', 'related') }).end(content.bytes)
    })()
  })
  await listen(server, 5577, address)
  return server
}

function listen(server: http.Server | https.Server, port: number, host: string): Promise<void> {
  return new Promise((resolve) => void server.listen(port, host, resolve))
}

async function read(source: Readable, type: string): Promise<Received> {
  const parts: R.Part[] = []
  await readMultipart({
    source,
    boundary: boundaryOf(type),
    limits: { maxParts: 20, maxHeaderBytes: 16_384 },
    onPart(headers) {
      const chunks: Buffer[] = []
      return {
        write: (chunk) => void chunks.push(Buffer.from(chunk)),
        end: () => void parts.push([headers.get('content-type') ?? '', Buffer.concat(chunks)]),
      }
    },
  })
  const of = (type: string): Buffer | undefined => parts.find(([name]) => name === type)?.[1]
  const message = of(PART_TYPE.restRequest)!
  const body = of(PART_TYPE.restBody)
  const request = parseRestRequest(message)
  const hash = requestHash({ message: R.sha512(message), body: body && R.sha512(body) })
  return { request, requestId: request.requestId!, requestHash: hash, parts }
}

function answer(response: http.ServerResponse, arrived: Received, lie: ReplyLie, signer: R.Signer): void {
  const { about = arrived, body = Buffer.from('true'), transport = {} } = lie
  const message = writeRestResponse({
    status: lie.status ?? 200,
    reason: 'OK',
    headers: lie.headers ?? [['Content-Type', 'text/plain']],
    request: { ...about.request, ...lie.request },
    requestId: lie.requestId ?? about.requestId,
    requestHash: lie.requestHash ?? about.requestHash,
  })
  const parts: R.Part[] = [
    [PART_TYPE.restResponse, message],
    [PART_TYPE.restBody, body],
    ...R.signParts(lie.signer ?? signer, message, body, { signingTime: lie.signingTime }),
  ]
  const whole = R.multipart(lie.parts?.(parts) ?? parts)
  const { type, bytes } = lie.content?.(whole) ?? whole
  const headers = { 'content-type': type, 'x-hash-algorithm': 'SHA-512', ...transport }
  const kept = Object.entries(headers).filter((one): one is [string, string] => one[1] !== undefined)
  response.on('error', () => undefined)
  response.writeHead(lie.httpStatus ?? 200, Object.fromEntries(kept))
  if (lie.write === undefined) response.end(bytes)
  else lie.write(response, bytes)
}

/** For `status`: the responses of these certificates, as an honest server returns them. */
export function ocspByHash(known: [Credential['certificate'], Buffer][]) {
  const sha1 = (der: Buffer): string => createHash('sha1').update(der).digest('hex')
  return async (hashes: string[]): Promise<R.Part[]> =>
    hashes.flatMap((hash): R.Part[] => {
      const found = known.find(([certificate]) => sha1(certificate.der) === hash)
      return found === undefined ? [] : [[PART_TYPE.ocsp, found[1]]]
    })
}
