/**
 * Acts of great weight that a passkey confirms: for exactly one act, in one session, once; what API keys may;
 * and what the audit log says.
 */
import t, { type Test } from 'tap'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { createSessions } from '#platform/sessions/create-sessions.ts'
import { createSessionStore } from '#platform/sessions/store.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { type Authenticator, createAuthenticator, type Lies } from './authenticator-fixture.ts'
import { createPasskeys } from './create-passkeys.ts'
import { createPasskeyStore } from './store.ts'

const issuer = await startOpenIdProvider(t)
const OBSERVER = { roles: ['XROAD_OBSERVER'] }

type Options = { challenge: string; user: { id: string } }
type Session = { csrfToken: string; id: string; passkeyForActs: boolean }

void t.test('an act is confirmed by a passkey, for this act and session, once', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ login: issuer, passkeys: true, forActs: true })
  const base = baseOf(node)
  const site = { origin: base, rpId: new URL(base).hostname }
  const refused = await node.call('POST', '/people', { subject: 'x', ...OBSERVER })
  t.match(refused, {
    status: 403,
    body: { type: 'passkey_needed', message: /API key has no passkeys.*In the console|console/ },
  })
  t.equal(refused.headers['x-passkey-challenge'], undefined)

  const anna = openBrowser(t)
  await anna.login(base, 'anna')
  const { anna: first, ben } = await install(t, node)
  const send = async (by: Browser, at: string, body: unknown, more: Record<string, string> = {}) => {
    const { csrfToken } = (await by.api(base, 'GET', '/session')).body as Session
    const reply = await by.visit(`${base}/api/v1${at}`, {
      ...{ method: 'POST', body: Buffer.from(JSON.stringify(body)) },
      headers: { 'content-type': 'application/json', 'x-csrf-token': csrfToken, ...WHY, ...more },
    })
    return { ...reply, body: JSON.parse(reply.text || '{}') as Record<string, unknown> }
  }
  const none = await send(first, '/people', { subject: 'carl', ...OBSERVER })
  t.match(none, { status: 403, body: { type: 'passkey_needed', message: /none here that serves/ } })

  const device = createAuthenticator()
  const options = (await first.api(base, 'GET', '/session/passkeys/options')).body as {
    challenge: string
    user: { id: string }
  }
  const made = { name: 'laptop', ...device.create({ ...site, challenge: options.challenge }) }
  const code = await codeFor(t, node, ben, first)
  t.equal((await first.api(base, 'POST', '/session/passkeys', { ...made, code })).status, 201)
  t.match((await first.api(base, 'GET', '/session')).body, { passkeyForActs: true })
  const challengeFor = async (at: string, body: unknown, more = {}): Promise<string> => {
    const asked = await send(first, at, body, more)
    t.match(asked, {
      status: 403,
      body: { type: 'passkey_needed' },
      headers: { 'x-passkey-rp-id': site.rpId },
    })
    return String(asked.headers['x-passkey-challenge'])
  }
  const answer = (challenge: string, lies: Lies = {}): Record<string, string> => {
    const given = device.get({ ...site, challenge, userHandle: options.user.id }, lies)
    return { 'x-passkey-assertion': Buffer.from(JSON.stringify(given)).toString('base64url') }
  }
  const carl = { subject: 'carl', ...OBSERVER }
  const challenge = await challengeFor('/people', carl)
  const hostile: [string, Record<string, string>, unknown, number][] = [
    ['another act', answer(challenge), { subject: 'eve', ...OBSERVER }, 403],
    ['other roles', answer(challenge), { subject: 'carl', roles: ['XROAD_AUDITOR'] }, 403],
    ['another reason', { ...answer(challenge), 'x-reason': 'other' }, carl, 403],
    ['its user was not verified', answer(challenge, { flags: 0x01 }), carl, 403],
    [
      'another origin',
      answer(await challengeFor('/people', carl), { client: { origin: 'https://evil.example' } }),
      carl,
      403,
    ],
    [
      'of somebody else',
      answer(await challengeFor('/people', carl), { userHandle: 'A'.repeat(43) }),
      carl,
      403,
    ],
    ['a challenge of their own', answer('A'.repeat(72)), carl, 403],
    ['no base64url', { 'x-passkey-assertion': '{}' }, carl, 400],
    ['no JSON', { 'x-passkey-assertion': 'AAAA' }, carl, 400],
    ['no answer', { 'x-passkey-assertion': Buffer.from('[]').toString('base64url') }, carl, 400],
    ['a long one', { 'x-passkey-assertion': 'A'.repeat(12_001) }, carl, 400],
  ]
  for (const [what, headers, body, status] of hostile) {
    world.clock.now += 1000
    t.equal((await send(first, '/people', body, headers)).status, status, what)
  }
  const mine = await challengeFor('/people', carl)
  t.match(await send(ben, '/people', carl, answer(mine)), { status: 403, body: { type: 'passkey_refused' } })
  world.clock.now += 1000
  const good = answer(await challengeFor('/people', carl))
  t.match(await send(first, '/people', carl, good), { status: 202 }, 'proposed, with the passkey')
  world.clock.now += 1000
  t.match(await send(first, '/people', carl, good), {
    status: 403,
    body: { type: 'passkey_refused', message: /sent before/ },
  })
  const late = answer(await challengeFor('/people', carl))
  world.clock.now += 300_001
  t.match(await send(first, '/people', carl, late), { status: 403, body: { message: /five minutes/ } })

  // What takes two people does nothing before a person approves it with a passkey; so a key of a person may
  // propose it.
  const [{ id, contentSha256 }] = (await node.must('GET', '/approvals')) as [
    { id: string; contentSha256: string },
  ]
  t.match(await send(ben, `/approvals/${id}/approve`, { contentSha256 }), {
    status: 403,
    body: { type: 'passkey_needed', message: /none here that serves/ },
  })
  t.equal((await send(ben, `/approvals/${id}/reject`, { reason: 'no' })).status, 200, 'a refusal needs none')
  const log = (await node.must('GET', '/audit-log?limit=500')) as { operation: string; data: object }[]
  t.match(log.find(({ operation }) => operation === 'propose')?.data, {
    operation: 'invitePerson',
    confirmedBy: { passkey: { name: 'laptop' }, actSha256: /^[0-9a-f]{64}$/ },
  })
  t.ok(log.filter(({ operation }) => operation === 'confirmationRefused').length > 5)
  t.notMatch(JSON.stringify(log) + world.lines.join(), String(good['x-passkey-assertion']).slice(0, 60))
})

