/** The portal before systems that are honest, broken or lie, and before people who sign in, mix browsers, or have been away. */
import t from 'tap'
import { createLog } from '#platform/logging/create-log.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { usageSample } from '#test/fakes/usage-sample.ts'
import {
  exchange,
  type FakeSystem,
  HOSTILE,
  startUsageServer,
  tells,
  tellsPlainly,
} from '#test/fakes/usage-systems.ts'
import { until } from '#test/until.ts'
import { createAskAll } from './asking/ask-all.ts'
import { createFindSystems, readClients } from './asking/find-systems.ts'
import { openServer } from './asking/own-server.ts'
import { readUsage } from './asking/read-usages.ts'
import { gatherAll, isAnswered, isComplete } from './joining/gathered.ts'
import { groupUses } from './joining/group.ts'
import type { Answered, Failed } from './joining/row.ts'
import { coverageSentence } from './pages/coverage.ts'
import { foreign, html } from './pages/html.ts'
import { startPortal } from './portal-fixture.ts'
import { wordsOf } from './texts.ts'

const NOW = Date.parse('2026-11-29T14:00:00Z')
const LIMITS = { answerMs: 2_000, answerBytes: 1024 * 1024, rows: 2_000 }
const PERSON = 'P00000042'
const OTHER = 'P00000043'
const SCRIPT = '<script>alert(1)</script>"><img src=x onerror=alert(1)>\u202e'

const system = (code: string, answers?: FakeSystem['answers']): FakeSystem => ({
  ...{ id: `DEV/GOV/${code}/s`, name: `System ${code}`, owner: `Office ${code}` },
  ...(answers !== undefined && { answers }),
})

async function askAll(t: Tap, systems: FakeSystem[], period: { from?: string } = {}) {
  const fake = await startUsageServer(t, systems)
  const server = openServer({ url: fake.url, client: 'DEV/GOV/1005/portal' })
  t.teardown(() => server.close())
  const log = createLog({ name: 'test', destination: { write: () => undefined } })
  const finding = { server, serviceCode: 'findUsage', atOnce: 4, answerMs: 2_000, refreshMs: 1_000, log }
  const found = await createFindSystems({ ...finding, clock: () => NOW }).current()
  const ask = createAskAll({ server, serviceCode: 'findUsage', atOnce: 4, wholeMs: 30_000, limits: LIMITS })
  const results: (Answered | Failed)[] = []
  const signal = new AbortController().signal
  for await (const one of ask(found, { userCode: `EE${PERSON}`, ...period, signal })) results.push(one)
  return { results, found, fake, gathered: gatherAll(results, found, 'DEV/GOV/1005/portal') }
}

type Tap = Parameters<typeof startUsageServer>[0]

t.test('both sides are joined, and what is missing is said', async (t) => {
  const { gathered, found, fake } = await askAll(t, usageSample(NOW))
  t.strictSame(
    gathered.uses.map(({ proven }) => proven),
    [...Array<string>(7).fill('both'), 'differing', 'one', 'both', 'both', 'one'],
  )
  t.strictSame(gathered.uses.find(({ proven }) => proven === 'differing')?.differing, ['time'])
  t.strictSame(
    groupUses(gathered.uses).map(({ uses }) => uses.length),
    [3, 2, 1, 1, 1, 1, 1, 1, 1],
  )
  t.strictSame(
    found.silent.map(({ name }) => name),
    ['Traffic register'],
  )
  t.strictSame(
    found.absent.map(({ name }) => name),
    ['Business register'],
  )
  t.equal(isComplete(gathered), false)
  const population = gathered.answered.find(({ system }) => system.name === 'Population register')
  t.match(population, {
    form: 'full',
    dropped: 0,
    coverage: { isAll: false, withheld: 3, unread: 0 },
    masses: [{ messages: 12 }],
  })
  t.match(
    gathered.answered.find(({ form }) => form === 'plain'),
    {
      rows: [
        { client: { owner: 'Police Board' }, purposes: { und: 'Summons in case 2-26-114' }, messageId: '' },
      ],
      coverage: { from: '2026-09-01T06:00:00.000Z' },
    },
  )
  t.ok(fake.asked.every(({ userId }) => userId === `EE${PERSON}`))
  const all = usageSample(NOW).filter(({ id }) => /100[24]/.test(id))
  const { gathered: open } = await askAll(t, all)
  t.equal(isComplete(open), true, 'nothing is left open')
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const gaps = {
    withheld: 3,
    undeclared: [{ role: 'provider' as const, service: 's' }],
    unread: 1,
    behind: 1,
  }
  for (const [name, gap] of Object.entries(gaps)) {
    const [first, ...others] = open.answered
    const answered = [{ ...first!, coverage: { ...first!.coverage!, [name]: gap } }, ...others]
    t.equal(isComplete({ ...open, answered }), false, `${name} leaves something open, whatever isAll says`)
    t.match(coverageSentence({ ...open, answered }, words).markup, /covered some[\s\S]*may have gaps/)
  }
  t.notMatch(coverageSentence(open, words).markup, /gaps/)
  t.equal((await askAll(t, all, { from: '2026-11-28T00:00:00.000Z' })).gathered.uses.length, 5)
})

