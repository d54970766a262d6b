import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { verifyValue } from '#core/signature/algorithms.ts'
import type { FaultCode } from '#schemas/fault.ts'
import { createOcspClient } from './client.ts'
import type { Keys } from './keys.ts'
import {
  authenticationCertificate,
  createWorld,
  member,
  PIN,
  START,
  second,
  signingCertificate,
  subjectOf,
  type World,
} from './keys-fixture.ts'
import { quickToken } from './token-fixture.ts'

function code(wanted: FaultCode) {
  return { code: wanted }
}

async function initialized(world: World): Promise<Keys> {
  await quickToken(world.directory, PIN)
  const keys = await world.open()
  await keys.login(PIN)
  return keys
}

t.test('importing certificates', async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  const info = await signingCertificate(world, keys)
  t.match(info, {
    usage: 'SIGNING',
    state: 'registered',
    active: true,
    member: 'DEV/GOV/1000',
    ocsp: { state: 'good' },
  })
  t.equal(info.remedy, undefined)
  t.match(info.pem, /^-----BEGIN CERTIFICATE-----\n/)
  await t.rejects(keys.importCertificate(Buffer.from(info.pem)), code('conflict'))
  const key = await keys.createKey({ usage: 'SIGNING', label: 'k' })
  await t.rejects(
    keys.createRequest({ keyId: key.id, subject: subjectOf('SIGNING', member) }),
    code('invalid_input'),
    'a signing key is for a member',
  )
  const { id, request } = await keys.createRequest({
    keyId: key.id,
    member,
    subject: subjectOf('SIGNING', member),
  })
  t.strictSame(keys.request(key.id, id), request)
  const issue = async (more: object) =>
    (await world.authority.issue({ request, profile: 'signing', at: new Date(world.now), ...more })).der
  await t.rejects(
    keys.importCertificate(await issue({ profile: 'authentication' })),
    code('incorrect_certificate'),
  )
  await t.rejects(
    keys.importCertificate(
      await issue({ notBefore: new Date(START - 2e8), notAfter: new Date(START - 1e8) }),
    ),
    { code: /cert_validation|invalid_cert_path/ },
    'expired',
  )
  const other = [...subjectOf('SIGNING', second)].map(({ type, value }) => [type, value])
  await t.rejects(keys.importCertificate(await issue({ subject: other })), {
    code: 'incorrect_certificate',
    what: /not asked for/,
  })
  await t.rejects(keys.importCertificate(Buffer.from('rubbish')), code('malformed_certificate'))
  const stranger = await createWorld(t)
  const foreign = await stranger.authority.issue({ request, profile: 'signing', at: new Date(START) })
  await t.rejects(
    keys.importCertificate(foreign.der),
    { code: /invalid_cert_path|cert_validation/ },
    'a CA that is not approved',
  )
  world.reconfigure({ members: [] })
  await t.rejects(keys.importCertificate(await issue({})), code('unknown_member'))
  world.configuration = undefined
  await t.rejects(keys.importCertificate(await issue({})), code('global_conf_outdated'))
  world.reconfigure()
  t.equal((await keys.importCertificate(await issue({}), { activate: false })).active, false)
  await keys.deleteRequest(key.id, id)
  t.throws(() => keys.request(key.id, id), code('not_found'))
  await keys.deleteKey(info.keyId)
  t.throws(() => keys.certificate(info.sha256), code('cert_not_found'))
  await t.rejects(keys.importCertificate(Buffer.from(info.pem)), code('key_not_found'), 'its key is gone')

  const saved = await authenticationCertificate(world, keys, { register: false })
  t.match(saved, { state: 'saved', remedy: /Register/ })
  world.registered = [Buffer.from(saved.sha256, 'hex')]
  world.reconfigure()
  t.equal(keys.certificate(saved.sha256).state, 'registered')
})

