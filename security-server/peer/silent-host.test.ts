/**
 * A server that accepts a connection and then says nothing: another server of the provider gets the request,
 * once. Real sockets.
 */
import net from 'node:net'
import { Readable } from 'node:stream'
import t from 'tap'
import { idText } from '#schemas/identifiers.ts'
import { until } from '#test/until.ts'
import { createPeerWorld } from './peer-fixture.ts'
import { clientOf, fails, listen, PORTS, REQUEST, textOf } from './wire-fixture.ts'

const world = await createPeerWorld(t)

/** A listener in the place of a server that never answers a handshake. */
async function keepSilent(address: string): Promise<{ held: Set<net.Socket>; end(): Promise<void> }> {
  const held = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    held.add(socket)
    socket.on('error', () => undefined).on('close', () => held.delete(socket))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(PORTS.messagePort, address, resolve))
  const end = (): Promise<void> => {
    for (const socket of held) socket.destroy()
    return new Promise((resolve) => server.close(() => resolve()))
  }
  return { held, end }
}

t.test('the next server gets the request while the chosen one keeps silent', async (t) => {
  const client = clientOf(t, world)
  const first = await listen(t, world, world.provider, {
    // Else the next request might go over a connection that this one is just closing.
    answer: (request, reply) => {
      request.raw.resume()
      return reply.header('connection', 'close').send('fine')
    },
  })
  t.equal(idText((await client.post(REQUEST)).server), idText(world.provider.id), 'the only one that listens')
  await first.app.close()
  const { held, end } = await keepSilent(world.provider.address)
  t.teardown(end)
  const { asked } = await listen(t, world, world.second, {
    answer: async (request, reply) => {
      const chunks: Buffer[] = []
      for await (const chunk of request.raw) chunks.push(chunk as Buffer)
      return reply.send(Buffer.concat(chunks))
    },
  })

  const made: Readable[] = []
  const content = (): Readable => {
    made.push(Readable.from([Buffer.from('the whole '), Buffer.from('content')]))
    return made.at(-1)!
  }
  const reply = await client.post({ ...REQUEST, content })
  t.equal(idText(reply.server), idText(world.second.id))
  t.equal(await textOf(reply.content), 'the whole content')
  t.equal(held.size, 1, 'the silent one is still being waited for')
  t.equal(asked(), 1, 'one server got it')

  // Over the connection that is there: while others are made the head start may pass.
  t.equal(await textOf((await client.post(REQUEST)).content), 'x')
  t.equal(held.size, 1, 'the one that was ready is chosen from then on')
  const replies = await Promise.all(Array.from({ length: 8 }, () => client.post(REQUEST)))
  t.same(await Promise.all(replies.map(({ content: of }) => textOf(of))), Array(8).fill('x'))

  await end()
  await until(
    'the content that nobody took is closed',
    async (saw) => saw(made.filter(({ destroyed }) => destroyed).length) === made.length,
  )
  t.equal(asked(), 10, 'and nothing was sent twice')
})

t.test('one that is busy keeps its connections when another takes what waits for it', async (t) => {
  const client = clientOf(t, world, { connectionsPerPeer: 1 })
  const busy: (() => void)[] = []
  const first = await listen(t, world, world.provider, {
    answer: async (request, reply) => {
      request.raw.resume()
      await new Promise<void>((resolve) => busy.push(resolve))
      return reply.send('late')
    },
  })
  let connections = 0
  first.app.server.on('secureConnection', () => connections++)
  const held = client.post(REQUEST)
  await until('the exchange that keeps it busy', async (saw) => saw(busy.length) === 1)
  const second = await listen(t, world, world.second)
  const reply = await client.post(REQUEST)
  t.equal(idText(reply.server), idText(world.second.id), 'another was ready first')
  t.equal(await textOf(reply.content), 'fine')
  busy[0]!()
  t.equal(await textOf((await held).content), 'late')
  await second.app.close()
  const again = client.post({ ...REQUEST, wanted: world.provider.id })
  await until('the next exchange', async (saw) => saw(busy.length) === 2)
  busy[1]!()
  t.equal(await textOf((await again).content), 'late')
  t.equal(connections, 1, 'over the connection that was there')
})

t.test('when none is left, the fault says that nothing was sent', async (t) => {
  const client = clientOf(t, world, { connectTimeoutMs: 1_500 })
  const { end } = await keepSilent(world.provider.address)
  t.teardown(end)
  await fails(t, client.post(REQUEST), 'network_error', false, 'one is silent, the other refuses')
})
