import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'
import { PassThrough } from 'node:stream'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import { dropRest, sendWhole } from './unread-body.ts'

t.test('an answer gets through although the request was not read', async (t) => {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const no = Buffer.from('no')
  app.post('/', (_request, reply) => sendWhole(reply.code(413).type('text/plain'), no))
  const wide = { bytes: 64 * 1024 * 1024, ms: 60_000, of: 'a peer', atOnce: 1 }
  app.post('/known', (_request, reply) => sendWhole(reply.code(413).type('text/plain'), no, wide))
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as net.AddressInfo
  const ask = (body: string, length: number, target = '/'): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1')
      let text = ''
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        if (length === 0 && text.endsWith('no')) socket.end()
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      socket.write(
        `POST ${target} HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: ${length}\r\n\r\n`,
      )
      // The client writes the whole request before it reads, as simple clients do.
      socket.write(body)
    })
  const large = await ask('x'.repeat(8_000_000), 8_000_000)
  t.match(large, /^HTTP\/1\.1 413[\s\S]*connection: close[\s\S]*\r\n\r\nno$/i)
  const larger = await ask('x'.repeat(40_000_000), 40_000_000, '/known')
  t.match(larger, /\r\n\r\nno$/, 'of who is known more is read')
  const first = net.connect(port, '127.0.0.1')
  t.teardown(() => first.destroy())
  first.write('POST /known HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 9\r\n\r\n')
  await once(first, 'data')
  await t.rejects(ask('x'.repeat(40_000_000), 40_000_000, '/known'), 'one at once')
  t.match(await ask('', 0), /connection: keep-alive/i, 'a request without a body keeps its connection')
})

t.test('the rest is read while its sender sends, and somebody wants to know', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const drop = (isWanted = () => true) => {
    const request = new PassThrough()
    const seen = { isOver: false, request }
    void dropRest(request as never, { bytes: 1e9, ms: 120_000 }, isWanted).then(() => (seen.isOver = true))
    return seen
  }
  const look = async (): Promise<void> => {
    await turn()
    mock.timers.tick(5_000)
    await turn()
  }
  const [steady, trickling, unwanted] = [drop(), drop(), drop(() => false)]
  for (const { request } of [steady, unwanted]) request.write(Buffer.alloc(300_000))
  trickling.request.write('x')
  await look()
  t.match([steady, trickling, unwanted], [{ isOver: false }, { isOver: true }, { isOver: true }])
  for (let looks = 1; looks < 24; looks++) {
    t.equal(steady.isOver, false)
    steady.request.write(Buffer.alloc(300_000))
    await look()
  }
  t.equal(steady.isOver, true, 'after two minutes')
})

t.test('of a request that has ended nothing more is waited for', (t) =>
  t.resolves(dropRest({ complete: true } as IncomingMessage)),
)
