/**
 * Configuration signing keys on a hardware token, a real SoftHSM behind p11-kit, unlocked by two custodians.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { request } from 'undici'
import { createCustodians } from '#central-registry/configuration/signing-keys/custodians.ts'
import { createAuthority } from '#certs/authority.ts'
import { buildConsoles } from '#console/build.ts'
import { createHardwareToken } from '#platform/pkcs11/hardware-token.ts'
import { baseOf, hasChromium, openBrowser, visitor } from '#test/browser.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { anchorOf, publish, setUp } from '#test/fakes/registry-sample.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { skipFor } from '#test/outside-tools.ts'
import { act, close } from '#test/second-person.ts'
import { hasSoftHsm, LABEL, PIN, startSoftHsm } from '#test/softhsm.ts'
import { until } from '#test/until.ts'

async function fetchHealth({ settings: { admin } }: Node): Promise<{ checks: object[] }> {
  const { body } = await request(`http://${admin.address}:${admin.port}/health/ready`)
  return (await body.json()) as { checks: object[] }
}

t.test('a central registry', async (t) => {
  if (!hasSoftHsm()) return skipFor(t, 'SoftHSM, p11-kit or OpenSC is not installed')
  const hsm = await startSoftHsm()
  const world = registryWorld(t)
  const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
  const signingToken = { socket: hsm.socket, label: LABEL, lookMs: 50 }
  let node = await world.start({ settings: { signingToken } })
  await setUp(node, authority)
  await publish(node)
  const server = await world.reader(await anchorOf(node))
  // What a leap of the clock makes due may publish twice during one reading, which then fails; the next one
  // does not.
  const read = (by = server) =>
    until('a reading', async (saw) => saw(await codeOf(by.refresh())) === 'accepted')
  await read()

  const addressed = { public: node.settings.public, publicUrl: node.settings.publicUrl }
  type SigningToken = { state: string; reason?: string; parts: { part: number; by: string }[] }
  const token = async () => (await node.must('GET', '/configuration/signing-token')) as SigningToken
  const inState = (state: string) =>
    until(`a token that is ${state}`, async (saw) => saw(await token()).state === state)
  const [half, rest] = [PIN.slice(0, 5), PIN.slice(5)]
  const second = (
    (await node.must('POST', '/api-keys', {
      name: 'second custodian',
      roles: ['XROAD_SECURITY_OFFICER'],
    })) as { secret: string }
  ).secret
  const give = (part: number, pinPart: string, key?: string) =>
    node.call('PUT', `/configuration/signing-token/pin-parts/${part}`, { pinPart }, key)
  const addKey = () =>
    node.call('POST', '/configuration/signing-keys', { algorithm: 'P-256', token: 'token' })

  await t.test('two custodians open the token', async (t) => {
    await inState('locked')
    t.match(await addKey(), { status: 503, body: { type: /token_not_active/ } })
    t.equal((await give(3, half)).status, 400)
    t.equal((await give(1, half)).status, 200)
    t.match(await token(), { state: 'locked', parts: [{ part: 1 }] })
    t.match(
      await give(2, rest),
      { status: 403, body: { type: /not_second_person/ } },
      'one person has one part',
    )
    t.match(await give(2, 'wrong', second), { status: 400, body: { type: /pin_incorrect/ } })
    t.match(await token(), { state: 'locked', parts: [], pin: 'wrong before' }, 'both parts are gone')
    t.equal((await give(2, rest, second)).status, 200)
    world.clock.now += 16 * 60_000
    t.match(await token(), { parts: [] }, 'a part waits for a quarter of an hour')
    t.equal((await give(2, rest, second)).status, 200)
    t.match(await give(1, half), { status: 200, body: { state: 'open', parts: [] } })
    for (const part of [half, 'mistyped'])
      t.match(await give(1, part), { status: 409, body: { type: /conflict/ } }, 'an open token takes no part')
    t.match(await token(), { parts: [] })
    const audit = (await node.call('GET', '/audit-log?limit=500')).bytes.toString()
    t.match(audit, /giveSigningTokenPinPart/)
    t.notMatch(world.lines.join('\n') + audit, new RegExp(`${half}|${rest}`), 'no part in a log')
  })

  await t.test('a part is given in person where people log in', async (t) => {
    const own = createHardwareToken({ place: signingToken, clock: Date.now })
    t.teardown(() => own.close())
    const custodians = createCustodians({ token: own, personsRequired: async () => true, clock: Date.now })
    const person = (id: string) => ({ kind: 'person', id, name: id }) as const
    await t.rejects(custodians.give(1, half, { ...person('key'), kind: 'key' }), {
      code: 'key_without_person',
    })
    await custodians.give(1, 'mistyped', person('anna'))
    await custodians.give(1, half, person('anna'))
    await t.rejects(custodians.give(2, rest, person('anna')), { code: 'not_second_person' })
    t.match(await custodians.give(2, rest, person('ben')), { state: 'open', parts: [] })
    await custodians.lock()
    t.match(custodians.state(), { state: 'locked' })
  })

  type SigningKey = { id: string; active: boolean; token: string }
  const keysOf = async () =>
    ((await node.must('GET', '/configuration')) as { signingKeys: SigningKey[] }).signingKeys

  await t.test('in the console', async (t) => {
    if (!hasChromium()) return skipFor(t, 'Chromium is not installed')
    await buildConsoles()
    await node.must('PUT', '/configuration/signing-token/lock')
    await give(1, half)
    const browser = await openBrowser()
    const custodian = await visitor(t, browser, { base: baseOf(node), apiKey: second })
    const { page } = custodian
    await custodian.open('/configuration')
    await page.getByText('given by').waitFor()
    await custodian.check('signing-token-waits')
    await page.getByRole('button', { name: 'Give a part of the PIN' }).click()
    await page.getByLabel('Part', { exact: true }).selectOption('2')
    await page.getByLabel('Your part of the PIN').fill(rest)
    await custodian.check('signing-token-give')
    await page.getByRole('dialog').getByRole('button', { name: 'Give a part of the PIN' }).click()
    await page.getByText('The token is open.').waitFor()
    await page.getByText('The token has no other key.').waitFor()
    await custodian.check('signing-token-open')
    hsm.makeKey('beef')
    await custodian.load('/configuration')
    await page.getByRole('cell', { name: 'vendor beef' }).waitFor()
    await custodian.checkBoth('signing-token-found')
    await act(custodian, 'Take into use: vendor', {}, 'Take into use', 'Announced as a signing key')
    await close(custodian)
    await page.getByText('The token has no other key.').waitFor()
    const adopted = (await keysOf()).find(({ token }) => token === 'token')!
    await page.getByRole('button', { name: `Sign with this key: ${adopted.id}` }).waitFor()
    await node.must('DELETE', `/configuration/signing-keys/${adopted.id}`)
    hsm.pkcs11Tool('--login', '--pin', PIN, '--delete-object', '--type', 'privkey', '--id', 'beef')
  })

  const rotateTo = async (id: string): Promise<void> => {
    await publish(node)
    await read()
    world.clock.now += 600_000
    await publish(node)
    await read()
    await node.must('PUT', `/configuration/signing-keys/${id}/activate`)
  }
  const [old] = await keysOf()
  const made = (await addKey()).body as SigningKey

  await t.test('a server follows the rotation from a file to the token', async (t) => {
    t.match(await keysOf(), [
      { active: true, token: 'software' },
      { active: false, token: 'token' },
    ])
    await rotateTo(made.id)
    const { index } = await publish(node)
    await read()
    t.ok(server.current().statementIndex! >= index)
    await server.refreshSuspensions()
    await node.must('DELETE', `/configuration/signing-keys/${old!.id}`)
    // By then the suspension list is renewed with the new key.
    world.clock.now += 61_000
    await publish(node)
    const fresh = await world.reader(await anchorOf(node))
    await read(fresh)
    await fresh.refreshSuspensions()
    t.ok(fresh.current().index.instance === 'DEV', 'and one that knows the new anchor only')
  })

  await t.test('without the token nothing is published, with it again everything', async (t) => {
    await hsm.stop()
    await inState('away')
    t.match(await node.call('POST', '/configuration/publish'), {
      status: 503,
      body: { type: /token_unavailable/ },
    })
    const health = async () => JSON.stringify((await fetchHealth(node)).checks)
    // A report is up to a second old, and each node makes one for the others.
    await until('the report', async (saw) => saw(await health()).includes('token agency is away'))
    await hsm.start()
    await inState('open')
    const { index } = await publish(node)
    await read()
    t.ok(server.current().statementIndex! >= index)
    await node.must('PUT', '/configuration/signing-token/lock')
    t.match(await node.call('POST', '/configuration/publish'), {
      status: 503,
      body: { type: /token_not_active/ },
    })
  })

  await t.test('a token that hangs keeps nobody from changing the register', async (t) => {
    await give(1, half)
    t.match(await give(2, rest, second), { status: 200, body: { state: 'open' } })
    await hsm.freeze()
    let isPublished = false
    const publishing = publish(node).then(() => {
      isPublished = true
    })
    for (const code of ['ONE', 'TWO', 'THREE'])
      await node.must('POST', '/member-classes', { code, description: code })
    t.notOk(isPublished)
    hsm.thaw()
    await publishing
  })

  await t.test('after a start the custodians open it anew; a key goes back into a file', async (t) => {
    await node.stop()
    node = await world.start({ settings: { ...addressed, signingToken } })
    await inState('locked')
    t.match(await node.call('POST', '/configuration/publish'), { status: 503 })
    await give(1, half)
    t.match(await give(2, rest, second), { status: 200, body: { state: 'open' } })
    const { index } = await publish(node)
    await read()
    t.ok(server.current().statementIndex! >= index)
    const add = async (more: object) =>
      (await node.must('POST', '/configuration/signing-keys', more)) as SigningKey
    for (const more of [{ algorithm: 'RSA-2048', token: 'token' }, { algorithm: 'P-256' }]) {
      const before = (await keysOf()).find(({ active }) => active)!
      await rotateTo((await add(more)).id)
      const { index: next } = await publish(node)
      await read()
      t.ok(server.current().statementIndex! >= next)
      await node.must('DELETE', `/configuration/signing-keys/${before.id}`)
    }
    t.notMatch(
      hsm.pkcs11Tool('--list-objects', '--login', '--pin', PIN),
      /Private Key/,
      'destroyed on the token',
    )
  })

  await t.test('a key that was made by other means', async (t) => {
    hsm.makeKey('c0ffee')
    const found = () => node.must('GET', '/configuration/signing-token/keys')
    t.match(await found(), [{ objectId: 'c0ffee', label: 'vendor', algorithm: 'P-256' }])
    const adopt = (objectId: string) =>
      node.call('POST', `/configuration/signing-token/keys/${objectId}/adopt`)
    for (const wrong of ['0', 'xy', '00'.repeat(65)]) t.equal((await adopt(wrong)).status, 400)
    t.equal((await adopt('ff')).status, 404)
    const adopted = await adopt('C0FFEE')
    t.match(adopted, { status: 201, body: { active: false, token: 'token', algorithm: 'EC' } })
    t.equal((await adopt('c0ffee')).status, 409)
    t.strictSame(await found(), [])
    const before = (await keysOf()).find(({ active }) => active)!
    const { id } = adopted.body as SigningKey
    await rotateTo(id)
    const { index } = await publish(node)
    await read()
    t.ok(server.current().statementIndex! >= index, 'servers follow to it')
    await rotateTo(before.id)
    t.equal((await node.call('DELETE', `/configuration/signing-keys/${id}`)).status, 204)
    t.match(await found(), [{ objectId: 'c0ffee' }], 'what was not made here is not destroyed here')
    hsm.pkcs11Tool('--login', '--pin', PIN, '--delete-object', '--type', 'privkey', '--id', 'c0ffee')
  })

  const { id: last } = (await addKey()).body as SigningKey
  const remove = () => node.call('DELETE', `/configuration/signing-keys/${last}`)
  await t.test('a registry without a token says so', async (t) => {
    await node.stop()
    node = await world.start({ settings: addressed })
    t.match(await node.must('GET', '/configuration/signing-token'), { configured: false })
    t.equal((await give(1, half)).status, 404)
    t.equal((await node.call('PUT', '/configuration/signing-token/lock')).status, 404)
    t.equal((await addKey()).status, 404)
    t.match(await remove(), { status: 404, body: { type: /token_not_found/ } })
  })

  await t.test('a key is removed together with what lies on the token', async (t) => {
    await node.stop()
    node = await world.start({ settings: { ...addressed, signingToken } })
    await inState('locked')
    t.match(await remove(), { status: 503, body: { type: /token_not_active/ } })
    t.ok(
      (await keysOf()).some(({ id }) => id === last),
      'or not at all',
    )
    await give(1, half)
    await give(2, rest, second)
    const file = path.join(world.directory, 'signing-keys', `${last}.token.json`)
    const before = readFileSync(file)
    t.equal((await remove()).status, 204)
    t.notMatch(hsm.pkcs11Tool('--list-objects', '--login', '--pin', PIN), /Private Key/)
    // The state after a crash before the files were removed.
    writeFileSync(file, before)
    t.equal((await remove()).status, 204, 'what was cut short is asked for again')
    t.notOk(existsSync(file))
    t.equal((await remove()).status, 404)
  })
})