t.test('systems that break, lie or never end: each is an answer within bounds, or a reason', async (t) => {
  const names = Object.keys(HOSTILE)
  const systems = names.map((name, at) => ({
    ...system(name === 'million' ? '6666' : String(2000 + at), HOSTILE[name]),
    ...(name === 'million' && { id: 'DEV/GOV/6666/liar' }),
    name,
  }))
  const { results } = await askAll(t, systems)
  const outcome = (name: string): unknown => {
    const one = results.find(({ system }) => system.name === name)
    return one === undefined ? undefined : isAnswered(one) ? { rows: one.rows.length, cut: one.cut } : one.why
  }
  t.strictSame(Object.fromEntries(names.map((name) => [name, outcome(name)])), {
    never: 'late',
    cut: outcome('cut') === 'unreadable' ? 'unreadable' : 'unreachable',
    endless: 'too_large',
    million: { rows: 2_000, cut: { total: 1_000_000, why: 'bound' } },
    wrongJson: 'unreadable',
    deep: 'unreadable',
    array: 'unreadable',
    busy: 'busy',
    failing: 'failing',
    refusing: 'refused',
    sameAgain: { rows: 0, cut: { total: 5, why: 'bound' } },
  })
})

t.test('rows of others, rows told twice and rows that are none are counted and left out', async (t) => {
  const own = system('1')
  const other = system('2')
  const { provider, consumer } = exchange({
    number: 1,
    time: '2026-11-01T00:00:00Z',
    client: other,
    provider: own,
    purpose: 'a',
  })
  const rows = [
    provider,
    provider,
    consumer,
    { ...provider, messageId: 'x', record: { index: 9, leaf: '' }, service: { id: 'DEV:GOV:9:s:t' } },
    ...[{}, null, 7, { ...provider, time: 'yesterday' }, { ...provider, role: 'witness' }],
    { ...provider, client: { id: '../../etc' } },
  ] as never[]
  const { gathered } = await askAll(t, [{ ...own, answers: tells(own, rows) }])
  t.strictSame(
    gathered.answered.map(({ rows, dropped }) => [rows.length, dropped]),
    [[1, 9]],
  )
  const names = { systems: new Map(), members: new Map([['DEV/GOV/2', 'Its real name']]) }
  const told = { id: own.id, name: 'a', owner: 'b' }
  const read = readUsage(
    told,
    {
      ...provider,
      client: { id: 'DEV:GOV:2:s', name: 'A better name' },
      purposes: { en: 'a\u0000b', et: SCRIPT, '<a>': 'b' },
    },
    names,
  )
  t.match(read, { client: { name: 'Its real name' }, purposes: {} })
  t.match(
    readUsage(
      told,
      {
        isGeneral: true,
        role: 'provider',
        time: '2026-10',
        purposes: {},
        outcome: 'ok',
        client: { id: 'DEV:GOV:2:s' },
      },
      names,
    ),
    {
      time: '2026-10',
      client: undefined,
      messageId: '',
    },
  )
  for (const broken of [
    null,
    [],
    'x',
    { member: 'x' },
    { member: [null, { id: null }, { id: { xroad_instance: '..' } }] },
  ])
    t.strictSame(readClients(broken).systems, [])
  t.end()
})

t.test('what others wrote is text', (t) => {
  const { markup } =
    html`<a title="${SCRIPT}">${foreign(SCRIPT)}${[SCRIPT, html`<b>`]}${undefined}${false}${0}</a>`
  t.notMatch(markup, /<script|<img|\u202e|"><img/)
  t.match(markup, /<b>0<\/a>$/)
  t.end()
})

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
  const slow = system('1010')
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
    takesNoPart: [{ name: 'Business register' }],
  })
  t.match(saved.headers, { 'content-disposition': 'attachment; filename="my-data-uses.json"' })
  const proof = await browser.visit(`${portal.url}/proof?system=DEV/GOV/1001/population&record=1`)
  t.match(proof.headers, { 'content-type': 'application/zip', 'content-disposition': /proof-1\.zip/ })
  t.equal((await browser.visit(`${portal.url}/`)).status, 429, 'three times in an hour')

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
    return text.includes('concordat_portal_logins_total{outcome="signed_in"} 5')
  })
  t.match((await stranger.visit(`${portal.monitoringUrl}/health/ready`)).status, 200)
  t.notMatch(
    portal.lines.join(''),
    new RegExp(`${PERSON}|127\\.\\d+\\.\\d+\\.\\d+"|Tax Agency`),
    'no line says who it was',
  )
})