t.test('identities: one object until something changes; several members; rotation', async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  const first = await signingCertificate(world, keys)
  await signingCertificate(world, keys, second, { algorithm: 'RSA-2048' })
  const identity = keys.signingIdentity(member)
  t.equal(keys.signingIdentity({ ...member }), identity)
  t.strictSame(
    identity.intermediates.map((each) => each.sha256),
    [world.authority.intermediate.sha256],
  )
  t.equal(identity.ocspResponses.length, 2, 'the signer and the intermediate')
  const data = Buffer.from('a message')
  const value = identity.sign(data)
  t.ok(Buffer.isBuffer(value), 'P-256 signs at once')
  t.ok(verifyValue(identity.method, publicKeyOf(identity.certificate), data, value as Buffer))
  const rsa = keys.signingIdentity(second)
  const promised = rsa.sign(data)
  t.ok(promised instanceof Promise, 'RSA signs in the thread pool')
  t.ok(verifyValue(rsa.method, publicKeyOf(rsa.certificate), data, await promised))
  t.throws(() => keys.signingIdentity({ ...member, memberCode: '9' }), code('cannot_sign'))

  world.reconfigure()
  t.equal(keys.signingIdentity(member), identity, 'a new configuration that changes nothing changes nothing')
  let changes = 0
  const stop = keys.onChange(() => (changes += 1))
  await keys.refreshOcsp()
  t.equal(changes, 0, 'nothing was due')
  world.now += 1_300_000
  await keys.refreshOcsp()
  t.equal(changes, 1)
  t.not(keys.signingIdentity(member), identity, 'a new OCSP answer makes a new identity')
  t.equal(keys.signingIdentity(member).certificate.sha256, first.sha256)

  const longer = await signingCertificate(world, keys, member)
  t.equal(keys.signingIdentity(member).certificate.sha256, longer.sha256, 'the one that lives longest')
  await keys.setActive(longer.sha256, false)
  t.equal(keys.signingIdentity(member).certificate.sha256, first.sha256)
  await keys.setActive(first.sha256, false)
  t.throws(() => keys.signingIdentity(member), code('cannot_sign'))
  await keys.setActive(first.sha256, true)
  t.ok(keys.signingIdentity(member))
  keys.logout()
  t.throws(() => keys.signingIdentity(member), code('token_not_active'))
  await keys.login(PIN)
  t.ok(keys.signingIdentity(member))
  world.configuration = undefined
  t.throws(() => keys.signingIdentity(member), code('global_conf_outdated'))
  world.reconfigure()
  await keys.deleteCertificate(first.sha256)
  t.throws(() => keys.signingIdentity(member), code('cannot_sign'))
  stop()

  const old = await authenticationCertificate(world, keys)
  world.now += 1000
  const fresh = await authenticationCertificate(world, keys, { register: false })
  t.equal(keys.authenticationIdentity().certificate.sha256, old.sha256, 'peers know only the registered one')
  // Both are registered during the renewal: servers fetch a configuration at different moments.
  world.registered = [old, fresh].map(({ sha256 }) => Buffer.from(sha256, 'hex'))
  world.reconfigure()
  t.equal(keys.authenticationIdentity().certificate.sha256, old.sha256, 'not every peer knows the new one')
  world.now += 119_000
  t.equal(keys.authenticationIdentity().certificate.sha256, old.sha256)
  world.now += 1000
  t.equal(keys.authenticationIdentity().certificate.sha256, fresh.sha256, 'by now they do')
  const restarted = await world.open()
  await restarted.login(PIN)
  await restarted.refreshOcsp()
  t.equal(
    restarted.authenticationIdentity().certificate.sha256,
    old.sha256,
    'since when is not known any more',
  )
  world.now += 120_000
  t.equal(restarted.authenticationIdentity().certificate.sha256, fresh.sha256)
  world.registered = [Buffer.from(fresh.sha256, 'hex')]
  world.reconfigure()
  t.equal(keys.authenticationIdentity().certificate.sha256, fresh.sha256)
  world.now = START + 20 * 365 * 86_400_000
  t.throws(() => keys.authenticationIdentity(), { code: /cert_validation|invalid_cert_path/ }, 'expired')
})

