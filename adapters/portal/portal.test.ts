/** The portal before people who sign in, mix browsers, sign out, or have been away. */
import t from 'tap'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import { type FakeSystem, startUsageServer, tells, tellsPlainly } from '#test/fakes/usage-systems.ts'
import { until } from '#test/until.ts'
import { startPortal } from './portal-fixture.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const PERSON = 'P00000042'
const OTHER = 'P00000043'
const SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'

t.test('people sign in at the country, and their session ends', async (t) => {
  const systems = usageSample(
    NOW,
    tellsPlainly([
      {
        logtime: '2026-11-29T10:00:00Z',
        action: SCRIPT.slice(0, -1),
        receiverCode: 'x',
        receiverName: SCRIPT.slice(0, -1),
        receiverSystem: '<b>',
      },
    ]),
  )
  const slow: FakeSystem = { id: 'DEV/GOV/1010/s', name: 'Slow register', owner: 'Slow Office' }
  let isHeld = false
  const answers: FakeSystem['answers'] = (asked, response) =>
    isHeld ? undefined : tells(slow, [])(asked, response)
  const server = await startUsageServer(t, [...systems, { ...slow, answers }])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, {
    server: server.url,
    issuer,
    client: CLIENT,
    settings: { asking: { perHour: 3 } },
  })
  const browser = openBrowser(t)
  const stranger = openBrowser(t)

  const welcome = await browser.visit(`${portal.url}/`, {
    headers: { 'accept-language': 'fr, uk;q=0.8, et;q=0.9' },
  })
  t.match(welcome.text, /<html lang="et" dir="ltr"[\s\S]*Vaata, kes kasutas sinu andmeid/)
  t.match(welcome.headers, {
    'content-security-policy': /^default-src 'none'; script-src 'self';/,
    'cache-control': 'no-store',
  })
  t.equal(welcome.headers['set-cookie'], undefined, 'no cookie before one signs in')
  for (const at of ['/everything.json', '/proof?system=a&record=1', '/wrong']) {
    const { status, headers } = await browser.visit(portal.url + at)
    t.strictSame([status, headers['location']], [303, '/'], at)
  }

  const callback = await browser.toCallback(portal.url, PERSON)
  t.match((await stranger.visit(callback)).text, /You are not signed in/, "another browser's login")
  t.match((await browser.visit(callback.replace(/state=[^&]+/, 'state=wrong'))).status, 403)
  const arrived = await browser.visit(callback)
  t.match(arrived.text, /You are signed in/)
  t.match(
    String(arrived.headers['set-cookie']),
    /^portal-id=s\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  )
  t.equal([...browser.cookies.get(new URL(portal.url).host)!.keys()].length, 1, 'one cookie')
  stranger.cookies.set(new URL(portal.url).host, new Map())
  t.equal((await stranger.visit(callback)).status, 403, 'an answer of the provider is used once')

  const { text, headers } = await browser.visit(`${portal.url}/`)
  t.match(text, /id="whole"[\s\S]*Tax Agency[\s\S]*Both sides say the same/)
  t.notMatch(text, /<script>|<img/, 'nobody else writes markup')
  t.equal(headers['x-powered-by'], undefined)
  const saved = await browser.visit(`${portal.url}/everything.json?from=2026-11-28`)
  t.match(JSON.parse(saved.text), {
    form: 'concordat-uses/1',
    nothingKnownMissing: false,
    doesNotTellThisPortal: [{ name: 'Business register' }],
  })
  t.match(saved.headers, { 'content-disposition': 'attachment; filename="my-data-uses.json"' })
  const proof = await browser.visit(`${portal.url}/proof?system=DEV/GOV/1001/population&record=1`)
  t.match(proof.headers, { 'content-type': 'application/zip', 'content-disposition': /proof-1\.zip/ })
  t.equal((await browser.visit(`${portal.url}/`)).status, 429, 'three times in an hour')
  await stranger.login(portal.url, PERSON)
  t.equal((await stranger.visit(`${portal.url}/`)).status, 429, 'also in another session')

  const csrf = /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''
  await browser.visit(`${portal.url}/logout`, { form: { csrf: 'wrong' } })
  t.equal((await browser.visit(`${portal.url}/stay`)).status, 204, 'nobody else can sign a person out')
  const left = await browser.visit(`${portal.url}/logout`, { form: { csrf } })
  t.match(left.headers, { 'clear-site-data': '"cache", "storage"' })
  t.equal((await browser.visit(`${portal.url}/stay`)).status, 401)
  await t.test('who signs out gets nothing more, in no window', async (t) => {
    for (const at of ['/', '/everything.json', `/proof?system=${slow.id}&record=1`]) {
      await browser.login(portal.url, OTHER)
      const { text } = await browser.visit(`${portal.url}/about`)
      const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(text) ?? []
      t.notMatch((await browser.visit(`${portal.url}/ended`)).text, /csrf|Person P/, 'nobody is named there')
      t.equal((await browser.visit(`${portal.url}/stay`)).status, 204)
      isHeld = true
      server.asked.length = 0
      const coming = browser.visit(portal.url + at)
      await until('the slow one is asked', async () => server.asked.some((one) => one.system === slow.id))
      const left = await browser.visit(`${portal.url}/logout`, { form: { csrf } })
      t.equal(left.headers['location'], '/ended')
      const came = await coming
      isHeld = false
      if (at === '/') t.match(came.text, /id="whole"><p class="note" role="status">You are signed out/)
      else t.strictSame([came.status, came.headers['location']], [303, '/ended'], at)
      t.notMatch(came.text, /class="use |Save the proof/)
    }
  })
  await t.test('failures of one address lock nobody out', async (t) => {
    const unlucky = openBrowser(t)
    for (let turn = 0; turn < 11; turn++) {
      const begun = await unlucky.visit(`${portal.url}/login`)
      const state = new URL(String(begun.headers['location'])).searchParams.get('state') ?? ''
      const back = new URLSearchParams({ code: 'wrong', state, iss: issuer })
      const { text } = await unlucky.visit(`${portal.url}/login/callback?${back}`)
      t.match(text, /did not confirm who you are/)
    }
    t.match((await unlucky.login(portal.url, OTHER)).text, /You are signed in/)
  })
  t.match((await browser.login(portal.url, 'anna')).text, /did not say your personal code/)
  for (const at of [
    '/nowhere',
    '/?language=%00&from=x',
    '/proof?system=../..&record=1e9',
    '/login/callback?code=a&state=b',
    '/%ff',
  ])
    t.ok((await stranger.visit(portal.url + at)).status < 500, at)
  await until('the counters', async (saw) => {
    const { text } = await stranger.visit(`${portal.monitoringUrl}/metrics`)
    saw(text.length)
    return text.includes('concordat_portal_logins_total{outcome="signed_in"} 6')
  })
  t.match((await stranger.visit(`${portal.monitoringUrl}/health/ready`)).status, 200)
  t.notMatch(
    portal.lines.join(''),
    new RegExp(`${PERSON}|127\\.\\d+\\.\\d+\\.\\d+"|Tax Agency`),
    'no line says who it was',
  )
})
