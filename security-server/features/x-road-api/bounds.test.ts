/**
 * Keys in X-Road's form and their bounds, certificates and names of any form, sizes, and calls that are
 * repeated.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { createAdminWorld } from '#test/management-api/admin-fixture.ts'
import { selfSignedCertificate } from '../../keys/self-signed.ts'
import { apiKeyHandlers } from '../people/api-keys.ts'
import { ROLES } from '../people/roles.ts'
import { asker, CLIENT, failing } from './asker-fixture.ts'

t.test('an API key as X-Road makes it, and who made it by the two halves of another', async (t) => {
  const admin = await createAdminWorld(t)
  const ask = asker(admin)
  const whole = admin.authorization['XROAD_SYSTEM_ADMINISTRATOR']!.split('token=')[1]!
  const basic = `Basic ${Buffer.from(whole.replace('.', ':')).toString('base64')}`
  const made = await ask('POST', '/api-keys', ['XROAD_SERVICE_ADMINISTRATOR'], { authorization: basic })
  t.match(made, { status: 200, body: { roles: ['XROAD_SERVICE_ADMINISTRATOR'] } })
  const { id, key } = made.body as { id: string; key: string }
  t.match(key, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  t.not(id, key, 'the id is no secret')
  const authorization = `X-Road-apikey token=${key}`
  t.match(await ask('GET', '/user', undefined, { authorization }), {
    body: { roles: ['XROAD_SERVICE_ADMINISTRATOR'] },
  })
  t.equal((await admin.app.inject({ url: '/api/v1/session', headers: { authorization } })).statusCode, 200)
  t.match(await ask('GET', '/api-keys', undefined, { authorization }), failing('forbidden', 403))
  t.match((await ask('GET', '/api-keys')).body, [{ id: /./ }])
  t.match(await ask('DELETE', `/api-keys/${id}`, undefined, { authorization: basic }), { status: 200 })
  t.match(await ask('GET', '/user', undefined, { authorization }), failing('unauthorized', 401))
  for (const wrong of [
    `X-Road-apikey token=${id}`,
    'Basic YTpi',
    'Basic ====',
    `Basic ${'A'.repeat(5000)}`,
    'Bearer x',
    '',
    undefined,
  ])
    t.match(
      await ask('GET', '/user', undefined, { authorization: wrong }),
      failing('unauthorized', 401),
      String(wrong).slice(0, 40),
    )
})

t.test(
  'certificates of any key, distinguished names of any form, and bodies that are too large',
  async (t) => {
    const admin = await createAdminWorld(t)
    const ask = asker(admin)
    const client = { member_class: 'GOV', member_code: 1000, subsystem_code: 'population' }
    await ask('POST', '/clients', { client })
    const names = { hostName: 'system.example', ipAddresses: [] }
    const certificateOf = (privateKey: KeyObject): Buffer =>
      selfSignedCertificate({ privateKey, names, at: new Date() })
    const odd = certificateOf(generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).privateKey)
    const usual = certificateOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    const at = `/clients/${CLIENT}/tls-certificates`
    t.match(await ask('POST', at, odd), {
      status: 201,
      body: { public_key_algorithm: 'EC', rsa_public_key_modulus: '', ec_public_key_point: undefined },
    })
    t.match(await ask('POST', at, usual), { status: 201, body: { ec_public_parameters: 'P-256' } })
    t.match(await ask('GET', at), { status: 200, body: { length: 2 } })

    const named = (name: string) => ask('POST', '/system/certificate/csr', { name })
    const made = await named(' CN = 10.0.0.20 , O=Agency\\, South,C=FI')
    t.equal(made.status, 200, made.raw.toString())
    for (const text of ['10.0.0.20', 'Agency, South'])
      t.ok(Buffer.from(made.raw.toString().split('\n').slice(1, -2).join(''), 'base64').includes(text), text)
    const long = [`CN=${' '.repeat(2000)}${'x '.repeat(300)}`, 'CN=a,'.repeat(250).slice(0, -1)]
    for (const name of [...long, 'CN=a,', 'CN=a\\', '=a', 'CN=', 'CN', '', ',', `CN=${'x'.repeat(256)}`])
      t.match(await named(name), failing('invalid_input', 400), name.slice(0, 20))
    const anchor = Buffer.alloc(300_000, 0x20)
    t.match(
      await ask('PUT', '/system/anchor', anchor),
      failing('body_too_large', 413),
      'as by our own address',
    )
  },
)

t.test('a change with an Idempotency-Key is made once', async (t) => {
  const admin = await createAdminWorld(t)
  const ask = asker(admin)
  const client = { member_class: 'GOV', member_code: 1000, subsystem_code: 'a' }
  const o = { once: 'once-and-not-twice' }
  t.match(await ask('POST', '/clients', {}, o), failing('invalid_input', 400), 'nothing was done')
  t.match(await ask('POST', '/clients', { client }, o), { status: 201 })
  t.match(await ask('POST', '/clients', { client }, o), failing('request_repeated', 409))
  t.match(await ask('POST', '/clients', { client }, { once: 'short' }), failing('invalid_input', 400))
  t.match(await ask('GET', '/clients', undefined, o), { status: 200 })
})

t.test(
  'a key in the form of X-Road has the bounds of its maker, and may wait for a second person',
  async (t) => {
    const { rooms, ...admin } = await createAdminWorld(t)
    const ask = asker({ rooms, ...admin })
    const expiresAt = new Date(admin.world.now + 86_400_000)
    const bounds = { expiresAt, addresses: ['127.0.0.0/8'] }
    const maker = await rooms.apiKeys.create({ name: 'playbook', roles: [...ROLES], ...bounds })
    const authorization = `X-Road-ApiKey token=${maker.secret}`
    const { body } = await ask('POST', '/api-keys', ['XROAD_SERVICE_ADMINISTRATOR'], { authorization })
    const { id } = body as { id: string }
    const made = (await rooms.apiKeys.list()).find((one) => one.id === id)
    t.match(made, {
      ...{ addresses: bounds.addresses, expiresAt: expiresAt.toISOString(), createdBy: maker.id },
      name: /made by playbook$/,
    })

    const handlers = apiKeyHandlers({ ...rooms, clock: Date.now, settings: {}, passkeys: {} } as never)
    const person = (of: string) => ({ kind: 'person' as const, id: of, name: of, roles: [...ROLES] })
    const asked = { name: 'xrdsst', roles: ['XROAD_SYSTEM_ADMINISTRATOR'], form: 'UUID' }
    const waiting = (await handlers['addApiKey']!({
      ...{ params: {}, query: {}, body: asked, caller: person('anna'), approver: person('ben') },
    })) as { id: string }
    const shown = await rooms.apiKeys.issue(waiting.id, 'anna')
    t.equal(shown.id, waiting.id, 'the key that was approved')
    t.match(shown.secret, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    const itself = { authorization: `X-Road-ApiKey token=${shown.secret}` }
    t.match(await ask('GET', '/user', undefined, itself), { body: { username: 'xrdsst' } })
    await t.rejects(rooms.apiKeys.issue(waiting.id, 'anna'), { code: 'not_found' })
  },
)
