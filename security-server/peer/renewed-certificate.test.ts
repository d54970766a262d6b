/**
 * What waits for its turn at a peer while a new certificate of ours takes the place of the old one, or the
 * peer moves: it goes over a new connection.
 */
import t from 'tap'
import { until } from '#test/until.ts'
import { chainOf } from './mutual-tls.ts'
import { authenticationCertificate, createPeerWorld } from './peer-fixture.ts'
import { clientOf, listen, onlySs2, REQUEST, textOf } from './wire-fixture.ts'

t.test('a request that waited is sent once, with the new certificate', async (t) => {
  const world = await createPeerWorld(t)
  onlySs2(world)
  const seen: string[] = []
  const changed = Promise.withResolvers<void>()
  await listen(t, world, world.provider, {
    answer: async (request, reply) => {
      seen.push(chainOf(request)[0]!.sha256)
      request.raw.resume()
      if (seen.length === 1) await changed.promise
      return reply.send('fine')
    },
  })
  const client = clientOf(t, world, { connectionsPerPeer: 1 })
  const running = client.post(REQUEST)
  await until('the request at the peer', () => seen.length === 1)
  const waiting = client.post(REQUEST)
  const old = world.consumer.keys.authenticationIdentity().certificate
  const notAfter = new Date(old.notAfter.getTime() + 86_400_000)
  const fresh = await authenticationCertificate(world, world.consumer, { notAfter })
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) =>
      one.id.serverCode === 'ss1'
        ? { ...one, authCertHashes: [old.sha256, fresh].map((hash) => Buffer.from(hash, 'hex')) }
        : one,
    ),
  }))
  await world.consumer.keys.setActive(old.sha256, false)
  changed.resolve()
  t.equal(await textOf((await running).content), 'fine', 'what runs is finished')
  t.equal(await textOf((await waiting).content), 'fine')
  t.strictSame(seen, [old.sha256, fresh])
})

t.test(
  'what waited while the peer moved goes to its new address, over the connections that others use',
  async (t) => {
    const world = await createPeerWorld(t)
    onlySs2(world)
    const seen: string[] = []
    const moved = Promise.withResolvers<void>()
    const address = world.provider.address.replace(/\d+$/, (last) => String((Number(last) % 200) + 30))
    const at = async (server: typeof world.provider): Promise<void> => {
      const answer = async (
        request: { raw: { resume(): unknown } },
        reply: { send(text: string): unknown },
      ) => {
        seen.push(server.address)
        request.raw.resume()
        if (server === world.provider) await moved.promise
        return reply.send('fine')
      }
      await listen(t, world, server, { answer: answer as never })
    }
    await at(world.provider)
    await at({ ...world.provider, address })
    const client = clientOf(t, world, { connectionsPerPeer: 1 })
    const running = client.post(REQUEST)
    await until('the request at the peer', () => seen.length === 1)
    const waiting = client.post(REQUEST)
    world.reconfigure((shared) => ({
      ...shared,
      securityServers: shared.securityServers.map((one) =>
        one.id.serverCode === 'ss2' ? { ...one, address } : one,
      ),
    }))
    const later = await client.post(REQUEST)
    moved.resolve()
    t.equal(await textOf((await running).content), 'fine')
    t.equal(await textOf(later.content), 'fine')
    t.equal(await textOf((await waiting).content), 'fine')
    t.strictSame(seen, [world.provider.address, address, address])
  },
)
