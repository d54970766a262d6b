import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { openRegistryDatabase } from '#central-registry/registry.ts'
import { createAuditLog } from '#platform/audit-log/create-audit-log.ts'
import { tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { codeOf } from '#test/fakes/configuration-world.ts'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { type Lies, startRogueProvider } from '#test/fakes/rogue-openid-provider.ts'
import { until } from '#test/until.ts'
import { attemptOf, beginAttempt } from './attempt.ts'
import { createOpenIdClient, type Identity } from './client.ts'
import { createSessions } from './create-sessions.ts'
import { createSessionStore } from './store.ts'

const issuer = await startOpenIdProvider(t)
const HOUR = 3_600_000

type Entry = { operation: string; caller: { id: string; name: string }; data: Record<string, unknown> }

const audited = async (node: Node): Promise<Entry[]> =>
  (await node.must('GET', '/audit-log?limit=500')) as Entry[]
const statusOf = async (browser: Browser, node: Node): Promise<number> =>
  (await browser.api(baseOf(node), 'GET', '/session')).status
const cookieOf = (browser: Browser, node: Node) => browser.cookies.get(new URL(baseOf(node)).host)!

/** The audit log in the database of a stopped node. */
async function auditOf(t: Test, url: string) {
  const database = await openRegistryDatabase(url)
  t.teardown(() => database.close())
  return createAuditLog({ database, clock: Date.now })
}

void t.test('a session: its cookie, its CSRF token, its ends', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const world = registryWorld(t, url)
    const node = await world.start({ login: issuer })
    const base = baseOf(node)
    const { anna, ben } = await install(t, node)

    const planted = 'A'.repeat(43)
    cookieOf(anna, node).set('registry-session', planted)
    const before = await anna.visit(`${base}/login`)
    t.match(
      before.headers['set-cookie'],
      /^registry-login=\S+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/,
    )
    const page = await anna.login(base, 'anna')
    t.match([page.headers['set-cookie']].flat(), [
      'registry-login=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0',
      /^registry-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
    ])
    t.match(page.headers, {
      'referrer-policy': 'no-referrer',
      'content-security-policy': /default-src 'none'/,
    })
    const token = cookieOf(anna, node).get('registry-session')!
    t.not(token, planted, 'a planted token is worth nothing')
    const session = (await anna.api(base, 'GET', '/session')).body as { csrfToken: string; endsAt: string }
    t.equal(session.endsAt, new Date(world.clock.now + HOUR / 2).toISOString())

    const body = { code: 'GOV', description: 'x' }
    const add = (headers: Record<string, string>) => anna.api(base, 'POST', '/member-classes', body, headers)
    const other = (await ben.api(base, 'GET', '/session')).body as { csrfToken: string }
    for (const wrong of ['', 'x', session.csrfToken.slice(1), token, other.csrfToken])
      t.match(await add({ 'x-csrf-token': wrong }), { status: 403, body: { type: 'csrf_token_invalid' } })
    const key = readFileSync(node.settings.admin.initialApiKeyFile!, 'utf8').trim()
    t.equal((await add({ authorization: 'X-Road-ApiKey token=x' })).status, 401, 'Authorization counts alone')
    const bare = { authorization: `X-Road-ApiKey token=${key}`, 'x-csrf-token': '' }
    t.equal((await add(bare)).status, 201, 'and needs no token')
    t.equal((await add({})).status, 409, 'with the right token it gets to the handler')
    const doubled = { cookie: `registry-session=${token}; registry-session=${planted}` }
    t.equal((await anna.visit(`${base}/api/v1/session`, { headers: doubled })).status, 401)
    for (const odd of ['', 'x', `${token}x`, `${token}%00`, "' or 1=1--", 'x'.repeat(8000)]) {
      const headers = { cookie: `registry-session=${odd}` }
      t.equal((await openBrowser(t).visit(`${base}/api/v1/session`, { headers })).status, 401)
    }

    t.equal(
      (await anna.visit(`${base}/logout`, { method: 'POST' })).status,
      403,
      'logout needs the token too',
    )
    const headers = { 'x-csrf-token': session.csrfToken }
    t.equal((await anna.visit(`${base}/logout`, { method: 'POST', headers })).status, 204)
    t.equal(cookieOf(anna, node).has('registry-session'), false)
    cookieOf(anna, node).set('registry-session', token)
    t.match(await anna.api(base, 'GET', '/session'), { status: 401, body: { type: 'session_ended' } })
    t.equal((await anna.visit(`${base}/logout`, { method: 'POST', headers })).status, 401)

    // First disuse, then age.
    await anna.login(base, 'anna')
    world.clock.now += HOUR / 2 - 1
    t.equal(await statusOf(anna, node), 200)
    t.equal(await statusOf(ben, node), 200)
    world.clock.now += HOUR / 2 - 1
    t.equal(await statusOf(anna, node), 200, 'used in between')
    world.clock.now += HOUR / 2
    t.equal(await statusOf(anna, node), 401)
    await anna.login(base, 'anna')
    for (let halves = 0; halves < 17; halves++) {
      world.clock.now += HOUR / 2 - 60_000
      if ((await statusOf(anna, node)) === 401) break
      t.ok(halves < 16, 'eight hours end it')
    }
    const operations = (await audited(node)).map(({ operation, caller }) => `${operation} ${caller.name}`)
    t.ok(operations.includes('login Person anna') && operations.includes('logout Person anna'))

    await anna.login(base, 'anna')
    await ben.login(base, 'ben')
    const [found] = (await node.must('GET', '/people?q=anna')) as { id: string }[]
    const id = found!.id
    t.equal((await ben.api(base, 'PUT', `/people/${id}/lock`)).status, 204)
    t.match(await anna.api(base, 'GET', '/session'), { status: 401, body: { type: 'session_ended' } })
    t.match(await anna.login(base, 'anna'), { status: 403, text: /Your access is locked/ })
    t.match((await audited(node))[0], {
      operation: 'loginRefused',
      caller: { id },
      data: { reason: 'locked' },
    })
  })
})

