/** Memory of an answer ends when all of it was sent, and not while a write may be under way. */
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { until } from '#test/until.ts'
import { heldMemory } from '../held-memory.ts'
import { endInPieces } from './send-pieces.ts'

const OCTETS = 1024 * 1024

async function answering(t: Test, bytes: Buffer, onClose = (): void => undefined): Promise<IncomingMessage> {
  const server = createServer((_request, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': bytes.length })
    endInPieces(response, bytes)
    response.once('close', onClose)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent: false }, resolve).on('error', reject)
  })
}

t.test('a whole answer arrives, and then its memory has ended', async (t) => {
  const bytes = heldMemory.make(OCTETS).fill('concordat ')
  const slice = bytes.subarray(0, 10)
  const answer = await answering(t, bytes)
  t.ok((await buffer(answer)).equals(Buffer.alloc(OCTETS, 'concordat ')))
  await until('the memory has ended', (saw) => saw(slice.length) === 0)
})

t.test('of an answer that broke off the memory stays', async (t) => {
  // More than the system takes for a client that reads nothing.
  const bytes = heldMemory.make(40 * OCTETS)
  const gone = Promise.withResolvers<void>()
  const answer = await answering(t, bytes, gone.resolve)
  answer.destroy()
  await gone.promise
  // What is told of the answer comes after this.
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(bytes.length, 40 * OCTETS)
})
