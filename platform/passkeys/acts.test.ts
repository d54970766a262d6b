/** Acts of great weight that a passkey confirms: for exactly one act, in one session, once; what API keys may; and what the audit log says. */
import t from 'tap'
import { baseOf, install } from '#test/fakes/installed-registry.ts'
import { type Browser, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { registryWorld } from '#test/fakes/registry-world.ts'
import { createAuthenticator, type Lies } from './authenticator-fixture.ts'

const issuer = await startOpenIdProvider(t)
const OBSERVER = { roles: ['XROAD_OBSERVER'] }

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
  const made = device.create({ ...site, challenge: options.challenge })
  t.equal((await first.api(base, 'POST', '/session/passkeys', { name: 'laptop', ...made })).status, 201)
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

  // What takes two people does nothing before a person approves it with a passkey; so a key of a person may propose it.
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

const WHY = { 'x-reason': 'because' }
