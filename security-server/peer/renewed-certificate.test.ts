/** What waits for its turn at a peer while a new certificate of ours takes the old one's place: it goes over a new connection. */
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