t.test('own OCSP status: fail closed, recover without help', async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  world.ocsp = 'down'
  const { sha256 } = await signingCertificate(world, keys)
  t.match(keys.certificate(sha256), { ocsp: { state: 'none', error: /./ }, remedy: /OCSP/ })
  t.throws(() => keys.signingIdentity(member), code('incorrect_validation_info'))
  for (const mode of ['malformed', 'wrong-signer', 'stale'] as const) {
    world.ocsp = { mode }
    await t.rejects(keys.refreshOcsp(), code('incorrect_validation_info'), mode)
    t.throws(() => keys.signingIdentity(member), code('incorrect_validation_info'), mode)
  }
  world.ocsp = {}
  await keys.refreshOcsp()
  t.ok(keys.signingIdentity(member), 'back as soon as the responder is')
  const sha1 = createHash('sha1').update(keys.signingIdentity(member).certificate.der).digest('hex')
  const [response] = keys.signingIdentity(member).ocspResponses
  t.equal(keys.ocspByHash(sha1), response)
  t.equal(keys.ocspByHash(sha256.toUpperCase()), response)
  t.ok(keys.ocspByHash(world.authority.intermediate.sha256), 'intermediates are answered for')
  t.equal(keys.ocspByHash(world.authority.root.sha256), undefined, 'roots are not')
  t.equal(keys.ocspByHash('00'), undefined)

  world.ocsp = 'down'
  world.now += 1_800_000
  await t.rejects(keys.refreshOcsp(), code('incorrect_validation_info'))
  t.ok(keys.signingIdentity(member), 'what is fresh still serves')
  const again = await world.open()
  await again.login(PIN)
  t.ok(again.signingIdentity(member), 'also after a restart, from disk')
  await t.rejects(again.refreshOcsp(), code('incorrect_validation_info'))
  t.ok(again.ocspByHash(sha1))
  world.now += 1_900_000
  t.throws(() => again.signingIdentity(member), code('incorrect_validation_info'), 'an hour is the limit')
  t.equal(again.ocspByHash(sha1), undefined)
  t.equal(again.certificate(sha256).ocsp.state, 'stale')

  world.ocsp = {}
  await again.refreshOcsp()
  t.ok(again.signingIdentity(member))
  world.ocsp = { mode: 'malformed' }
  await t.rejects(again.refreshOcsp({ force: true }), code('incorrect_validation_info'))
  t.ok(again.signingIdentity(member), 'rubbish from the network takes nothing away')
  const good = world.authority
  for (const mode of ['unknown', 'revoked'] as const) {
    world.ocsp = { mode }
    await t.rejects(again.refreshOcsp({ force: true }), code('incorrect_validation_info'))
    t.throws(
      () => again.signingIdentity(member),
      { code: 'incorrect_validation_info', what: new RegExp(mode) },
      `${mode} counts at once`,
    )
    t.equal(again.certificate(sha256).ocsp.state, mode)
    t.equal(again.ocspByHash(sha1), undefined)
    world.ocsp = { at: new Date(world.now - 60_000) }
    await t.rejects(
      again.refreshOcsp({ force: true }),
      code('incorrect_validation_info'),
      'an older good answer does not undo it',
    )
    const restarted = await world.open()
    await restarted.login(PIN)
    t.throws(() => restarted.signingIdentity(member), code('incorrect_validation_info'), 'nor does a restart')
    world.ocsp = {}
    world.now += 1000
    await again.refreshOcsp({ force: true })
    t.ok(again.signingIdentity(member), 'a newer good one does')
  }
  good.revoke(again.signingIdentity(member).certificate.serialNumber, 1)
  await t.rejects(again.refreshOcsp({ force: true }), code('incorrect_validation_info'))
  t.equal(again.certificate(sha256).ocsp.state, 'revoked')
})

t.test('refreshes follow one another, one for all who ask meanwhile, and keep to the interval', async (t) => {
  const world = await createWorld(t)
  const keys = await initialized(world)
  await signingCertificate(world, keys)
  const asked = world.asked
  await keys.refreshOcsp({ force: true })
  t.equal(world.asked, asked + 2, 'signer and intermediate')
  await Promise.all([false, false, true, false].map((force) => keys.refreshOcsp({ force })))
  t.equal(world.asked, asked + 4, 'once, by the one that three waited for')
  world.now += 600_000
  await keys.refreshOcsp()
  t.equal(world.asked, asked + 4)
  world.now += 700_000
  await keys.refreshOcsp()
  t.equal(world.asked, asked + 6)

  const responder = Promise.withResolvers<void>()
  world.answers = responder.promise
  const slow = keys.refreshOcsp({ force: true })
  const importing = signingCertificate(world, keys, second)
  const certified = (): number =>
    keys.tokens()[0]!.keys.filter(({ certificates }) => certificates.length > 0).length
  while (certified() < 2) await new Promise(setImmediate)
  responder.resolve()
  await Promise.all([slow, importing])
  t.equal(
    keys.signingIdentity(second).ocspResponses.length,
    2,
    'a certificate that came during one has its status',
  )
})

t.test('the OCSP client is bounded and trusts nothing', async (t) => {
  const answers: Record<string, (response: import('node:http').ServerResponse) => void> = {
    '/ok': (response) => response.end('answer'),
    '/404': (response) => response.writeHead(404).end(),
    '/redirect': (response) => response.writeHead(302, { location: '/ok' }).end(),
    '/large': (response) => response.end(Buffer.alloc(100_000)),
    '/cut': (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('a')
      response.destroy()
    },
  }
  const responder = createServer((request, response) => answers[request.url ?? '']?.(response))
  await new Promise<void>((resolve) => responder.listen(0, '127.0.0.1', resolve))
  t.teardown(() => responder.close())
  const client = createOcspClient()
  t.teardown(() => client.close())
  const url = `http://127.0.0.1:${(responder.address() as AddressInfo).port}`
  t.equal((await client.fetch(`${url}/ok`, Buffer.from('question'))).toString(), 'answer')
  for (const at of ['404', 'redirect', 'large', 'cut']) {
    await t.rejects(client.fetch(`${url}/${at}`, Buffer.from('q')), code('network_error'), at)
  }
  await t.rejects(client.fetch('file:///etc/passwd', Buffer.from('q')), code('network_error'))
  await t.rejects(client.fetch('http://127.0.0.1:1/', Buffer.from('q')), code('network_error'))
})
