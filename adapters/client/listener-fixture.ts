/** A listener on loopback that answers as a test says, in place of a security server, and a client of it. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { type CallOptions, type ConnectOptions, connect } from './connect.ts'
import { ExchangeError } from './exchange-error.ts'

export const CLIENT = 'DEV/GOV/1002/tax'
export const SERVICE = 'DEV/GOV/1001/population/persons'
export const PATH = '/persons/{code}'

type Arrived = { method: string; target: string; headers: http.IncomingHttpHeaders; body: Buffer }
export type Behaviour = (response: http.ServerResponse, arrived: Arrived) => void

/** A listener on loopback, its requests, and a call to it. */
export async function listen(t: Test, behaviour: Behaviour, options: Partial<ConnectOptions> = {}) {
  const arrived: Arrived[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', () => undefined)
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request
      const one = { method, target, headers, body: Buffer.concat(chunks) }
      arrived.push(one)
      behaviour(response, one)
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const own = connect({ url, client: CLIENT, ...options })
  t.teardown(() => {
    own.close()
    server.closeAllConnections()
    server.close()
  })
  const get = (more: CallOptions = {}) =>
    own.service(SERVICE).call('GET', PATH, { path: { code: 'P1' }, ...more })
  return { url, arrived, own, get, service: own.service(SERVICE) }
}

/** The headers by which servers bind a reply to its request. */
export function bound({ headers, target }: Arrived): http.OutgoingHttpHeaders {
  return {
    'x-road-id': headers['x-road-id'],
    'x-road-client': headers['x-road-client'],
    'x-road-service': target.split('/').slice(2, 7).join('/').replace(/\?.*/, ''),
    'x-road-request-id': '00000000-0000-4000-8000-000000000000',
    'x-road-request-hash': 'aGFzaA==',
  }
}

export const answer =
  (json: unknown, status = 200): Behaviour =>
  (response, arrived) =>
    response
      .writeHead(status, { ...bound(arrived), 'content-type': 'application/json' })
      .end(JSON.stringify(json))

export const fault =
  (status: number, type: string, more: http.OutgoingHttpHeaders = {}): Behaviour =>
  (response) =>
    response
      .writeHead(status, { 'x-road-error': type, 'content-type': 'application/json', ...more })
      .end(JSON.stringify({ type, message: `What is wrong (${type}). Do this.`, detail: 'the-detail' }))

/** Bytes on the wire that no HTTP library would write. */
export const raw =
  (bytes: string, end: 'end' | 'destroy' | 'stay' = 'end'): Behaviour =>
  (response) => {
    const { socket } = response
    socket?.write(bytes, () => {
      if (end !== 'stay') socket[end]()
    })
  }

export async function errorOf(promise: Promise<unknown>): Promise<ExchangeError> {
  const thrown = await promise.then(
    () => new Error('nothing was thrown'),
    (cause: unknown) => cause,
  )
  if (!(thrown instanceof ExchangeError)) throw thrown
  return thrown
}
