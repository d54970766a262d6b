/** The portal before people who sign in, mix browsers, sign out, or have been away. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { ownAddress } from '#adapters/kit/kit-fixture.ts'
import { keepComplaints } from '#test/fakes/complaint-systems.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import { type FakeSystem, startUsageServer, tells, tellsPlainly } from '#test/fakes/usage-systems.ts'
import { holdPort } from '#test/free-port.ts'
import { until } from '#test/until.ts'
import { readComplaint } from './complaints/read-complaints.ts'
import { startPortal } from './portal-fixture.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const PERSON = 'P00000042'
const OTHER = 'P00000043'
const MARKED = 'Marked Words 5c1e'
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
    t.strictSame([status, headers['location']], [303, '/?language=en'], at)
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
  t.match(
    text,
    /<title>Who asked about me – [\s\S]*<strong>Menu<\/strong> Who asked about me<[\s\S]*<h1>Who asked about me<\/h1>/,
    'title, menu and heading have one name',
  )
  t.notMatch(text, /<script>|<img/, 'nobody else writes markup')
  t.equal(headers['x-powered-by'], undefined)
  const saved = await browser.visit(`${portal.url}/everything.json?from=2026-11-28`)
  t.match(JSON.parse(saved.text), {
    form: 'concordat-my-data/1',
    by: { code: `EE${PERSON}` },
    nothingKnownMissing: false,
    doesNotTellThisPortal: [{ name: 'Business register' }],
    notices: { wishes: [] },
  })
  t.match(saved.headers, { 'content-disposition': 'attachment; filename="my-data.json"' })
  const proof = await browser.visit(`${portal.url}/proof?system=DEV/GOV/1001/population&record=1`)
  t.match(proof.headers, { 'content-type': 'application/zip', 'content-disposition': /proof-1\.zip/ })
  t.equal((await browser.visit(`${portal.url}/`)).status, 429, 'three times in an hour')
  const choices = '?language=et&large=yes&easy=yes'
  await stranger.visit(await stranger.toCallback(portal.url, PERSON, undefined, 'x', `/login${choices}`))
  const often = await stranger.visit(`${portal.url}/`)
  t.equal(often.status, 429, 'also in another session')
  t.match(often.text, /<html lang="et" dir="ltr" class="large easy"/, 'who reads on as before they signed in')

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
      t.equal(left.headers['location'], '/ended?language=en#left', 'in the language in which they read')
      const came = await coming
      isHeld = false
      if (at === '/') t.match(came.text, /id="whole"><p class="note" role="status">You are signed out/)
      else t.strictSame([came.status, came.headers['location']], [303, '/ended?language=en'], at)
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
  t.match(
    await openBrowser(t).visit(`${portal.url}/nowhere?language=et`),
    { status: 404, text: /class="button" href="\/\?language=et"/ },
    'what fails leads on in the same language',
  )
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

t.test('a use that looks wrong is complained of, and the answer comes', async (t) => {
  const sample = usageSample(NOW)
  const [population, client] = ['1001', '1002'].map((code) => sample.find(({ id }) => id.includes(code))!)
  const plain = { id: 'DEV/GOV/1011/plain', name: 'Plain register', owner: 'Plain Office' }
  const keeper = keepComplaints({
    ...{ system: population!, client: client!, person: `EE${PERSON}`, record: 1 },
    others: population!.answers!,
  })
  const server = await startUsageServer(t, [
    ...sample.map((one) => (one === population ? { ...one, answers: keeper.answers } : one)),
    { ...plain, answers: tellsPlainly([]) },
  ])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  const at = (path: string): string => `${portal.url}${path}`
  await browser.login(portal.url, PERSON)

  const { text: list } = await browser.visit(at('/'))
  const [, href = ''] = /href="(\/wrong\?[^"]*record=1)"/.exec(list) ?? []
  t.match(href, /system=DEV%2FGOV%2F1001%2Fpopulation/, 'it goes to the side that was asked')
  const page = await browser.visit(at(href.replaceAll('&#38;', '&')))
  for (const words of [
    'Population Agency',
    'Your name and code are not in it',
    'Send the complaint',
    'DEV-1',
  ])
    t.ok(page.text.includes(words), words)
  for (const other of [`/wrong?system=${plain.id}&number=x`, '/wrong?system=none&record=1', '/wrong'])
    t.match((await browser.visit(at(other))).text, /Ask the office that asked/, other)

  const [, tax = ''] = /<option value="([\w-]{16})">Tax Agency</.exec(list) ?? []
  const nobody = 'x'.repeat(16)
  const choices: [query: string, left: number, out: number][] = [
    [`organisation=${tax}`, 6, 6],
    [`organisation=${tax}&proven=differing&from=&until=`, 1, 11],
    ['proven=one', 2, 10],
    [`organisation=${nobody}&proven=both`, 0, 12],
  ]
  for (const [query, left, out] of choices) {
    const { text } = await browser.visit(at(`/?${query}`))
    const number = /<span class="times">(\d+) times/g
    const entries = text.match(/<li class="use /g)?.length ?? 0
    const more = [...text.matchAll(number)].reduce((sum, [, n]) => sum + Number(n) - 1, 0)
    t.equal(entries + more, left, query)
    t.match(text, `${out} uses are left out by your choice. <a href="/">Show all`, query)
    t.match(text, /<strong>12<\/strong><span> uses of your data/, 'the figures are those of all')
    t.match(
      text,
      new RegExp(`href="/\\?[^"]*${query.split('&')[0]!}[^"]*&#38;language=et"`),
      'another language has the same choice',
    )
  }
  t.match(
    (await browser.visit(at(`/?organisation=${nobody}`))).text,
    /<option value="x{16}" selected>The one that you chose<[\s\S]*No use of your data fits your choice/,
  )

  const csrf = /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const form = (more: Record<string, string> = {}): Record<string, string> => ({
    ...{ csrf, system: population!.id, record: '1', number: 'DEV-1', wantsAnswer: 'yes' },
    ...{ reason: 'not-known', text: `${MARKED} ${SCRIPT.slice(0, -1)}\r\nNext line`, ...more },
  })
  const send = async (path: string, more?: Record<string, string>) =>
    browser.visit(at(path), { form: form(more) })
  t.equal((await send('/complaints', { csrf: 'wrong' })).status, 403)
  const bad: [Record<string, string>, RegExp][] = [
    [{ reason: '' }, /Choose what looks wrong/],
    [{ reason: 'other', text: ' ' }, /Write what you want to say/],
    [{ text: 'x'.repeat(2001) }, /The text is too long/],
  ]
  for (const [more, words] of bad) {
    const refused = await send('/complaints', more)
    t.match([refused.status, refused.text], [400, words])
  }
  t.match(
    (await send('/complaints', { text: MARKED, reason: '' })).text,
    /<textarea[^>]*>\s*Marked Words/,
    'it stays',
  )
  t.match(await send('/complaints', { record: '2' }), { status: 404, text: /did not take the complaint/ })
  t.equal(keeper.complaints.length, 0)
  const sent = await send('/complaints')
  t.match([sent.status, sent.headers['location']], [303, /^\/complaints\/one\?.*K7QM2-9XWTA&sent=yes$/])
  const confirmed = await browser.visit(at(String(sent.headers['location'])))
  t.match(confirmed.text, /K7QM2-9XWTA[\s\S]*Your complaint was sent[\s\S]*An answer is due by 29 December/)
  t.match(confirmed.text, /Marked Words 5c1e[\s\S]*<p><bdi>Next line/)
  t.notMatch(confirmed.text, /<script>|<img/)
  t.equal((await send('/complaints')).headers['location'], '/complaints', 'sent twice: one case')
  const own = { number: 'K7QM2-9XWTA' }
  t.equal((await send('/complaints/reply', { ...own, text: ' ' })).status, 400)
  t.equal((await send('/complaints/reply', { ...own, text: 'More' })).status, 303)
  for (const number of ['', 'K7QM2-9XWTB', "'--"])
    t.equal((await send('/complaints/reply', { number, text: 'x' })).status, 404)

  const stored = keeper.complaints[0]!
  Object.assign(stored, { state: 'answered', answeredAt: '2026-11-29T15:00:00Z' })
  stored.texts.push({ by: 'agency', at: '2026-11-29T15:00:00Z', text: 'It was your tax return.' })
  const { text: mine } = await browser.visit(at('/complaints?language=et'))
  t.match(mine, /Minu kaebused[\s\S]*Sellele on vastatud\.[\s\S]*K7QM2-9XWTA/)
  const one = await browser.visit(at(`/complaints/one?system=${population!.id}&number=K7QM2-9XWTA`))
  t.match(one.text, /Vastatud[\s\S]*Population Agency[\s\S]*It was your tax return\./)
  const saved = JSON.parse((await browser.visit(at('/everything.json'))).text) as object
  t.match(saved, {
    complaints: {
      made: [
        {
          ...{ toldBy: population!.id, number: 'K7QM2-9XWTA', state: 'answered' },
          texts: [{ by: 'person' }, { by: 'person', text: 'More' }, { text: 'It was your tax return.' }],
        },
      ],
      notAnswered: [{ system: { name: 'Traffic register' }, why: 'silent' }],
    },
  })
  await send('/complaints/withdraw', own)
  t.match((await browser.visit(at('/complaints?language=en'))).text, /Closed: you took it back/)

  const stranger = openBrowser(t)
  t.equal((await stranger.visit(at('/complaints'))).headers['location'], '/?language=en')
  await stranger.login(portal.url, OTHER)
  // One system is silent, so nobody may say that there is none.
  t.match((await stranger.visit(at('/complaints'))).text, /Those who answered have no complaint of yours/)
  const foreign = `/complaints/one?system=${population!.id}&number=K7QM2-9XWTA`
  t.equal((await stranger.visit(at(foreign))).status, 404, 'nobody sees that of another')
  t.notMatch(portal.lines.join(''), new RegExp(`${MARKED}|${PERSON}|K7QM2`), 'no line of the log has it')
  t.same(readdirSync(portal.folder).sort(), ['portal.yaml', 'secret'], 'no file')
})

t.test('what systems tell of complaints is taken only as it may be', (t) => {
  const told = { id: 'DEV/GOV/1001/p', name: 'P', owner: 'P' }
  const names = { systems: new Map(), members: new Map() }
  const at = '2026-11-29T14:00:00Z'
  const good = {
    ...{ number: 'K7QM2-9XWTA', messageId: 'm', usedAt: at, receivedAt: at, dueAt: at, reason: 'other' },
    ...{
      state: 'seen',
      client: { id: 'DEV:GOV:1:c' },
      service: { id: 'DEV:GOV:1001:p:s' },
      wantsAnswer: true,
    },
    texts: [{ by: 'agency', at, text: 'x'.repeat(10_000) }, { by: 'script', at, text: 'x' }, null, 7],
  }
  const read = readComplaint(told, good, names)
  t.match(read, { number: 'K7QM2-9XWTA', texts: [{ by: 'agency' }] })
  t.same(
    read?.texts.map(({ text }) => text.length),
    [4000],
  )
  t.equal(readComplaint(told, { ...good, texts: Array(5000).fill(good.texts[0]) }, names)?.texts.length, 100)
  for (const bad of [
    ...[null, [], 'x', {}, { ...good, number: '../..' }, { ...good, number: 7 }, { ...good, reason: 'x' }],
    ...[
      { ...good, state: 'open' },
      { ...good, usedAt: 'now' },
      { ...good, client: { id: 'x' } },
    ],
    ...[
      { ...good, messageId: 'm'.repeat(300) },
      { ...good, service: null },
      { ...good, dueAt: 1e99 },
    ],
  ])
    t.equal(readComplaint(told, bad, names), undefined)
  t.end()
})

t.test('a system that is mute when the portal starts is asked again without a visitor', async (t) => {
  let looks = 0
  const mute: FakeSystem = {
    ...{ id: 'DEV/GOV/1011/s', name: 'Late register', owner: 'Late Office' },
    get isSilent() {
      looks++
      return true as const
    },
  }
  const server = await startUsageServer(t, [mute])
  await startPortal(t, {
    ...{ server: server.url, issuer: await startOpenIdProvider(t), client: CLIENT },
    settings: { asking: { answerMs: 50 } },
  })
  await until('it is asked again', (saw) => saw(looks) >= 2)
})

t.test('a start that fails gives back the address at which people come', async (t) => {
  const address = ownAddress()
  const giveBack = await holdPort(9444, address)
  const settings = { listen: { address, port: 4000 }, monitoring: { address } }
  const server = await startUsageServer(t, [])
  const q = { server: server.url, issuer: 'http://127.0.0.1:1', client: CLIENT, settings }
  await t.rejects(startPortal(t, q), { code: 'EADDRINUSE' })
  await (await holdPort(4000, address))()
  await giveBack()
})