void t.test('a session adds no passkey beside one that serves without it, nor by removing it', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ login: issuer, passkeys: true, forActs: true })
  const base = baseOf(node)
  const site = { origin: base, rpId: new URL(base).hostname }
  const { anna, ben } = await install(t, node)
  const add = async (
    by: Browser,
    device: Authenticator,
    sign: (challenge: string) => object = () => ({}),
    code?: string,
  ) => {
    const { csrfToken } = (await by.api(base, 'GET', '/session')).body as Session
    const { challenge, user } = (await by.api(base, 'GET', '/session/passkeys/options')).body as Options
    const body = Buffer.from(JSON.stringify({ name: 'key', code, ...device.create({ ...site, challenge }) }))
    const send = (more: object) =>
      by.visit(`${base}/api/v1/session/passkeys`, {
        ...{ method: 'POST', body },
        headers: { 'content-type': 'application/json', 'x-csrf-token': csrfToken, ...more },
      })
    const first = await send({})
    const asked = String(first.headers['x-passkey-challenge'] ?? '')
    return { first, last: asked === '' ? first : await send(sign(asked)), handle: user.id }
  }
  const [phone, laptop, thief] = [createAuthenticator(), createAuthenticator(), createAuthenticator()]
  t.match((await add(anna, thief)).last, { status: 403, text: /passkey_code_wrong/ })
  const { last: added, handle } = await add(anna, phone, undefined, await codeFor(t, node, ben, anna))
  t.equal(added.status, 201, 'who has none adds one with a code')
  const by = (device: Authenticator) => (challenge: string) => {
    const given = device.get({ ...site, challenge, userHandle: handle })
    return { 'x-passkey-assertion': Buffer.from(JSON.stringify(given)).toString('base64url') }
  }
  for (const sign of [undefined, by(thief)]) {
    const { first, last } = await add(anna, thief, sign)
    t.match(first, { status: 403, text: /passkey_needed/ })
    t.equal(last.status, 403)
  }
  world.clock.now += 1000
  t.equal((await add(anna, laptop, by(phone))).last.status, 201, 'confirmed by one that they have')
  t.match(await anna.api(base, 'POST', '/api-keys/00000000-0000-4000-8000-000000000000/secret'), {
    ...{ status: 403, body: { type: 'passkey_needed' } },
  })

  const own = (await anna.api(base, 'GET', '/session/passkeys')).body as { id: string }[]
  t.equal(own.length, 2)
  const other = openBrowser(t)
  await other.login(base, 'anna')
  t.equal((await anna.api(base, 'DELETE', `/session/passkeys/${own[0]!.id}`)).status, 204)
  for (const browser of [anna, other])
    t.equal((await browser.api(base, 'GET', '/session')).status, 401, 'no session outlives it')
  await anna.login(base, 'anna')
  const { id } = (await anna.api(base, 'GET', '/session')).body as Session
  await node.must('DELETE', `/people/${id}/passkeys/${own[1]!.id}`)
  t.equal((await anna.api(base, 'GET', '/session')).status, 401, 'whoever removes it')
  const asked = await ben.api(base, 'POST', `/people/${id}/passkey-code`)
  t.match(
    asked,
    { status: 403, body: { type: 'passkey_needed' } },
    'nor does a day without any begin with it',
  )
  world.clock.now += DAY
  for (const [browser, name] of [[anna, 'anna'] as const, [ben, 'ben'] as const])
    await browser.login(base, name)
  t.match((await add(anna, laptop)).last, { status: 403, text: /passkey_code_wrong/ }, 'as for the first one')
  t.equal((await add(anna, laptop, undefined, await codeFor(t, node, ben, anna))).last.status, 201)
})

