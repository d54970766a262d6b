/**
 * People who come back with a passkey, to look and not to give; and whoever has the slip, the device, an old
 * answer or another portal's.
 */
import { randomBytes } from 'node:crypto'
import { chmodSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import {
  type Authenticator,
  createAuthenticator,
  type Lies,
} from '#platform/passkeys/authenticator-fixture.ts'
import { createCookies } from '#platform/sessions/cookies.ts'
import { Fault } from '#schemas/fault.ts'
import { keepConsents } from '#test/fakes/consent-systems.ts'
import { type Browser, CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type FakeSystem, startUsageServer, tellsPlainly } from '#test/fakes/usage-systems.ts'
import type { Session } from '../login/sessions.ts'
import { startPortal } from '../portal-fixture.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { SECTIONS } from '../sections.ts'
import { wordsOf } from '../texts.ts'
import { createPasskeys } from './create-passkeys.ts'
import { checkPasskeys } from './settings.ts'
import { createSlips, readSlips } from './slip.ts'

const NOW = Date.parse('2026-12-01T10:00:00Z')
const DAY = 86_400_000
const ORIGIN = 'https://my-data.example'
const PERSON = { code: 'P00000042', name: 'Mari Maasikas' }
const OTHER = 'P00000043'
const LIST = '/login/passkey'
const FROM_HERE = { 'sec-fetch-site': 'same-origin' }
const tax: FakeSystem = { id: 'DEV/GOV/1002/tax', name: 'Tax assessment', owner: 'Tax Agency' }
const bank: FakeSystem = { id: 'DEV/COM/2001/loans', name: 'Loans', owner: 'Savings Bank' }

type Options = { challenge: string; user?: { id: string }; allowCredentials?: { id: string }[] }

const session = (more: Partial<Session> = {}): Session =>
  ({ person: PERSON, by: 'provider', csrfToken: 'token', begunAt: NOW, ...more }) as Session

/** The parts without pages, at a time of the test's own. */
function open(secret = Buffer.alloc(32, 7), origin = ORIGIN, days = 30) {
  const at = { now: NOW }
  const slips = createSlips(secret, origin)
  const passkeys = createPasskeys({ slips, origin, days, label: 'My data', clock: () => at.now })
  const rpId = new URL(origin).hostname
  return {
    ...{ at, slips, passkeys },
    made: (device: Authenticator, q: Options, lies: Lies = {}) =>
      new URLSearchParams(device.create({ challenge: q.challenge, origin, rpId }, lies)),
    signed: (device: Authenticator, q: Options, lies: Lies = {}) =>
      new URLSearchParams(answerOf(device, { challenge: q.challenge, origin, rpId }, lies)),
  }
}

/** As a device answers that was asked for this passkey, and says no handle. */
function answerOf(device: Authenticator, q: { challenge: string; origin: string; rpId: string }, lies: Lies) {
  const { id, clientDataJSON, authenticatorData, signature } = device.get({ ...q, userHandle: 'x' }, lies)
  return { id, clientDataJSON, authenticatorData, signature }
}

async function slipFor(one: ReturnType<typeof open>, device: Authenticator): Promise<string> {
  const added = await one.passkeys.add(session(), one.made(device, one.passkeys.optionsFor(session())))
  if (typeof added === 'string') throw new Error(added)
  return added.slip
}

t.test('the slip alone, the device alone and an old answer let nobody in', async (t) => {
  const portal = open()
  const { passkeys, at } = portal
  const [device, thief] = [createAuthenticator(), createAuthenticator()]
  const slip = await slipFor(portal, device)
  t.notMatch(Buffer.from(slip, 'base64url').toString('latin1'), /P0000|Mari/, 'it is sealed')
  t.not(slip, await slipFor(portal, createAuthenticator()))
  const ask = (): Options => passkeys.requestFor(slip)!

  const good = portal.signed(device, ask())
  t.strictSame(await passkeys.signIn(slip, good), PERSON)
  t.equal(await passkeys.signIn(slip, good), 'expired', 'an answer counts once')
  const bad: [string, Authenticator, Lies][] = [
    ['another device', thief, { id: device.id }],
    ['another passkey', thief, {}],
    ['nobody verified', device, { flags: 1 }],
    ['another site', device, { client: { origin: 'https://my-data.example.org' } }],
    ['another domain', device, { rpId: 'example' }],
    ['a frame', device, { client: { crossOrigin: true } }],
    ['no signature', device, { signature: Buffer.alloc(64) }],
  ]
  for (const [name, who, lies] of bad)
    t.equal(await passkeys.signIn(slip, portal.signed(who, ask(), lies)), 'passkey', name)
  t.equal(await passkeys.signIn(slip, new URLSearchParams({ id: 'x' })), 'passkey')
  const unasked = { challenge: randomBytes(54).toString('base64url') }
  t.equal(await passkeys.signIn(slip, portal.signed(device, unasked)), 'expired', 'a challenge of its own')
  const second = await slipFor(portal, device)
  const forSecond = portal.signed(device, passkeys.requestFor(second)!)
  t.equal(await passkeys.signIn(slip, forSecond), 'expired', 'a challenge for another slip')
  const late = portal.signed(device, ask())
  at.now += 5 * 60_000 + 1
  t.equal(await passkeys.signIn(slip, late), 'expired', 'after five minutes')

  const first = slip.startsWith('A') ? 'B' : 'A'
  const foreign = open(Buffer.alloc(32, 8))
  const elsewhere = open(Buffer.alloc(32, 7), 'https://counter.example')
  const none = [
    ...[undefined, '', 'x', slip.slice(0, 20), 'A'.repeat(5000), `${first}${slip.slice(1)}`],
    ...[await slipFor(foreign, device), await slipFor(elsewhere, device)],
  ]
  for (const one of none) {
    t.equal(passkeys.requestFor(one), undefined, `${one?.slice(0, 20)}`)
    t.equal(await passkeys.signIn(one, portal.signed(device, ask())), 'expired')
  }
  at.now = NOW + 30 * DAY - 1
  t.ok(passkeys.requestFor(slip))
  const atTheEnd = portal.signed(device, ask())
  at.now++
  t.equal(passkeys.requestFor(slip), undefined, 'thirty days after the login')
  t.equal(await passkeys.signIn(slip, atTheEnd), 'expired')
})

t.test('fewer days end what was given before', async (t) => {
  const device = createAuthenticator()
  const slip = await slipFor(open(), device)
  const { passkeys, at, signed } = open(undefined, undefined, 1)
  at.now = NOW + DAY - 1
  const inTime = signed(device, passkeys.requestFor(slip)!)
  t.strictSame(await passkeys.signIn(slip, inTime), PERSON)
  const late = signed(device, passkeys.requestFor(slip)!)
  at.now++
  t.equal(passkeys.requestFor(slip), undefined)
  t.equal(await passkeys.signIn(slip, late), 'expired')
})

t.test('a passkey is added in a fresh session of a login alone', async (t) => {
  const portal = open()
  const { passkeys, slips, at, made } = portal
  const device = createAuthenticator()
  const options = passkeys.optionsFor(session())
  t.equal(options.user.id, passkeys.optionsFor(session({ csrfToken: 'later' })).user.id, 'it takes its place')
  t.not(options.user.id, slips.handleOf({ code: OTHER, name: '' }))
  t.equal(await passkeys.add(session({ csrfToken: 'other' }), made(device, options)), 'expired')
  const given = made(device, options)
  at.now += 60_000
  t.match(
    await passkeys.add(session(), given),
    { seconds: 30 * 86_400 - 60 },
    'its days begin with the login',
  )
  t.equal(await passkeys.add(session(), given), 'expired', 'once')
  for (const lies of [{ flags: 1 }, { client: { origin: 'https://evil.example' } }, { format: 'fido-u2f' }])
    t.equal(
      await passkeys.add(session(), made(device, passkeys.optionsFor(session()), lies)),
      'passkey',
      JSON.stringify(lies),
    )
  const long = new URLSearchParams({ id: 'x', clientDataJSON: 'x', attestationObject: 'x'.repeat(9000) })
  t.equal(await passkeys.add(session(), long), 'passkey')
  const large = session({ person: { code: 'P', name: '나'.repeat(2000) } })
  t.equal(
    await passkeys.add(large, made(device, passkeys.optionsFor(large))),
    'passkey',
    'no browser keeps it',
  )
  t.strictSame(
    [
      session(),
      session({ by: 'wallet' }),
      session({ by: 'passkey' }),
      session({ begunAt: at.now - 600_001 }),
    ].map(passkeys.mayAdd),
    [true, true, false, false],
  )
})

t.test('what the settings say has to be possible', async (t) => {
  const problem = (_keys: string[], what: string): Fault => new Fault('invalid_configuration', { what })
  for (const url of ['https://192.0.2.1', 'http://127.0.0.1:9450', 'https://[2001:db8::1]'])
    t.throws(() => checkPasskeys(url, problem), { code: 'invalid_configuration', what: /host name/ }, url)
  t.doesNotThrow(() => checkPasskeys(ORIGIN, problem))
  const file = path.join(t.testdir({ key: 'short' }), 'key')
  chmodSync(file, 0o600)
  await t.rejects(readSlips(file, ORIGIN), { code: 'invalid_configuration', what: /64 hexadecimal/ })
})

t.test('no neighbour of the host sets the cookie of a slip', async (t) => {
  const cookies = createCookies({ name: 'portal', secure: true })
  const written = '__Host-portal-slip=x; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=60'
  t.equal(cookies.write('slip', 'x', 'Strict', 60), written)
  t.equal(cookies.read('__Host-portal-slip=x; __Secure-portal-slip=y; portal-slip=z', 'slip'), 'x')
})

t.test('who came with a passkey looks, and is led to a login before they give', async (t) => {
  const keeper = keepConsents({ provider: tax, client: bank, person: `EE${PERSON.code}`, now: Date.now() })
  const server = await startUsageServer(t, [
    bank,
    { ...tax, answers: tellsPlainly([]), services: { consents: keeper.answers } },
  ])
  const issuer = await startOpenIdProvider(t)
  const keyFile = path.join(t.testdir(), 'slips.key')
  writeFileSync(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 })
  const portal = await startPortal(t, {
    ...{ server: server.url, issuer, client: CLIENT, named: ownAddress() },
    settings: { passkeys: { keyFile } },
  })
  const at = (address: string): string => portal.url + address
  const origin = portal.url
  const rpId = new URL(origin).hostname
  const [browser, device] = [openBrowser(t), createAuthenticator()]
  t.match((await browser.visit(at('/'))).text, /href="\/login\/passkey\?language=en">Look again/)
  t.match((await browser.visit(at(LIST))).text, /This browser has no passkey of yours/)
  const stranger = await browser.visit(at('/passkey'))
  t.match(stranger.text, /href="\/login\?next=\/passkey&/)

  await browser.login(portal.url, PERSON.code)
  const page = await browser.visit(at('/passkey'))
  t.match(page.text, /aria-current="page">Come back faster/)
  const csrf = field(page.text, 'csrf')
  const options = optionsIn(page.text)
  t.match(options, {
    rp: { id: rpId, name: 'My data' },
    authenticatorSelection: { userVerification: 'required' },
  })
  const made = device.create({ challenge: options.challenge, origin, rpId })
  const send = (form: Record<string, string>) => browser.visit(at(`${LIST}/new`), { form })
  t.equal((await send({ ...made, csrf: 'x' })).status, 303, 'a form of another site')
  const added = await send({ ...made, csrf })
  t.match(added.text, /The passkey is set up/)
  t.match(
    added.headers['set-cookie'],
    /^portal-slip=[\w-]{100,3800}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=25919\d\d$/,
  )
  t.match((await send({ ...made, csrf })).text, /No passkey was set up/, 'once')

  await browser.visit(at('/logout'), { form: { csrf } })
  t.match((await browser.visit(at('/ended'))).text, /Its sealed note stays[\s\S]*Forget me in this browser/)
  t.equal((await browser.visit(at('/stay'))).status, 401)
  const back = await browser.visit(at(LIST))
  t.match(optionsIn(back.text).allowCredentials, [{ type: 'public-key', id: device.id }])
  t.equal(back.headers['referrer-policy'], 'same-origin', 'its forms say in Origin from where they come')
  const answer = signedBy(device, back.text, { origin, rpId })
  const signIn = (form: Record<string, string>, headers: Record<string, string>, choices = '') =>
    browser.visit(at(LIST + choices), { form, headers })
  for (const headers of [
    ...['same-site', 'cross-site', 'none'].map((site) => ({ 'sec-fetch-site': site, origin })),
    ...[{}, { origin: 'null' }, { origin: `${origin}.example` }, { origin: 'http://evil.localhost' }],
  ]) {
    const neighbour = await signIn(answer, headers as Record<string, string>)
    t.equal(neighbour.status, 403, `a form of a neighbour: ${JSON.stringify(headers)}`)
    t.equal(neighbour.headers['set-cookie'], undefined)
  }
  t.match(await signIn({ ...answer, signature: 'AAAA' }, FROM_HERE), {
    status: 403,
    text: /This passkey was not accepted/,
  })
  const again = signedBy(device, (await browser.visit(at(LIST))).text, { origin, rpId })
  const arrived = await signIn(again, { origin }, '?language=et&easy=yes')
  t.match(arrived.text, /<html lang="et" dir="ltr" class="easy"[\s\S]*Olete sisse logitud/)
  t.match(
    (await browser.visit(at('/about?language=en&easy=no'))).text,
    /looking with a passkey[\s\S]*If you set up a passkey/,
  )
  t.match((await browser.visit(at('/'))).text, /id="whole"/)
  t.ok(server.asked.at(-1)?.userId?.endsWith(PERSON.code))
  t.match((await browser.visit(at('/passkey'))).text, /Sign in once more first/, 'it makes no other')

  await t.test('it gives nothing', (t) => giveNothing(t, browser, portal.url, keeper))
  await t.test('and is forgotten', async (t) => {
    const forget = (headers: Record<string, string>) =>
      browser.visit(at(`${LIST}/forget`), { form: {}, headers })
    const { headers } = await forget({ 'sec-fetch-site': 'same-site' })
    t.match(headers, { location: LIST, 'set-cookie': undefined }, 'not for a neighbour')
    const forgotten = await forget(FROM_HERE)
    t.match(forgotten.headers['set-cookie'], /^portal-slip=; Path=\/; .*Max-Age=0$/)
    t.match((await browser.visit(at(LIST))).text, /This browser has no passkey/)
  })
  t.notMatch(portal.lines.join(''), new RegExp(`${PERSON.code}|${device.id}|portal-slip`), 'no line has it')
})

async function giveNothing(
  t: Test,
  browser: Browser,
  url: string,
  keeper: ReturnType<typeof keepConsents>,
): Promise<void> {
  const token = 'k'.repeat(43)
  const askedAt = `/consents/asked/${tax.id}/${token}`
  keeper.ask(token)
  const { text } = await browser.visit(url + askedAt)
  const shown = ['csrf', 'demand', 'language', 'text'].map((name) => [name, field(text, name)])
  const form = { ...Object.fromEntries(shown), answer: 'yes', kind: 'standing' } as Record<string, string>
  const before = keeper.consents.length
  t.match(await browser.visit(url + askedAt, { form }), {
    status: 403,
    text: new RegExp(`Please sign in for this[\\s\\S]*href="/login\\?next=${askedAt}&#38;language=en"`),
  })
  t.equal(keeper.consents.length, before)
  // Before anything is read of what is sent, let alone asked of a system.
  const reader = {
    words: wordsOf('en', { easy: false, timeZone: 'UTC' }),
    look: {},
    session: session({ by: 'passkey' }),
  }
  const place = { languages: ['en'], assets: {}, menu: () => [], timeZone: 'UTC', name: '', contact: '' }
  const giving: [string, Record<string, string>][] = [
    ...['/mandates/give', '/mandates/of/give', '/notices', '/services/open', '/services/submit'].map(
      (one): [string, Record<string, string>] => [one, {}],
    ),
    ['/previews/one', { act: 'release' }],
  ]
  const all = SECTIONS.flatMap(({ routes }) => routes)
  for (const [address, fields] of giving) {
    const route = all.find((one) => one.method === 'POST' && one.path === address)
    if (!t.ok(route, address)) continue
    const acting = { code: OTHER }
    const visit = {
      reader: { ...reader, session: { ...reader.session, acting } },
      form: new URLSearchParams(fields),
    }
    const rooms = { place, register: {}, settings: {} }
    const answer = await route!.answer(visit as unknown as Visit, rooms as unknown as Rooms)
    t.match(answer, { status: 403, page: /Please sign in for this/ }, address)
  }
}

const field = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''

const optionsIn = (text: string): Options =>
  JSON.parse((/data-passkey="([^"]*)"/.exec(text)?.[1] ?? '').replaceAll('&#34;', '"')) as Options

function signedBy(
  device: Authenticator,
  text: string,
  site: { origin: string; rpId: string },
): Record<string, string> {
  const { challenge } = optionsIn(text)
  const given = answerOf(device, { challenge, ...site }, {})
  const fields = [...text.matchAll(/type="hidden" name="(\w+)" value=""/g)].map(([, name]) => name)
  return Object.fromEntries(fields.map((name) => [name, given[name as keyof typeof given]]))
}
