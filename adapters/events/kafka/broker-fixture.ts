/** For tests: a server that answers as no broker of others would on request. */
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'

/** A server that answers each request, after its four bytes of length, with what `answer` makes of it. */
export async function fake(t: Test, answer: (request: Buffer, socket: Socket, nth: number) => void) {
  const address = ownAddress()
  const server = createServer((socket) => {
    let nth = 0
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => answer(bytes as Buffer, socket, nth++))
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => void server.listen(9092, address, resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: address, port: 9092, isTls: false, credentials: { tls: {} } }
}

export const frame = (id: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 4)
  head.writeInt32BE(id, 4)
  return Buffer.concat([head, body])
}
export const idOf = (request: Buffer): number => request.readInt32BE(8)
/** ApiVersions: no error, and Fetch from 4 to 17. */
export const VERSIONS = Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 0, 4, 0, 17])