void t.test('a stolen, foreign, late or altered way back lets nobody in', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ login: issuer })
  const base = baseOf(node)
  await install(t, node)
  const refused = async (browser: Browser, url: string, text: RegExp): Promise<void> => {
    t.match(await browser.visit(url), { status: 403, text })
    t.equal(cookieOf(browser, node)?.has('registry-session') ?? false, false)
  }
  const [mine, theirs] = [openBrowser(t), openBrowser(t)]
  const callback = await mine.toCallback(base, 'anna')
  await refused(theirs, callback, /begun in another browser/)
  const own = await theirs.toCallback(base, 'ben')
  await refused(theirs, callback, /belongs to another login/)
  t.equal((await theirs.visit(own)).status, 200, 'and spends nothing of theirs')
  const jar = new Map(cookieOf(mine, node))
  t.equal((await mine.visit(callback)).status, 200)
  const thief = openBrowser(t)
  thief.cookies.set(new URL(base).host, jar)
  await refused(thief, callback, /used already/)

  const altered = async (change: (url: URL) => void): Promise<void> => {
    const browser = openBrowser(t)
    await refused(browser, await browser.toCallback(base, 'anna', change), /did not confirm who you are/)
  }
  await altered((url) => url.searchParams.set('nonce', 'another'))
  await altered((url) => url.searchParams.delete('nonce'))
  await altered((url) => url.searchParams.set('code_challenge', 'A'.repeat(43)))
  const late = openBrowser(t)
  const address = await late.toCallback(base, 'anna')
  world.clock.now += 600_001
  await refused(late, address, /longer than ten minutes/)
  const hostile = openBrowser(t)
  for (const query of [
    '',
    '?code=x',
    '?state=x&code=y',
    '?error=access_denied',
    `?state=${'x'.repeat(3000)}`,
  ])
    await refused(hostile, `${base}/login/callback${query}`, /You are not logged in/)
  await hostile.visit(`${base}/login`)
  const cookie = cookieOf(hostile, node).get('registry-login')!
  cookieOf(hostile, node).set('registry-login', `${'0'.repeat(13)}${cookie.slice(13)}`)
  for (let more = 0; more < 6; more++)
    await refused(hostile, `${base}/login/callback?state=x`, /longer than ten minutes/)
  // The listener accepts 20 requests of one address in each second of its clock.
  const second = Math.floor(Date.now() / 1000)
  await until('the next second', () => Math.floor(Date.now() / 1000) > second)
  const denied = await hostile.toCallback(base, 'unknown')
  const spent = cookieOf(hostile, node).get('registry-login')!
  await refused(hostile, denied.replace(/code=[^&]+/, 'error=access_denied'), /did not confirm/)
  await refused(hostile, await hostile.toCallback(base, 'stranger'), /nobody has invited you/)
  await refused(hostile, await hostile.toCallback(base, 'unverified-anna'), /nobody has invited you/)
  for (let more = 0; more < 7; more++) {
    cookieOf(hostile, node).set('registry-login', spent)
    await refused(hostile, denied, /used already/)
  }
  t.match(await hostile.visit(`${base}/login`), { status: 429, headers: { 'retry-after': /^\d+$/ } })
  t.match(await hostile.visit(denied), { status: 429 })
  t.equal((await openBrowser(t).visit(`${base}/login`)).status, 303, 'other addresses may')
  world.clock.now += HOUR / 4
  t.equal((await hostile.visit(`${base}/login`)).status, 303)

  const before = await node.get('/nowhere')
  t.equal(before.status, 404)
  t.notMatch(world.lines.join(), /stranger|code=|state=/, 'nothing of them in the log')
  await node.stop()
  const audit = await auditOf(t, node.settings.database)
  const entries = await audit.list({ limit: 500 })
  const counted = entries.filter(({ caller }) => caller.name === 'strangers')
  t.equal(counted.length, 1, 'one record for all of them')
  t.match(counted[0], { operation: 'loginRefused', data: { unknown: 2, replayed: 8, state: 1, failed: 4 } })
  t.notMatch(JSON.stringify(entries), /stranger@|Person stranger|Person unverified/)
  t.same((await audit.verify()).brokenAt, undefined)

  const dark = await registryWorld(t).start({ login: 'http://127.0.0.1:1' })
  t.match(await openBrowser(t).visit(`${baseOf(dark)}/login`), {
    status: 502,
    text: /login is not available/,
  })
  const without = await registryWorld(t).start()
  const plain = `http://${without.settings.admin.address}:4000`
  t.equal((await openBrowser(t).visit(`${plain}/login`)).status, 404)
  t.match(await without.call('POST', '/people', { email: 'a@b.example', roles: ['XROAD_OBSERVER'] }), {
    status: 409,
  })
})

