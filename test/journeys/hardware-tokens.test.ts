/** A security server with signing keys on a hardware token, a real SoftHSM behind p11-kit. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import t from 'tap'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { verifyValue } from '#core/signature/algorithms.ts'
import { readSignedJson } from '#core/signature/signed-json.ts'
import { checkSignatureExact } from '#core/signature/verify-exact.ts'
import { member, PIN as SOFTWARE_PIN, signingCertificate } from '#security-server/keys/keys-fixture.ts'
import { createMessageSigner } from '#security-server/peer/sign-message.ts'
import { createAdminWorld, type Reply } from '#test/management-api/admin-fixture.ts'
import { skipFor } from '#test/outside-tools.ts'
import { copiesOf, hasSoftHsm, LABEL, PIN, startSoftHsm } from '#test/softhsm.ts'
import { until } from '#test/until.ts'
import { hasChromium, openBrowser, visitor } from '../browser.ts'
import { act, close } from '../second-person.ts'

type Key = { id: string; algorithm: string; certificates: { sha256: string; remedy?: string }[] }
type Token = {
  id: string
  type: string
  loggedIn: boolean
  hardware: { state: string; reason?: string }
  keys: Key[]
}

const SHA512 = Buffer.alloc(64, 7)

t.test('a security server', async (t) => {
  if (!hasSoftHsm()) return skipFor(t, 'SoftHSM, p11-kit or OpenSC is not installed')
  const hsm = await startSoftHsm()
  const hardwareTokens = [{ id: '1', socket: hsm.socket, label: LABEL, lookMs: 50 }]
  const pages = path.resolve('console/dist/agency')
  const { ask, keys, world, base, authorization } = await createAdminWorld(t, {
    ...{ hardwareTokens, pages },
    // It listens only with a login, which nobody uses here.
    login: 'http://127.0.0.1:9',
  })
  const token = async (): Promise<Token> => (await ask('GET', '/tokens/1')).body as unknown as Token
  const login = (pin: string): Promise<Reply> => ask('PUT', '/tokens/1/login', { pin })
  const inState = (state: string) =>
    until(`a token that is ${state}`, async (saw) => saw((await token()).hardware).state === state)
  const signMessage = createMessageSigner({ keys, clock: () => world.now })
  // Equal messages are not signed together.
  const sign = async () =>
    (await signMessage(member, { messageSha512: randomBytes(64), body: undefined })).signature

  await inState('locked')
  t.match(JSON.parse((await ask('GET', '/tokens')).raw.toString()), [
    { id: '0', type: 'SOFTWARE' },
    { id: '1', type: 'HARDWARE', name: LABEL, loggedIn: false, hardware: { model: 'SoftHSM v2' } },
  ])
  t.equal((await ask('POST', '/tokens/1/keys', { usage: 'SIGNING', label: 'x' })).status, 503, 'locked')
  t.match((await login('wrong')).raw.toString(), /pin_incorrect/)
  t.match(await token(), { hardware: { pin: 'wrong before' } })
  const copies = copiesOf(t, PIN)
  t.equal((await login(PIN)).status, 204)
  t.equal(copies(), 1, 'of the PIN one copy stays: that which opens the token again')
  for (const pin of [PIN, 'wrong']) t.match((await login(pin)).raw.toString(), /conflict/)
  t.equal((await ask('PUT', '/tokens/9/login', { pin: PIN })).status, 404)
  t.equal((await ask('PUT', '/tokens/1/pin', { oldPin: PIN, newPin: 'short' })).status, 400)
  t.equal((await ask('PUT', '/tokens/1/pin', { oldPin: PIN, newPin: 'new-pin-1' })).status, 204)
  t.equal((await ask('PUT', '/tokens/1/pin', { oldPin: 'new-pin-1', newPin: PIN })).status, 204)
  const authentication = { usage: 'AUTHENTICATION', label: 'tls' }
  t.equal(
    (await ask('POST', '/tokens/1/keys', authentication)).status,
    400,
    'TLS keys stay in the software token',
  )

  const certify = async (algorithm: string): Promise<Key> => {
    const made = await ask('POST', '/tokens/1/keys-with-csrs', {
      key: { usage: 'SIGNING', label: 'signing', algorithm },
      csr: { memberId: 'DEV:GOV:1000' },
    })
    t.equal(made.status, 201)
    const { key, csr } = made.body as { key: Key; csr: { id: string } }
    const request = keys.request(key.id, csr.id)
    const issued = await world.authority.issue({ request, profile: 'signing', at: new Date(world.now) })
    t.match(await ask('POST', '/token-certificates', issued.der), {
      status: 201,
      body: { state: 'registered' },
    })
    return (await ask('GET', `/keys/${key.id}`)).body as unknown as Key
  }
  const ec = await certify('P-256')
  const document = { document: { a: 1 }, type: 'test', member }

  await t.test('signs messages and documents', async (t) => {
    const signatures = await Promise.all(Array.from({ length: 100 }, sign))
    t.ok(new Set(signatures.map(({ signatures: xml }) => xml.toString())).size < 10, 'many by one signature')
    for (const { signatures: xml } of signatures) t.ok(checkSignatureExact(xml) !== undefined)
    const identity = keys.signingIdentity(member)
    const value = await identity.sign(SHA512)
    t.ok(verifyValue(identity.method, publicKeyOf(identity.certificate), SHA512, value))
    t.equal(identity.certificate.sha256, ec.certificates[0]!.sha256)
    const signed = readSignedJson(Buffer.from(await keys.signJson(document)), 'test')
    t.strictSame(signed.document, { a: 1 })
  })

  await t.test('an RSA key', async (t) => {
    const disabled = await ask('PUT', `/token-certificates/${ec.certificates[0]!.sha256}/disable`)
    t.equal(disabled.status, 200)
    const rsa = await certify('RSA-2048')
    const identity = keys.signingIdentity(member)
    t.equal(identity.certificate.sha256, rsa.certificates[0]!.sha256)
    t.ok(checkSignatureExact((await sign()).signatures) !== undefined)
    t.ok(readSignedJson(Buffer.from(await keys.signJson(document)), 'test'), 'by PSS')
    t.equal((await ask('DELETE', `/keys/${rsa.id}`)).status, 204)
    t.notMatch(hsm.pkcs11Tool('--list-objects', '--login', '--pin', PIN), /RSA/, 'gone from the token too')
    await ask('PUT', `/token-certificates/${ec.certificates[0]!.sha256}/activate`)
  })

  await t.test('a key that was made by other means', async (t) => {
    hsm.makeKey('c0ffee')
    const found = async () => (await ask('GET', '/tokens/1/found-keys')).body as unknown as object[]
    t.match(await found(), [{ objectId: 'c0ffee', label: 'vendor', algorithm: 'P-256', madeThere: true }])
    t.equal((await found()).length, 1, 'keys that are ours already are not among them')
    t.equal((await ask('GET', '/tokens/0/found-keys')).status, 400)
    t.equal((await ask('GET', '/tokens/9/found-keys')).status, 404)
    const adopt = (objectId: string, body: object = {}) =>
      ask('POST', `/tokens/1/found-keys/${objectId}/adopt`, body)
    for (const wrong of ['0', 'xy', '00'.repeat(65), '..%2f'])
      t.ok([400, 404].includes((await adopt(wrong)).status))
    t.equal((await adopt('ff')).status, 404)
    const adopted = await adopt('C0FFEE')
    t.match(adopted, { status: 201, body: { label: 'vendor', algorithm: 'P-256', adopted: true } })
    t.equal((await adopt('c0ffee')).status, 409)
    t.strictSame(await found(), [])
    const { id } = adopted.body as unknown as Key
    const csr = (await ask('POST', `/keys/${id}/csrs`, { memberId: 'DEV:GOV:1000' })).body as { id: string }
    const request = keys.request(id, csr.id)
    world.now += 1000
    const { der, sha256 } = await world.authority.issue({
      ...{ request, profile: 'signing', at: new Date(world.now) },
    })
    t.equal((await ask('POST', '/token-certificates', der)).status, 201)
    await ask('PUT', `/token-certificates/${ec.certificates[0]!.sha256}/disable`)
    t.equal(keys.signingIdentity(member).certificate.sha256, sha256)
    t.ok(checkSignatureExact((await sign()).signatures) !== undefined)
    await ask('PUT', `/token-certificates/${ec.certificates[0]!.sha256}/activate`)
    t.equal((await ask('DELETE', `/keys/${id}`)).status, 204)
    t.match(await found(), [{ objectId: 'c0ffee' }], 'what was not made here is not destroyed here')
  })

  await t.test('in the console', async (t) => {
    if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
    const apiKey = authorization['all']!.replace('X-Road-ApiKey token=', '')
    const wide = await visitor(t, await openBrowser(), { base: `${base}/console`, apiKey })
    const { page } = wide
    await wide.open('/keys')
    await page.getByRole('heading', { name: `Token ${LABEL}` }).waitFor()
    await page.getByText('SoftHSM v2').waitFor()
    await wide.check('keys-hardware')
    await page.getByRole('link', { name: 'Keys made by other tools' }).click()
    await page.getByRole('button', { name: 'Use for signing: vendor' }).waitFor()
    await wide.check('keys-found')
    await page.setViewportSize({ width: 360, height: 740 })
    await wide.check('keys-found-narrow', 'layout')
    await page.setViewportSize({ width: 1280, height: 800 })
    await act(wide, 'Use for signing: vendor', { Name: 'theirs' }, 'Use for signing', 'The key can be used')
    await close(wide)
    await page.getByText('Other tools made this key').waitFor()
    const name = { 'Name, to confirm': 'theirs' }
    await act(wide, 'Delete the key', name, 'Delete the key', 'The key was deleted')
    await close(wide)
  })

  await t.test('away, and back', async (t) => {
    await hsm.stop()
    await t.rejects(sign(), { code: 'token_unavailable' })
    const { hardware } = await token()
    t.match(hardware, { state: 'away' })
    const diagnosis = (await ask('GET', '/diagnostics')).raw.toString()
    t.match(diagnosis, /token agency is away/)
    t.match((await token()).keys, [{ certificates: [{ remedy: /Check the hardware token/ }] }])
    await t.rejects(sign(), { code: 'token_unavailable' })
    t.equal((await ask('POST', '/tokens/1/keys', { usage: 'SIGNING', label: 'x' })).status, 503)
    await hsm.start()
    await inState('open')
    t.ok(checkSignatureExact((await sign()).signatures) !== undefined)
    t.match((await ask('GET', '/diagnostics')).raw.toString(), /they can sign/)
    t.equal((await ask('PUT', '/tokens/1/logout')).status, 204)
    await t.rejects(sign(), { code: 'token_not_active' })
    t.match((await ask('GET', '/diagnostics')).raw.toString(), /token agency is locked/)
    t.equal((await login(PIN)).status, 204)
    t.ok(await sign())
  })

  await t.test('the software token signs for a member when both can', async (t) => {
    await hsm.stop()
    await inState('away')
    world.now += 1000
    const soft = await signingCertificate(world, keys)
    t.equal(keys.signingIdentity(member).certificate.sha256, soft.sha256, 'with the token away')
    await keys.deleteCertificate(soft.sha256)
    await hsm.start()
    await inState('open')
  })

  await t.test('a start with the PIN in a file', async (t) => {
    const again = await world.open({ hardwareTokens: [{ ...hardwareTokens[0]!, pin: PIN }] })
    await again.login(SOFTWARE_PIN)
    await until('a login by itself', (saw) => saw(again.tokens()[1])?.loggedIn)
    await until('its copy', (saw) => saw(copies()) === 2)
    await again.refreshOcsp()
    t.equal(again.signingIdentity(member).certificate.sha256, ec.certificates[0]!.sha256)
    const wrong = await world.open({ hardwareTokens: [{ ...hardwareTokens[0]!, pin: 'wrong' }] })
    await until('a refusal', (saw) => /refused/.test(saw(wrong.tokens()[1]?.hardware?.reason) ?? ''))
    const careful = await world.open({ hardwareTokens: [{ ...hardwareTokens[0]!, pin: PIN }] })
    await until('a token that waits for somebody', (saw) =>
      /somebody has to log in/.test(saw(careful.tokens()[1]?.hardware?.reason) ?? ''),
    )
  })
})
