/**
 * People who sign in with a wallet, and those who would be somebody else: by a photographed code, another
 * browser, a bad answer.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { newKey } from '#core/certificate/certificate-fixture.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { openIssuersFile, openIssuersOfServer } from '#platform/wallet-login/open-issuers.ts'
import { readVerifier } from '#platform/wallet-login/read-verifier.ts'
import { type Browser, CLIENT, openBrowser } from '#test/fakes/openid-provider.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import { startUsageServer, tellsPlainly } from '#test/fakes/usage-systems.ts'
import { PERSON } from '#test/fakes/wallet/authority.ts'
import { presentAt } from '#test/fakes/wallet/present-at.ts'
import { startPortal } from '../../portal-fixture.ts'
import { createOneCookie } from '../cookie.ts'
import { createSessions } from '../sessions.ts'
import { walletSignInRoutes } from './routes.ts'
import { checkWallets } from './settings.ts'
import {
  CLUB_CARD,
  filesIn,
  holder,
  issuersOf,
  keyOf,
  NOW,
  neighbour,
  pemOf,
  state,
  stranger,
  verifier,
  walletOf,
} from './wallets-fixture.ts'

const CODE = 'P00000042'
const OTHER = 'P00000043'
const PLACE = '/login/wallet'
const mine = walletOf(CODE)
const theirs = walletOf(OTHER)

void t.test('people sign in with a wallet', async (t) => {
  const server = await startUsageServer(t, usageSample(NOW, tellsPlainly([])))
  const portal = await startPortal(t, {
    ...{ server: server.url, issuer: 'http://127.0.0.1:1', client: CLIENT },
    settings: { wallets: filesIn(t.testdir()) },
  })
  const at = (place: string): string => portal.url + place
  const begin = async (browser: Browser, flow: string) => {
    const begun = await browser.visit(at(`${PLACE}?language=en`), { form: { flow } })
    t.strictSame([begun.status, begun.headers['location']], [303, `${PLACE}/wait`])
    const { text } = await browser.visit(at(`${PLACE}/wait`))
    const [, link = ''] = /(haip-vp:\/\/\?[^"<]+)/.exec(text.replaceAll('&#38;', '&')) ?? []
    return { link, text }
  }
  const refused = async (browser: Browser, page: { status: number; text: string }, why: string) => {
    t.equal(page.status, 403, why)
    t.match(page.text, /You are not signed in/, why)
    t.equal((await browser.visit(at('/stay'))).status, 401, why)
  }

  await t.test('on this device', async (t) => {
    const [browser, other] = [openBrowser(t), openBrowser(t)]
    t.match((await browser.visit(at('/'))).text, /href="\/login\/wallet\?language=en">Sign in with a wallet/)
    t.match(
      (await browser.visit(at(`${PLACE}?language=et`))).text,
      /action="\/login\/wallet\?language=et"[\s\S]*Rahakott on selles seadmes[\s\S]*Rahakott on teises seadmes[\s\S]*<p><a href="\/\?language=et">/,
    )
    const { link, text } = await begin(browser, 'same-device')
    t.match(text, /I have answered[\s\S]*This is over at \d\d:\d\d\./)
    t.match(
      [...browser.cookies.get(new URL(portal.url).host)!.values()],
      [/^w\.en\.Lw\.[\w-]{22}\.[\w-]{43}$/],
      'one cookie',
    )
    const answered = await presentAt(link, mine)
    const { credentials } = answered.request!['dcql_query'] as { credentials: object[] }
    t.match(credentials, [{ meta: { vct_values: [PERSON] } }], 'what only attests is not asked for')
    t.equal(credentials.length, 1)
    t.match(answered, {
      status: 200,
      redirectUri: new RegExp(`^${portal.url}${PLACE}/back\\?response_code=`),
    })
    const query = answered.request!['dcql_query'] as { credentials: object[] }
    t.strictSame(
      query.credentials.map((one) => ({ ...one, trusted_authorities: undefined })),
      [
        {
          ...{ id: 'person_1', format: 'dc+sd-jwt', meta: { vct_values: [PERSON] } },
          ...{ claims: [{ path: ['personal_code'] }], trusted_authorities: undefined },
        },
      ],
      'the code, and nothing else',
    )
    await refused(other, await other.visit(answered.redirectUri), 'a browser that began nothing')
    await begin(other, 'same-device')
    t.match((await other.visit(answered.redirectUri)).text, /has not answered yet/, 'or its own')
    const arrived = await browser.visit(answered.redirectUri)
    t.match(arrived.text, /You are signed in/)
    t.match(arrived.headers['set-cookie'], /^portal-id=s\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    t.match((await browser.visit(at('/about'))).text, /class="quiet by-wallet">signed in with a wallet</)
    await browser.visit(at('/'))
    t.ok(
      server.asked.length > 0 &&
        server.asked.every(({ userId }) => userId === `EE${CODE}` || userId === CODE),
    )
    const late = openBrowser(t)
    await refused(late, await late.visit(answered.redirectUri), 'given once')
    await begin(browser, 'same-device')
    t.equal((await browser.visit(at('/stay'))).status, 401, 'who begins anew is signed out')
  })

  await t.test('who chooses how to read while they wait comes back so', async (t) => {
    const browser = openBrowser(t)
    const { link } = await begin(browser, 'same-device')
    const chosen = await browser.visit(at(`${PLACE}/wait?language=et&large=yes`))
    t.match(chosen.text, /lang="et"[^>]*class="large"/)
    t.match(chosen.headers['set-cookie'], /^portal-id=w\.etL\.Lw\.[\w-]{22}\.[\w-]{43}; .*SameSite=Lax/)
    const looked = await browser.visit(at(`${PLACE}/wait`))
    t.match(looked.text, /lang="et"[^>]*class="large"/)
    t.notOk(looked.headers['set-cookie'], 'another tab may have begun anew')
    const arrived = await browser.visit((await presentAt(link, mine)).redirectUri)
    t.match(arrived.text, /lang="et"[^>]*class="large"/)
    t.match((await browser.visit(at('/about'))).text, /lang="et"[^>]*class="large"/, 'and reads on so')
  })

  await t.test('on another device', async (t) => {
    const [browser, thief] = [openBrowser(t), openBrowser(t)]
    const { link, text } = await begin(browser, 'cross-device')
    t.match(text, /<svg [^>]+aria-label="Scan this code with your wallet"/)
    const say = (number: string, who = browser) => who.visit(at(`${PLACE}/number`), { form: { number } })
    t.match((await say('123456')).text, /role="alert">Your wallet has not answered yet/)
    // The code was photographed, and answered: the number is on the thief's phone, and not at the screen.
    const answered = await presentAt(link, theirs)
    t.match(answered.redirectUri, /\/login\/wallet\/phone\?response_code=/)
    const phone = await thief.visit(answered.redirectUri)
    const [, one = '', two = ''] = /class="typed">(\d{3}) (\d{3})</.exec(phone.text) ?? []
    t.match(phone.text, /Tell nobody the number/)
    await refused(thief, await say(one + two, thief), 'the number opens nothing elsewhere')
    await begin(thief, 'cross-device')
    t.match((await say(one + two, thief)).text, /has not answered yet/, 'nor where another code is shown')
    await thief.visit(answered.redirectUri.replace('/phone', '/back'))
    t.equal((await thief.visit(at('/stay'))).status, 401, 'nor does the phone')
    t.match((await say('1')).text, /role="alert">This is not the number on your phone/)
    t.equal((await browser.visit(at('/stay'))).status, 401)
    await say('2')
    await refused(browser, await say('3'), 'three wrong numbers')
    await refused(browser, await say(one + two), 'the right one comes too late')
    t.match((await thief.visit(answered.redirectUri)).status, 403, 'and the phone has none')

    const again = await begin(browser, 'cross-device')
    t.notMatch(again.text, /has not answered yet/)
    const [, look = ''] = /href="([^"]+)">I have answered/.exec(again.text) ?? []
    const looked = await browser.visit(at(look.replaceAll('&#38;', '&')))
    t.match(looked.text, /Your wallet has not answered yet/, 'who looks is told something')
    const shown = await thief.visit((await presentAt(again.link, mine)).redirectUri)
    t.match((await browser.visit(at(`${PLACE}/wait`))).text, /Type the number that your phone shows/)
    t.notMatch((await browser.visit(at(`${PLACE}/wait?looked=yes`))).text, /has not answered yet/)
    const [, number = ''] = /class="typed">(\d{3} \d{3})</.exec(shown.text) ?? []
    t.match((await say(number)).text, /You are signed in/)
    t.equal((await browser.visit(at('/stay'))).status, 204)
  })

  await t.test('what does not hold signs nobody in, and the page says so', async (t) => {
    const browser = openBrowser(t)
    const { link } = await begin(browser, 'same-device')
    const earlier = await begin(openBrowser(t), 'same-device')
    const foreign = (await presentAt(earlier.link, mine)).request!['nonce'] as string
    const declined = Buffer.from('error=access_denied')
    t.match(await presentAt(link, mine, { form: declined }), { status: 200, redirectUri: '' })
    t.match((await browser.visit(at(`${PLACE}/wait`))).text, /says that you did not agree/)
    for (const [wallet, changes, reason] of [
      [mine, { signer: newKey() }, 'key_binding_signature_invalid'],
      [mine, { nonce: foreign }, 'key_binding_nonce_mismatch'],
      [walletOf(CODE, stranger), {}, 'issuer_untrusted'],
      [walletOf(CODE, neighbour), {}, 'issuer_untrusted'],
      [mine, { change: (form: Buffer) => form.subarray(0, -40) }, 'answer_malformed'],
    ] as const) {
      const { link } = await begin(browser, 'same-device')
      t.match(await presentAt(link, wallet, changes), { status: 400, error: reason, redirectUri: '' })
      t.match((await browser.visit(at(`${PLACE}/wait`))).text, /We cannot accept what the wallet answered/)
    }
    t.equal((await browser.visit(at('/stay'))).status, 401)
    const nobody = await begin(browser, 'same-device')
    const odd = await presentAt(nobody.link, walletOf('not a code'))
    t.match((await browser.visit(odd.redirectUri)).text, /did not say your personal code/)
    t.equal((await browser.visit(at('/stay'))).status, 401)
  })

  await t.test('an attempt that is over or unknown is said plainly', async (t) => {
    const browser = openBrowser(t)
    const jar = new Map([['portal-id', `w.etL.Lw.${'a'.repeat(22)}.${'b'.repeat(43)}`]])
    browser.cookies.set(new URL(portal.url).host, jar)
    const { status, text, headers } = await browser.visit(at(`${PLACE}/wait`))
    t.match({ status, text }, { status: 403, text: /class="large"[\s\S]*Ükski rahakott ei vastanud/ })
    t.match(text, 'class="button" href="/login/wallet?language=et&#38;large=yes"')
    t.match(headers['set-cookie'], /^portal-id=; .*Max-Age=0/)
    for (const place of [
      '/back',
      '/back?response_code=a&response_code=b',
      '/phone?response_code=%00',
      '/number',
    ])
      t.ok((await browser.visit(at(PLACE + place))).status < 500, place)
  })
  t.notMatch(portal.lines.join(''), new RegExp(`${CODE}|${OTHER}|Mets`), 'no line says who it was')
})

void t.test('settings, certificate, key and issuers are held to what wallets take', async (t) => {
  const folder = t.testdir({ 'root.pem': pemOf(verifier.anchorDer), 'empty.pem': '' })
  const settings = filesIn(folder)
  const { leaf } = await readVerifier(settings)
  t.equal(leaf.der.toString('base64'), verifier.chain[0]!.toString('base64'))
  writeFileSync(path.join(folder, 'other.key'), keyOf(holder), { mode: 0o600 })
  for (const [wrong, why] of [
    [{ certificateFile: path.join(folder, 'root.pem') }, /signed itself/],
    [{ certificateFile: path.join(folder, 'empty.pem') }, /no certificate/],
    [{ keyFile: path.join(folder, 'other.key') }, /is not the key of/],
    [{ keyFile: settings.certificateFile }, /is not the key of/],
  ] as const)
    await t.rejects(readVerifier({ ...settings, ...wrong }), { code: 'invalid_configuration', what: why })
  const problem = (keys: string[]): never => {
    throw new Error(keys.join('.'))
  }
  const check = (more: object) => () => checkWallets({ ...settings, ...more }, problem as never)
  t.doesNotThrow(check({}))
  t.throws(
    check({ credentials: [{ format: 'mso_mdoc', types: ['a'], issuers: ['c'], code: ['b'] }] }),
    /credentials\.0/,
  )
  t.throws(check({ credentials: [CLUB_CARD] }), /wallets\.credentials/, 'nobody could sign in')
  t.throws(check({ walletUrl: 'javascript://%0aalert(1)' }), /walletUrl/)

  const file = settings.trustedIssuersFile!
  const issuers = await openIssuersFile(file, createLog({ name: 'test', level: 'silent' }))
  const names = (): string[] => issuers.current().map(({ name }) => name)
  t.strictSame(names(), ['State', 'Neighbour'])
  writeFileSync(file, issuersOf(state, stranger))
  await issuers.look()
  t.strictSame(names(), ['State', 'Stranger'])
  writeFileSync(file, '[{"name": "half"')
  await issuers.look()
  t.strictSame(
    [names(), issuers.isRead()],
    [['State', 'Stranger'], false],
    'what cannot be read changes nothing',
  )
  writeFileSync(file, issuersOf(stranger))
  await issuers.look()
  t.strictSame([names(), issuers.isRead()], [['Stranger'], true])
  await t.rejects(openIssuersFile(path.join(folder, 'empty.pem'), createLog({ name: 'test' })), {
    code: 'invalid_configuration',
  })
})

void t.test('the issuers of the registry come by the own security server', async (t) => {
  let now = NOW
  let answer: unknown
  const issuers = openIssuersOfServer({
    ask: async () => answer ?? (await Promise.reject(new Error('away'))),
    ...{ clock: () => now, log: createLog({ name: 'test', level: 'silent' }) },
  })
  const names = (): string[] => issuers.current().map(({ name }) => name)
  const published = (...of: (typeof state)[]) => ({
    instance: 'DEV',
    issuers: of.map(({ name, anchorDer }) => ({
      ...{ name, purpose: 'Signing in', types: [PERSON], claims: [['personal_code']] },
      anchors: [{ certificate: anchorDer.toString('base64') }],
    })),
  })
  await issuers.look()
  t.strictSame([names(), issuers.isRead()], [[], false], 'nobody is trusted before it answers')
  answer = published(state)
  await issuers.look()
  t.strictSame([names(), issuers.isRead()], [['State'], true])
  for (const one of [
    undefined,
    null,
    [],
    {},
    { issuers: [{ name: 'x' }] },
    { issuers: published(state, state).issuers },
  ]) {
    answer = one
    await issuers.look()
    t.strictSame([names(), issuers.isRead()], [['State'], false], 'what is no list changes nothing')
  }
  now += 10 * 60_000
  t.strictSame(names(), [], 'for a time')
  answer = published(stranger)
  await issuers.look()
  t.strictSame(names(), ['Stranger'])
})

void t.test('a network begins only so many attempts, and others begin theirs', async (t) => {
  const sessions = createSessions({ clock: () => NOW, idleMs: 1_000, wholeMs: 5_000, most: 10 })
  const app = createHttpService({ name: 'people', log: createLog({ name: 'test', level: 'silent' }) })
  t.teardown(async () => {
    sessions.close()
    await app.close()
  })
  let address = '192.0.2.1'
  let begun = 0
  const from: (string | undefined)[] = []
  const [givenUp, jar] = [[] as string[], { cookie: '' }]
  const begin = ({ by }: { by?: string }) => {
    from.push(by)
    return { id: `${begun++}`.padStart(22, 'a'), browser: 'b'.repeat(43), walletUrl: '', endsAt: NOW }
  }
  const giveUp = ({ id }: { id: string }) => void givenUp.push(id)
  walletSignInRoutes(app, {
    ...{ sessions, cookie: createOneCookie({ secure: false }), place: { languages: ['en'] } },
    ...{ wallets: { login: { begin, giveUp } }, clock: () => NOW, addressOf: () => address },
    ...{ lookOf: () => ({ language: 'en', large: false, easy: false }), isEntrance: () => true },
  } as unknown as Parameters<typeof walletSignInRoutes>[1])
  const ask = async () => {
    const { statusCode, headers } = await app.inject({ method: 'POST', url: PLACE, headers: jar })
    return { statusCode, cookie: String(headers['set-cookie']).split(';')[0]! }
  }
  for (let n = 0; n < 20; n++) t.equal((await ask()).statusCode, 303)
  t.equal((await ask()).statusCode, 429)
  t.equal(begun, 20, 'nothing is begun for one that is refused')
  from.length = 0
  for (address of ['192.0.2.99', '198.51.100.1', '2001:db8:1:2::3', '2001:db8:1:ff::', '2001:db8:2::1'])
    t.equal((await ask()).statusCode, 303)
  t.strictSame(
    from,
    ['192.0.2', '198.51.100', '2001:db8:1', '2001:db8:1', '2001:db8:2'],
    'places are shared among larger networks',
  )
  t.strictSame(givenUp, [])
  jar.cookie = (await ask()).cookie
  await ask()
  t.match(givenUp, [/^a+25$/], 'who begins anew gives the earlier one up')
})
