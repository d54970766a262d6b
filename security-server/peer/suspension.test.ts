/**
 * Suspensions on the wire: open connections end; new connections and messages are refused, in both
 * directions. Real certificates, real TLS.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import type { Suspended, SuspendedKind } from '#schemas/global-configuration.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { until } from '#test/until.ts'
import { certificateIn } from '../global-configuration/snapshot.ts'
import { candidatesFor } from './choose-server.ts'
import { chainOf } from './mutual-tls.ts'
import { createPeerWorld, POPULATION, requestOf, SS1, SS2, SS3, TAX } from './peer-fixture.ts'
import { createMessageSigner } from './sign-message.ts'
import { createMessageVerifier } from './verify-message.ts'
import { registeredServer } from './verify-peer.ts'
import { clientOf, fails, listen, onlySs2, REQUEST, textOf } from './wire-fixture.ts'

const world = await createPeerWorld(t)

function suspend(kind?: SuspendedKind, id = ''): void {
  const entry: Suspended[] = kind === undefined ? [] : [{ kind, id, since: '2026-01-01T00:00:00.000Z' }]
  world.suspended = entry
  world.reconfigure()
}

void t.test('sockets of a suspended server or certificate end at once, on either side', async (t) => {
  world.restore()
  onlySs2(world)
  const hanging = new Set<() => void>()
  let hang = false
  const { asked } = await listen(t, world, world.provider, {
    answer: async (request, reply) => {
      chainOf(request)
      request.raw.resume()
      if (hang) await new Promise<void>((resolve) => hanging.add(resolve))
      return reply.send('fine')
    },
  })
  const client = clientOf(t, world)
  const own = world.consumer.keys.authenticationIdentity().certificate.sha256
  const theirs = world.provider.keys.authenticationIdentity().certificate.sha256
  const cases: [SuspendedKind, string][] = [
    ['server', idText(SS2)],
    ['certificate', theirs],
    ['server', idText(SS1)],
    ['certificate', own],
  ]
  let expected = 0
  for (const [kind, id] of cases) {
    t.equal(await textOf((await client.post(REQUEST)).content), 'fine', `before ${kind} ${id}`)
    hang = true
    const open = client.post(REQUEST)
    expected += 2
    await until('the exchange at the peer', (saw) => saw(asked()) >= expected)
    suspend(kind, id)
    await t.rejects(open, { name: 'Fault' }, 'an exchange on the open connection does not end well')
    hang = false
    for (const end of hanging) end()
    hanging.clear()
    // The suspension of our own side is refused by the peer's exchange, which this listener does not have.
    if (id === theirs || id === idText(SS2)) await fails(t, client.post(REQUEST), 'suspended', false)
    suspend()
  }
  t.equal(await textOf((await client.post(REQUEST)).content), 'fine', 'lifted, it goes on')
})

void t.test('another server of the provider is taken while there is one', async (t) => {
  world.restore()
  const servers = (): string[] =>
    candidatesFor(POPULATION, undefined, world.globalConfiguration.current()).map(({ id }) => idText(id))
  t.same(servers(), [idText(SS2), idText(SS3)])
  suspend('server', idText(SS2))
  t.same(servers(), [idText(SS3)])
  t.throws(() => candidatesFor(POPULATION, SS2, world.globalConfiguration.current()), { code: 'suspended' })
  suspend('member', 'DEV/GOV/2000')
  t.same(servers(), [idText(SS2), idText(SS3)], 'a member is another thing than its servers')
  suspend()
})

void t.test('what a suspended member or certificate signed is refused, also from the cache', async (t) => {
  world.restore()
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const verify = createMessageVerifier()
  const { bytes: message, request } = requestOf({ requestId: 'a-request-id' })
  t.equal(idText(parseRestRequest(message).client), idText(request.client))
  const parts = { message, messageSha512: createHash('sha512').update(message).digest(), body: undefined }
  const signed = await sign(memberOf(TAX), parts)
  const check = (of = signed) =>
    verify({
      parts: of,
      member: memberOf(TAX),
      snapshot: world.globalConfiguration.current(),
      at: world.clock(),
    })
  await check()
  const identity = world.consumer.keys.signingIdentity(memberOf(TAX))
  const { certificate } = identity
  t.ok(identity.ocspResponses.length > 1)
  const glued = { ...identity, ocspResponses: [Buffer.concat(identity.ocspResponses)] }
  const signGlued = createMessageSigner({ keys: { signingIdentity: () => glued }, clock: world.clock })
  const cutElsewhere = await signGlued(memberOf(TAX), parts)
  await t.rejects(
    check(cutElsewhere),
    { name: 'Fault' },
    'the same bytes as status, cut elsewhere, are no proof to whoever reads the record later',
  )
  suspend('certificate', certificate.sha256)
  await t.rejects(check(), { code: 'suspended', what: /certificate/ })
  suspend('member', idText(memberOf(TAX)))
  await t.rejects(check(), { code: 'suspended', what: /member/ })
  suspend('subsystem', idText(TAX))
  await check()
  suspend()
  await check()
})

void t.test('what rests on a revoked certificate ends, whatever its owner shows', async (t) => {
  world.restore()
  onlySs2(world)
  await listen(t, world, world.provider)
  const client = clientOf(t, world)
  const post = async () => textOf((await client.post(REQUEST)).content)
  t.equal(await post(), 'fine')
  const { certificate, intermediates } = world.provider.keys.authenticationIdentity()
  const { certificate: own } = world.consumer.keys.authenticationIdentity()
  for (const { sha256 } of [certificate, intermediates[0]!]) {
    world.revoked.add(certificateIn('DEV', sha256))
    world.reconfigure()
    await fails(t, client.post(REQUEST), 'incorrect_validation_info', false)
    world.revoked.clear()
    world.reconfigure()
    t.equal(await post(), 'fine', 'its CA took it back')
  }
  world.revoked.add(certificateIn('DEV', own.sha256))
  world.reconfigure()
  t.throws(() => registeredServer(own, 'DEV', world.globalConfiguration.current()), {
    code: 'incorrect_validation_info',
  })

  const parts = { message: requestOf({ requestId: 'r' }).bytes, body: undefined }
  const whole = { ...parts, messageSha512: createHash('sha512').update(parts.message).digest() }
  const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
  const signed = await sign(memberOf(TAX), whole)
  const verify = createMessageVerifier()
  const check = () =>
    verify({
      parts: signed,
      member: memberOf(TAX),
      snapshot: world.globalConfiguration.current(),
      at: world.clock(),
    })
  await check()
  const { certificate: signer } = world.consumer.keys.signingIdentity(memberOf(TAX))
  world.revoked.add(certificateIn('FI', signer.sha256))
  world.reconfigure()
  await check()
  world.revoked.add(certificateIn('DEV', signer.sha256))
  world.reconfigure()
  await t.rejects(check(), { code: 'incorrect_validation_info', what: /its CA says/ })
})

void t.test('a certificate that another instance suspends is not one of ours', async (t) => {
  world.restore()
  const [certificate] = [world.consumer.keys.authenticationIdentity().certificate]
  t.ok(registeredServer(certificate, 'DEV', world.globalConfiguration.current()))
  suspend('certificate', certificate.sha256)
  t.throws(() => registeredServer(certificate, 'DEV', world.globalConfiguration.current()), {
    code: 'suspended',
  })
  const elsewhere = { ...world.globalConfiguration.current() }
  suspend()
  const { suspensionsIn } = world.globalConfiguration.current()
  t.ok(registeredServer(certificate, 'DEV', { ...elsewhere, suspensionsIn }))
})
