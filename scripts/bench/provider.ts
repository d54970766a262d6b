/**
 * The provider's system of the bench: answers GET with the requested number of bytes, POST with one kilobyte.
 */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import { manyBytes } from './many-bytes.ts'

const { address, port } = JSON.parse(process.argv[2] ?? '{}') as { address: string; port: number }
const app = Fastify()
const bodies = new Map<number, Buffer>()
const bytesOf = (size: number): Buffer => {
  const body = bodies.get(size) ?? Buffer.alloc(size, 'concordat ')
  bodies.set(size, body)
  return body
}

app.removeAllContentTypeParsers()
app.addContentTypeParser('*', (_request, _payload, done) => done(null))
app.get<{ Params: { size: string } }>('/bytes/:size', async (request, reply) =>
  reply
    .type('application/octet-stream')
    .send(bytesOf(Math.min(Number(request.params.size), 64 * 1024 * 1024))),
)
/** A kilobyte about anybody. */
app.get('/persons/:id', async (_request, reply) => reply.type('application/octet-stream').send(bytesOf(1024)))
/** Larger than memory: made as it is sent, and what comes is answered by its digest. */
app.get<{ Params: { size: string } }>('/large/:size', async (request, reply) =>
  reply.type('application/octet-stream').send(Readable.from(manyBytes(Number(request.params.size)))),
)
app.post('/large', async (request, reply) => {
  const digest = createHash('sha256')
  for await (const chunk of request.raw) digest.update(chunk as Buffer)
  return reply.type('text/plain').send(digest.digest('hex'))
})
/** 10 KB of objects. */
const people = JSON.stringify({
  people: Array.from({ length: 103 }, (_, id) => ({
    ...{ id, name: 'Mari Maasikas', born: '1980-01-31', tags: ['a', 'b'], address: { code: '12345' } },
  })),
})
app.get('/people', async (_request, reply) => reply.type('application/json').send(people))
app.post('/take', async (request, reply) => {
  for await (const _chunk of request.raw);
  return reply.type('application/octet-stream').send(bytesOf(1024))
})
/** Answers a SOAP request, alone or with attachments, with a kilobyte under the header that came. */
app.post('/soap', async (request, reply) => {
  const chunks: Buffer[] = []
  for await (const chunk of request.raw as AsyncIterable<Buffer>) if (chunks.length === 0) chunks.push(chunk)
  const text = chunks[0]?.toString('latin1') ?? ''
  const header = text.slice(text.indexOf('<?xml'), text.indexOf('<SOAP-ENV:Body>'))
  const answer = `${header}<SOAP-ENV:Body><takeResponse>${'concordat '.repeat(40)}</takeResponse></SOAP-ENV:Body></SOAP-ENV:Envelope>`
  return reply.type('text/xml; charset=utf-8').send(answer)
})
await app.listen({ host: address, port })
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