void t.test(
  'whoever has no passkey adds one with the code of somebody else, once, within a day',
  async (t) => {
    const world = registryWorld(t)
    const node = await world.start({ login: issuer, passkeys: true, forActs: true })
    const base = baseOf(node)
    const site = { origin: base, rpId: new URL(base).hostname }
    const { anna, ben } = await install(t, node)
    const [annas, bens] = [await idOf(anna), await idOf(ben)]
    const [device, other] = [createAuthenticator(), createAuthenticator()]
    let handle = ''
    const add = async (by: Browser, code?: unknown, from = device) => {
      const { challenge, user } = (await by.api(base, 'GET', '/session/passkeys/options')).body as Options
      handle = user.id
      const body = {
        name: 'key',
        ...(code !== undefined && { code }),
        ...from.create({ ...site, challenge }),
      }
      return by.api(base, 'POST', '/session/passkeys', body)
    }
    const WRONG = { status: 403, body: { type: 'passkey_code_wrong' } }

    // As long as no administrator has a passkey, each may give one to another.
    t.match(await anna.api(base, 'POST', `/people/${annas}/passkey-code`), {
      ...{ status: 403, body: { type: 'not_second_person' } },
    })
    t.match(await ben.api(base, 'POST', '/people/00000000-0000-4000-8000-000000000000/passkey-code'), {
      status: 404,
    })
    t.match(await node.call('POST', `/people/${annas}/passkey-code`), {
      ...{ status: 403, body: { type: 'key_without_person' } },
    })
    const old = await codeFor(t, node, ben, anna)
    const given = await ben.api(base, 'POST', `/people/${annas}/passkey-code`)
    t.match(given, { status: 201, body: { code: /^[0-9a-f]{4}( [0-9a-f]{4}){4}$/ } })
    const { code, endsAt } = given.body as { code: string; endsAt: string }
    t.equal(Date.parse(endsAt) - world.clock.now, DAY)
    for (const wrong of [undefined, old, `${code} 0`, await codeFor(t, node, anna, ben)])
      t.match(await add(anna, wrong), WRONG, String(wrong))
    for (const wrong of ['', 'x'.repeat(101), { $ne: '' }]) t.match(await add(anna, wrong), { status: 400 })
    t.match(await add(ben, code), WRONG, 'of somebody else')
    world.clock.now -= DAY
    const late = await codeFor(t, node, ben, anna)
    world.clock.now += DAY
    await ben.login(base, 'ben')
    t.match(await add(anna, late), WRONG, 'too late')
    const again = (await ben.api(base, 'POST', `/people/${annas}/passkey-code`)).body as { code: string }
    t.equal(
      (await add(anna, again.code.toUpperCase().replaceAll(' ', ''))).status,
      201,
      'as somebody types it',
    )

    // From now on only a passkey gives a code.
    for (const refused of [
      await node.call('POST', `/people/${bens}/passkey-code`),
      await ben.api(base, 'POST', `/people/${annas}/passkey-code`),
    ])
      t.match(refused, { status: 403, body: { type: 'passkey_needed' } })
    const asked = await anna.visit(`${base}/api/v1/people/${bens}/passkey-code`, await posted(anna))
    const challenge = String(asked.headers['x-passkey-challenge'])
    const answer = Buffer.from(JSON.stringify(device.get({ ...site, challenge, userHandle: handle })))
    const last = await anna.visit(
      `${base}/api/v1/people/${bens}/passkey-code`,
      await posted(anna, { 'x-passkey-assertion': answer.toString('base64url') }),
    )
    t.equal(last.status, 201, 'confirmed by hers')
    const bensCode = (JSON.parse(last.text) as { code: string }).code
    t.equal((await add(ben, bensCode, other)).status, 201)
    const own = (await ben.api(base, 'GET', '/session/passkeys')).body as { id: string }[]
    await node.must('DELETE', `/people/${bens}/passkeys/${own[0]!.id}`)
    await ben.login(base, 'ben')
    t.match(await add(ben, bensCode), WRONG, 'it served once')
    for (let wrong = 0; wrong < 9; wrong++) await add(ben, 'wrong')
    t.match(await add(ben, 'wrong'), { status: 429, body: { message: /too many wrong codes/ } })

    const log = (await node.must('GET', '/audit-log?limit=500')) as { operation: string; target: string }[]
    t.equal(log.filter(({ operation }) => operation === 'givePasskeyCode').length, 8)
    // Hers is the only passkey. Who locks her has none, and gives no code for as long as a session lasts.
    world.clock.now += DAY
    await ben.login(base, 'ben')
    t.equal((await ben.api(base, 'PUT', `/people/${annas}/lock`)).status, 204)
    const locked = await ben.api(base, 'POST', `/people/${annas}/passkey-code`)
    t.match(locked, { status: 403, body: { type: 'passkey_needed' } })
    world.clock.now += DAY
    await ben.login(base, 'ben')
    t.match(await ben.api(base, 'POST', `/people/${annas}/passkey-code`), {
      ...{ status: 409, body: { message: /the person is locked/ } },
    })
    for (const secret of [code, again.code, bensCode])
      t.notMatch(JSON.stringify(log) + world.lines.join(), secret)

    async function idOf(browser: Browser): Promise<string> {
      return ((await browser.api(base, 'GET', '/session')).body as Session).id
    }
    async function posted(by: Browser, more: Record<string, string> = {}) {
      const { csrfToken } = (await by.api(base, 'GET', '/session')).body as Session
      return { method: 'POST', headers: { 'x-csrf-token': csrfToken, ...more } }
    }
  },
)

