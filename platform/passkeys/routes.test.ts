/** Passkeys over HTTP: added by a signed-in person, used to sign in on any node, refused, removed. */
import t from 'tap'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Node, registryWorld } from '#test/fakes/registry-world.ts'
import { until } from '#test/until.ts'
import { createAuthenticator, type Lies } from './authenticator-fixture.ts'
import type { Passkey } from './create-passkeys.ts'
import type { Asserted } from './verify.ts'

const issuer = await startOpenIdProvider(t)

type Options = { challenge: string; user: { id: string }; rp: { id: string } }
const siteOf = (node: Node) => ({ origin: baseOf(node), rpId: new URL(baseOf(node)).hostname })
const post = (browser: Browser, url: string, body: unknown) =>
  browser.visit(url, {
    method: 'POST',
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
  })

void t.test('over HTTP: a person adds a passkey and signs in with it', async (t) => {
  const world = registryWorld(t)
  const node = await world.start({ login: issuer, passkeys: true })
  const base = baseOf(node)
  const { anna, ben } = await install(t, node)
  t.match((await anna.api(base, 'GET', '/session')).body, { passkeys: true })
  t.same(JSON.parse((await openBrowser(t).visit(`${base}/login/means`)).text), {
    ...{ provider: true, origin: base, passkeys: true, takesCode: false },
  })
  const options = (await anna.api(base, 'GET', '/session/passkeys/options')).body as Options
  t.match(options, { rp: { id: siteOf(node).rpId }, attestation: 'none' })
  const device = createAuthenticator()
  const given = device.create({ ...siteOf(node), challenge: options.challenge })
  const added = await anna.api(base, 'POST', '/session/passkeys', { name: 'laptop', ...given })
  t.match(added, { status: 201, body: { name: 'laptop', lastUsedAt: null } })
  const { id } = added.body as Passkey
  t.equal((await anna.api(base, 'POST', '/session/passkeys', { name: 'laptop', ...given })).status, 403)
  t.match((await node.call('GET', '/session/passkeys')).body, { type: 'not_in_person' })

  const answerOf = async (browser: Browser, at = base, lies: Lies = {}): Promise<Asserted> => {
    const { text } = await post(browser, `${at}/login/passkey/challenge`, undefined)
    const { challenge } = JSON.parse(text) as { challenge: string }
    return device.get({ ...siteOf(node), challenge, userHandle: options.user.id }, lies)
  }
  const phone = openBrowser(t)
  const answer = await answerOf(phone)
  const jar = phone.cookies.get(new URL(base).host)!
  const cookie = `registry-passkey=${jar.get('registry-passkey')}`
  t.equal((await post(openBrowser(t), `${base}/login/passkey`, answer)).status, 403, 'another browser')
  t.equal((await post(phone, `${base}/login/passkey`, answer)).status, 204)
  const session = (await phone.api(base, 'GET', '/session')).body as { id: string; passkey: string }
  t.match(session, { name: 'Person anna', roles: Array, passkey: id })
  t.equal(session.id, ((await anna.api(base, 'GET', '/session')).body as { id: string }).id)
  // On another node of the same registry, with the cookie of before.
  const second = await world.start({ login: issuer, settings: { login: node.settings.login! } })
  const other = `http://${second.settings.admin.address}:4000`
  const thief = openBrowser(t)
  const again = await thief.visit(`${other}/login/passkey`, {
    ...{ method: 'POST', body: Buffer.from(JSON.stringify(answer)) },
    headers: { 'content-type': 'application/json', cookie },
  })
  t.match(again, { status: 403, text: /passkey_refused/ })
  t.equal((await post(thief, `${other}/login/passkey`, await answerOf(thief, other))).status, 204)
  const wrong = await post(
    thief,
    `${base}/login/passkey`,
    await answerOf(thief, base, { id: 'A'.repeat(43) }),
  )
  const forged = await post(thief, `${base}/login/passkey`, await answerOf(thief, base, { flags: 1 }))
  const told = ({ text }: { text: string }) => ({ ...(JSON.parse(text) as object), detail: '' })
  t.same(told(wrong), told(forged), 'an unknown passkey and a false answer look the same')
  const hostile = openBrowser(t)
  const fine = await answerOf(hostile)
  for (const body of [
    ...[null, [], {}, 'x', { ...fine, more: 1 }, { ...fine, id: '' }, { ...fine, id: 7 }],
    ...[
      { ...fine, signature: '=' },
      { ...fine, id: 'A'.repeat(1401) },
      { ...fine, userHandle: ['x'] },
    ],
    ...[
      { ...fine, clientDataJSON: `${fine.clientDataJSON}%00` },
      { ...fine, authenticatorData: null },
    ],
  ])
    t.equal((await post(hostile, `${base}/login/passkey`, body)).status, 400, JSON.stringify(body))
  const huge = { ...fine, clientDataJSON: 'A'.repeat(20_000) }
  t.equal((await post(hostile, `${base}/login/passkey`, huge)).status, 413)
  // The listener accepts 20 requests of one address in each second of its clock.
  const tryOnce = async (body: object) => {
    const answered = await post(hostile, `${base}/login/passkey`, body)
    if (answered.status !== 429 || /too many failed logins/.test(answered.text)) return answered
    const second = Math.floor(Date.now() / 1000)
    await until('the next second', () => Math.floor(Date.now() / 1000) > second)
    return post(hostile, `${base}/login/passkey`, body)
  }
  for (let more = 0; more < 10; more++) t.equal((await tryOnce({ ...fine, signature: 'AAAA' })).status, 403)
  t.match(await tryOnce(fine), { status: 429, headers: { 'retry-after': String } })
  t.equal((await post(hostile, `${base}/login/passkey/challenge`, undefined)).status, 429)

  // An administrator sees and removes it: the session that it began ends, not the one of the provider.
  t.match((await ben.api(base, 'GET', `/people/${session.id}/passkeys`)).body, [{ id, name: 'laptop' }])
  t.equal((await ben.api(base, 'DELETE', `/people/${session.id}/passkeys/${id}`)).status, 204)
  t.equal((await phone.api(base, 'GET', '/session')).status, 401)
  t.equal((await anna.api(base, 'GET', '/session')).status, 200)
  t.equal((await post(phone, `${base}/login/passkey`, await answerOf(phone))).status, 403)
  const acts = (await node.must('GET', '/audit-log?limit=500')) as { operation: string; data: object }[]
  const login = acts.find(({ data }) => 'passkey' in data)
  t.match(login, {
    operation: 'login',
    caller: { name: 'Person anna' },
    data: { passkey: { name: 'laptop' } },
  })
  t.match(acts.find(({ operation }) => operation === 'addPasskey')?.data, {
    body: { name: 'laptop', id: '(hidden)', attestationObject: '(hidden)', clientDataJSON: '(hidden)' },
  })
  t.notMatch(world.lines.join(), new RegExp(device.id), 'no passkey in the log')
})
