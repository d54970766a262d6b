import type { IncomingMessage } from 'node:http'
import net from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { dropRest, sendWhole } from './unread-body.ts'

t.test('an answer gets through although the request was not read', async (t) => {
  const app = Fastify({ bodyLimit: Number.MAX_SAFE_INTEGER })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const no = Buffer.from('no')
  app.post('/', (_request, reply) => sendWhole(reply.code(413).type('text/plain'), no))
  const wide = { bytes: 64 * 1024 * 1024, ms: 60_000 }
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
  t.match(await ask('', 0), /connection: keep-alive/i, 'a request without a body keeps its connection')
})

t.test('of a request that has ended nothing more is waited for', (t) =>
  t.resolves(dropRest({ complete: true } as IncomingMessage)),
)