void t.test('what was begun in a session that ended meanwhile adds no passkey', async (t) => {
  const { passkeys, begin, made } = await openRooms(t)
  const [first, second] = [await begin(), await begin()]
  const [phone, thief] = [await made(first), await made(second)]
  const { id } = await passkeys.add(first, { name: 'phone', ...phone }, true)
  await passkeys.remove('anna', id)
  await t.rejects(passkeys.add(second, { name: 'thief', ...thief }, true), { code: 'session_ended' })
})

void t.test('a code ends when its person adds or loses a passkey, or is locked', async (t) => {
  const { passkeys, store, begin, made } = await openRooms(t)
  let id = ''
  const changes: Record<string, () => Promise<unknown>> = {
    added: async () => {
      const by = await begin()
      ;({ id } = await passkeys.add(by, { name: 'confirmed', ...(await made(by)) }, true))
    },
    removed: () => passkeys.remove('anna', id),
    locked: () => store.within((within) => store.lock('anna', new Date().toISOString(), within)),
  }
  for (const [what, change] of Object.entries(changes)) {
    const { code } = await passkeys.giveCode('anna')
    await change()
    const by = await begin()
    const given = { name: 'thief', code, ...(await made(by)) }
    await t.rejects(passkeys.add(by, given), { code: 'passkey_code_wrong' }, what)
  }
})

async function openRooms(t: Test) {
  const database = await openRegistryDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  const clock = (): number => Date.UTC(2026, 2, 1)
  const site = { origin: 'https://server.example', rpId: 'server.example', days: 30, forActs: true }
  const sessions = createSessions({ database, clock })
  const store = createPasskeyStore(database)
  const passkeys = createPasskeys({
    ...{ sessions, logins: createSessionStore(database), store },
    people: {
      find: async (name) => ({ name, state: 'active', roles: [] }),
      readmit: async (id) => ({ id, name: id }),
    },
    ...{ settings: site, label: 'test', clock },
  })
  const made = async (by: Caller) =>
    createAuthenticator().create({ ...site, challenge: (await passkeys.optionsFor(by)).challenge })
  return { passkeys, store, begin, made }

  async function begin(): Promise<Caller> {
    const { csrfToken, begunAt, endsAt } = (await sessions.find(await sessions.begin('anna')))!
    return { kind: 'person', id: 'anna', name: 'anna', roles: [], session: { csrfToken, begunAt, endsAt } }
  }
}

/** The code for a passkey of the person of the other browser. */
async function codeFor(t: Test, node: Node, giver: Browser, other: Browser): Promise<string> {
  const { id } = (await other.api(baseOf(node), 'GET', '/session')).body as Session
  const given = await giver.api(baseOf(node), 'POST', `/people/${id}/passkey-code`)
  t.equal(given.status, 201)
  return (given.body as { code: string }).code
}

const DAY = 24 * 3_600_000
const WHY = { 'x-reason': 'because' }
