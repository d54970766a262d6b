/** The provider's system of the bench: answers GET with the requested number of bytes, POST with one kilobyte. */
import Fastify from 'fastify'

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
app.post('/take', async (request, reply) => {
  for await (const _chunk of request.raw);
  return reply.type('application/octet-stream').send(bytesOf(1024))
})
await app.listen({ host: address, port })
process.on('disconnect', () => process.exit(0))
process.send?.({ ready: true })