void t.test('a provider that lies is not believed', async (t) => {
  const rogue = await startRogueProvider(t)
  const attempt = attemptOf(beginAttempt(Date.now()), Date.now())!
  const facts = { clientId: 'registry', nonce: attempt.nonce }
  const redirectUri = 'http://127.0.0.1:4000/login/callback'
  const identify = async (lies: Lies, more = ''): Promise<Identity> => {
    rogue.lie(lies, facts)
    const client = createOpenIdClient({ issuer: rogue.issuer, ...facts, clientSecret: 'x', redirectUri })
    try {
      return await client.identify(new URL(`${redirectUri}?code=c&state=${attempt.state}${more}`), attempt)
    } finally {
      await client.close()
    }
  }
  const truth = { issuer: rogue.issuer, subject: 'anna', name: 'Anna', email: 'anna@example.org' }
  t.same(await identify({}), truth)
  t.match(
    await identify({ userinfo: { email_verified: 'true' } }),
    { email: undefined },
    'verified is true alone',
  )
  t.match(await identify({ userinfo: { email_verified: undefined } }), { email: undefined })
  for (const name of ['', 7, 'a\u202eb', 'a\nb', 'x'.repeat(256), '\ud800', null])
    t.match(
      await identify({ userinfo: { name } }),
      { name: 'anna' },
      'a name that is none gives way to the subject',
    )

  const now = Math.floor(Date.now() / 1000)
  const lies: [string, Lies, string?][] = [
    ['signature of another key', { signedBy: 'another key' }],
    ['no signature', { signature: '' }],
    ['broken signature', { signature: 'AAAA' }],
    ['alg none', { header: { alg: 'none' }, signature: '' }],
    ['alg HS256', { header: { alg: 'HS256' } }],
    ['unknown critical header', { header: { crit: ['x'], x: 1 } }],
    ['another issuer', { claims: { iss: 'http://127.0.0.1:1' } }],
    ['another audience', { claims: { aud: 'other' } }],
    ['two audiences, for another party', { claims: { aud: ['registry', 'other'], azp: 'other' } }],
    ['another nonce', { claims: { nonce: 'other' } }],
    ['no nonce', { claims: { nonce: undefined } }],
    ['expired', { claims: { exp: now - 600, iat: now - 1200 } }],
    ['no expiry', { claims: { exp: undefined } }],
    ['a login of yesterday', { claims: { auth_time: now - 86_400 } }],
    ['no time of login', { claims: { auth_time: undefined } }],
    ['no subject', { claims: { sub: undefined } }],
    ['a subject with unseen signs', { claims: { sub: 'a\u200bb' }, userinfo: { sub: 'a\u200bb' } }],
    ['a long subject', { claims: { sub: 'x'.repeat(256) }, userinfo: { sub: 'x'.repeat(256) } }],
    ['facts of somebody else', { userinfo: { sub: 'ben' } }],
    ['huge facts', { userinfo: { name: 'x'.repeat(300_000) } }],
    ['no ID token', { token: { id_token: undefined } }],
    ['no token at all', { token: { id_token: 'x' } }],
    ['an answer of another provider (RFC 9207)', {}, '&iss=http%3A%2F%2F127.0.0.1%3A1'],
    ['a doubled code', {}, '&code=d'],
  ]
  for (const [what, lie, more] of lies) t.equal(await codeOf(identify(lie, more)), 'login_failed', what)
  const discoveries: [string, Lies['discovery']][] = [
    ['another issuer', (given) => ({ ...given, issuer: 'http://127.0.0.1:1' })],
    ['nothing', () => null],
    ['too much', (given) => ({ ...given, more: 'x'.repeat(300_000) })],
    ['elsewhere', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ]
  for (const [what, discovery] of discoveries)
    t.equal(await codeOf(identify({ discovery })), 'login_provider_failed', what)
})

void t.test('sessions and used logins in the database', async (t) => {
  await eachDatabase(t, async (_, t, url) => {
    const database = await openRegistryDatabase(url)
    t.teardown(() => database.close())
    let now = Date.now()
    const sessions = createSessions({ database, clock: () => ++now })
    const store = createSessionStore(database)
    const eight = Array.from({ length: 8 }, () =>
      store.useLogin(Buffer.from('login'), '2026-03-01T12:00:00.000Z', '2026-03-01T11:00:00.000Z'),
    )
    t.equal((await Promise.all(eight)).filter((first) => first).length, 1, 'an attempt serves once')
    const tokens: string[] = []
    for (let at = 0; at < 12; at++) tokens.push(await sessions.begin('anna'))
    const other = await sessions.begin('ben')
    const found = await Promise.all(tokens.map((token) => sessions.find(token)))
    t.same(
      found.map((one) => one !== undefined),
      [false, false, ...Array.from({ length: 10 }, () => true)],
    )
    t.equal(new Set(found.map((one) => one?.csrfToken)).size, 11, 'each has a token of its own')
    const rows = await tablesOf<{ session: { digest: Buffer } }>(database)
      .selectFrom('session')
      .select('digest')
      .execute()
    const stored = rows.map(({ digest }) => digest.toString('base64url'))
    t.notOk(
      tokens.some((token) => stored.includes(token)),
      'no token is stored',
    )
    await database.kysely.transaction().execute((transaction) => sessions.endAllOf('anna', transaction))
    t.same(
      await Promise.all(tokens.map((token) => sessions.find(token))),
      tokens.map(() => undefined),
    )
    t.ok(await sessions.find(other))
    await t.rejects(
      database.kysely.transaction().execute(async (transaction) => {
        await sessions.endAllOf('ben', transaction)
        throw new Error('the change failed')
      }),
    )
    t.ok(await sessions.find(other), 'what failed ended nothing')
  })
})
