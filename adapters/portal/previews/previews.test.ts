/**
 * Answers that a person sees first: released and stopped, by forms of this very page, and systems that are
 * broken or lie.
 */
import t from 'tap'
import type { PreviewReleased, PreviewShown } from '#schemas/previews.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type Answering, type FakeSystem, send, startUsageServer } from '#test/fakes/usage-systems.ts'
import type { NotCalled } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { startPortal } from '../portal-fixture.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { wordsOf } from '../texts.ts'
import { decide, findAsked, findPreview } from './ask-preview.ts'
import { askPreviews } from './ask-previews.ts'
import { readPreview } from './read-preview.ts'
import { valuesOf } from './values-of.ts'

const PERSON = 'P00000042'
const NUMBER = '5b0f0d3c-1111-4222-8333-444455556666'
const TOKEN = 'k'.repeat(43)
const SCRIPT = '<script>alert(1)</script>'
const bank: FakeSystem = { id: 'DEV/COM/2001/loans', name: 'Loans', owner: 'Savings Bank' }
const tax: FakeSystem = { id: 'DEV/GOV/1002/tax', name: 'Tax assessment', owner: 'Tax Agency' }
const soon = new Date(Date.now() + 600_000).toISOString()

const shown = (text: string, more: Partial<PreviewShown> = {}): PreviewShown => ({
  ...{ number: NUMBER, state: 'WAITING', client: { id: 'DEV:COM:2001:loans', name: 'Savings Bank' } },
  service: { id: 'DEV:GOV:1002:tax:incomes', name: 'Tax Agency' },
  contract: { id: NUMBER, version: 1, title: 'Income for a loan' },
  ...{ purpose: 'To check whether you can repay', legalBasis: 'Loans Act, section 3' },
  ...{ askedAt: '2026-11-29T10:00:00.000Z', validUntil: soon },
  answer: {
    ...{ status: 200, contentType: 'application/json', digest: 'a'.repeat(64) },
    content: Buffer.from(text).toString('base64'),
  },
  ...more,
})
const field = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? ''

t.test('a person sees what an office would get, releases it, and stops it after all', async (t) => {
  let kept = shown(`{"income":[{"year":2025,"amount":12345678901234567890}],"employer":"${SCRIPT}"}`)
  const said: { path: string; body: unknown }[] = []
  let isOwn = true
  const answers: Answering = ({ method, path, userId, body }, response) => {
    if (userId !== `EE${PERSON}`) return send(response, { type: 'not_found' }, 404)
    if (path === '/v1/previews') return send(response, { previews: [kept, null, 7] })
    if (path === `/v1/previewed/${TOKEN}` && kept.state !== 'WAITING')
      return send(response, { type: 'not_found' }, 404)
    if (method === 'GET') return send(response, kept)
    said.push({ path, body })
    if (isOwn) return send(response, { type: 'forbidden' }, 403)
    const state = path.endsWith('/release') ? 'RELEASED' : 'STOPPED'
    const { answer: _, ...rest } = kept
    kept = { ...rest, state, decidedAt: '2026-11-29T10:05:00.000Z' }
    send(response, kept)
  }
  const server = await startUsageServer(t, [bank, { ...tax, services: { consents: answers } }])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const at = (path: string): string => `${portal.url}${path}`
  const askedAt = `/previews/asked/${tax.id}/${TOKEN}`
  const browser = openBrowser(t)
  t.match((await browser.visit(at(askedAt))).text, new RegExp(`href="/login\\?next=${askedAt}&`))
  await browser.login(portal.url, PERSON)
  const saved = (await browser.visit(at('/everything.json'))).text
  t.match(JSON.parse(saved), {
    previews: { shown: [{ toldBy: tax.id, number: NUMBER, state: 'WAITING' }], asked: 1, answered: 1 },
  })
  t.notMatch(saved, 'content', 'what waits is released or stopped first')
  const page = await browser.visit(at(askedAt))
  for (const words of [
    ...['Savings Bank', 'would get this about you from', 'Tax assessment', 'Loans Act, section 3'],
    ...['income › 1 › year', '12345678901234567890', '&#60;script&#62;', 'Income for a loan'],
  ])
    t.ok(page.text.includes(words), words)
  t.notOk(page.text.includes(SCRIPT))
  t.match(
    (await browser.visit(at('/previews'))).text,
    /aria-current="page">Before it is sent[\s\S]*Waits for you/,
  )
  const query = new URLSearchParams({ system: tax.id, number: NUMBER }).toString()
  const file = await browser.visit(at(`/previews/answer?${query}`))
  t.match(file.headers, { 'content-type': /^application\/octet-stream/, 'content-disposition': /attachment/ })
  t.equal(file.text, Buffer.from(kept.answer!.content, 'base64').toString(), 'to the octet')

  const form = (act: string, more: Record<string, string> = {}): Record<string, string> => ({
    ...Object.fromEntries(
      ['csrf', 'system', 'number', 'answer', 'language', 'text'].map((name) => [
        name,
        field(page.text, name),
      ]),
    ),
    ...{ act, ...more },
  })
  const changes: Record<string, string>[] = [
    { answer: 'b'.repeat(64) },
    { text: 'b'.repeat(64) },
    { language: 'uk' },
    { language: 'x' },
  ]
  for (const changed of changes) {
    const refused = await browser.visit(at('/previews/one'), { form: form('release', changed) })
    t.match([refused.status, refused.text], [409, /Please look again/], JSON.stringify(changed))
  }
  const waiting = kept
  kept = shown('{"income":[]}')
  t.equal((await browser.visit(at('/previews/one'), { form: form('release') })).status, 409, 'other values')
  kept = waiting
  t.equal((await browser.visit(at('/previews/one'), { form: form('release', { csrf: 'x' }) })).status, 403)
  t.same(said, [], 'nothing was released')
  const own = await browser.visit(at('/previews/one'), { form: form('release') })
  t.match(
    [own.status, own.text],
    [403, /The office that asks runs this portal[^.]+\. Nothing was released\./],
  )
  t.match(
    own.text,
    new RegExp(`href="/previews/one\\?system=[^"]+number=${NUMBER}"`),
    'where it can be stopped',
  )
  isOwn = false
  said.length = 0

  const released = await browser.follow(await browser.visit(at('/previews/one'), { form: form('release') }))
  t.match(
    released.text,
    /You released it[\s\S]*Savings Bank[\s\S]*has not fetched it yet[\s\S]*Stop it after all/,
  )
  t.match(said, [{ path: `/v1/previews/${NUMBER}/release`, body: { answer: 'a'.repeat(64) } }])
  t.equal((said[0]!.body as PreviewReleased).shown.textHash, field(page.text, 'text'))
  t.equal((await browser.visit(at(askedAt))).status, 404, 'the url has served')
  const before = server.asked.length
  const stopped = await browser.follow(
    await browser.visit(at('/previews/one'), { form: form('stop', { csrf: field(released.text, 'csrf') }) }),
  )
  t.match(stopped.text, /You stopped it[\s\S]*got nothing/)
  t.same(
    server.asked.slice(before).map(({ method, path }) => `${method} ${path}`),
    [`POST /v1/previews/${NUMBER}/stop`, `GET /v1/previews/${NUMBER}`],
    'the answer was not asked for before it was stopped',
  )

  kept = waiting
  const other = openBrowser(t)
  await other.login(portal.url, 'P00000043')
  t.match(
    (await other.visit(at(askedAt))).text,
    /Nothing waits for you here[\s\S]*href="\/previews">Back to the list/,
    'photographed',
  )
  t.equal(
    (await other.visit(at('/previews/one'), { form: form('release') })).status,
    403,
    "another browser's form",
  )
  server.asked.length = 0
  for (const path of [
    ...[`/previews/asked/DEV/GOV/9/evil/${TOKEN}`, `/previews/asked/${tax.id}/short`, '/previews/one'],
    ...[`/previews/one?system=DEV/GOV/9/evil&number=${NUMBER}`, `/previews/one?system=${tax.id}&number=../x`],
  ])
    t.equal((await browser.visit(at(path))).status, 404, path)
  t.same(server.asked, [], 'nobody was asked')
  t.notMatch(
    portal.lines.join(''),
    new RegExp(`${PERSON}|${TOKEN}|Savings Bank|12345678`),
    'no line says whose',
  )
})

t.test('all pages of a list are shown, and one that has no end says that more is there', async (t) => {
  let pages = 3
  const answers: Answering = ({ query }, response) => {
    const at = Number(query.get('cursor') ?? 0)
    const number = NUMBER.replace(/^5b0f/, String(1000 + at))
    const { answer: _, ...one } = shown('', { number, purpose: `Page ${at}.` })
    send(response, { previews: [one, one], ...(at + 1 < pages && { next: String(at + 1) }) })
  }
  const server = await startUsageServer(t, [bank, { ...tax, services: { consents: answers } }])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const listed = async () => (await browser.visit(`${portal.url}/previews`)).text
  const three = await listed()
  t.same(three.match(/Page \d\./g), ['Page 0.', 'Page 1.', 'Page 2.'])
  t.notMatch(three, /may have gaps/)
  pages = 1_000
  const cut = await listed()
  t.equal(cut.match(/Page \d\./g)?.length, 10)
  t.match(cut, /1 of 1 systems? answered\.\s+What they told may have gaps/)
})

t.test('a system that several servers serve is asked where the answer is kept', async (t) => {
  const [first, second, broken] = ['one', 'two', 'three'].map((code) => `DEV/GOV/1002/${code}`)
  const said: string[] = []
  const answers: Answering = ({ method, path, securityServer = '' }, response) => {
    if (securityServer === broken) return send(response, {}, 503)
    const isSecond = securityServer === second
    const number = isSecond ? NUMBER : NUMBER.replace(/^5/, '6')
    const { answer: _, ...listed } = shown('', { number, keptAt: isSecond ? second! : first! })
    if (path === '/v1/previews')
      return send(response, {
        previews: [listed],
        elsewhere: isSecond ? [first] : [second, broken, '../evil', 7],
      })
    if (!isSecond) return send(response, { type: 'not_found' }, 404)
    if (method === 'POST') said.push(`${path} ${securityServer}`)
    send(
      response,
      method === 'POST' ? { ...listed, state: 'STOPPED' } : shown('{"a":1}', { keptAt: second! }),
    )
  }
  const server = await startUsageServer(t, [bank, { ...tax, services: { consents: answers } }])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const { text } = await browser.visit(`${portal.url}/previews`)
  t.equal(text.match(/Look at it/g)?.length, 2)
  t.match(text, new RegExp(`\\(<bdi>${broken}</bdi>\\): `), 'one of them did not answer')
  t.same(
    server.asked.map(({ securityServer }) => securityServer),
    [undefined, second, broken],
  )
  const page = await browser.visit(`${portal.url}/previews/asked/${tax.id}/${TOKEN}/${second}`)
  t.match(page.text, /<pre|<dl/)
  t.equal(field(page.text, 'server'), second)
  const form = Object.fromEntries(
    ['csrf', 'system', 'number', 'server'].map((name) => [name, field(page.text, name)]),
  )
  await browser.visit(`${portal.url}/previews/one`, { form: { ...form, act: 'stop' } })
  t.same(said, [`/v1/previews/${NUMBER}/stop ${second}`])
  server.asked.length = 0
  const evil = await browser.visit(
    `${portal.url}/previews/one?${new URLSearchParams({ system: tax.id, number: NUMBER, server: '../x' })}`,
  )
  t.equal(evil.status, 404)
  t.same(server.asked, [])
})

/** The rooms of a portal that found one system, which answers so. */
function roomsOf(call: Call): Rooms {
  const system = { id: tax.id, name: tax.name, owner: tax.owner }
  return {
    systems: { offering: async () => ({ asked: [system], absent: [], silent: [], members: new Map() }) },
    calls: {
      call: (_session: unknown, _gone: unknown, asked: Parameters<Call>[0]) => call(asked),
      async *each(_session: unknown, _gone: unknown, q: { ask(system: System, call: Call): unknown }) {
        yield await q.ask(system, call)
      },
    },
    asking: { userCode: () => 'EECHILD' },
  } as never as Rooms
}

t.test('of more servers than are asked the list says that it may have gaps', async (t) => {
  const asked: (string | undefined)[] = []
  const visit = { reader: { session: {} }, gone: new AbortController().signal } as never as Visit
  const listed = async (others: number) => {
    asked.length = 0
    const elsewhere = Array.from({ length: others }, (_, i) => `DEV/GOV/1002/s${i}`)
    const rooms = roomsOf(async ({ securityServer }) => {
      asked.push(securityServer)
      return { status: 200, json: { previews: [], ...(securityServer === undefined && { elsewhere }) } }
    })
    return askPreviews(visit, rooms)
  }
  t.match([await listed(5), asked.length], [{ isCut: false }, 6])
  t.match([await listed(6), asked.length], [{ isCut: true }, 6])
})

t.test('one server of several that is down hides nothing of the others, and is named', async (t) => {
  const [one, two, three] = ['DEV/GOV/1002/one', 'DEV/GOV/1002/two', 'DEV/GOV/1002/three']
  const visit = { reader: { session: {} }, gone: new AbortController().signal } as never as Visit
  const failing: NotCalled = { why: 'failing', code: '', isOpen: false }
  const down = new Set<string>()
  /** Who takes calls that name nobody. */
  let first = one
  const rooms = roomsOf(async ({ securityServer: at = first }) => {
    if (down.has(at)) return failing
    const number = NUMBER.replace(/^5/, String([one, two, three].indexOf(at)))
    const { answer: _, ...listed } = shown('', { number, keptAt: at })
    const elsewhere = [one, two, three].filter((other) => other !== at)
    return { status: 200, json: { previews: [listed], toldBy: at, elsewhere } }
  })
  const asked = async () => {
    const { previews, notTold, isCut } = await askPreviews(visit, rooms)
    return [
      previews.map(({ server }) => server).sort(),
      notTold.map(({ server, why }) => [server, why]),
      isCut,
    ]
  }
  t.same(await asked(), [[one, three, two], [], false])
  down.add(two)
  t.same(await asked(), [[one, three], [[two, 'failing']], false])
  t.match(
    await askPreviews(visit, rooms),
    { asked: 1, answered: 0 },
    'a system that answered in part has not answered',
  )
  // The one that would name the others is down itself: those that were named before are asked.
  first = two
  t.same(await asked(), [[one, three], [[two, 'failing']], true], 'there may be others meanwhile')
  down.add(one).add(three)
  t.same(await asked(), [[], [[undefined, 'failing']], false], 'then nobody told anything')
  const unknown = roomsOf(async () => failing)
  const { notTold } = await askPreviews(visit, unknown)
  t.match(notTold, [{ server: undefined, why: 'failing' }])
})

t.test('the pages of a list come from one server', async (t) => {
  const asked: (string | undefined)[] = []
  const visit = { reader: { session: {} }, gone: new AbortController().signal } as never as Visit
  const rooms = roomsOf(async ({ securityServer, query }) => {
    asked.push(securityServer)
    const previews = [shown('', { keptAt: securityServer ?? 'DEV/GOV/1002/one' })]
    const elsewhere = ['DEV/GOV/1002/two']
    return {
      status: 200,
      json: { previews, elsewhere, ...(query?.['cursor'] === undefined && { next: 'p2' }) },
    }
  })
  await askPreviews(visit, rooms)
  t.same(asked, [undefined, 'DEV/GOV/1002/one', 'DEV/GOV/1002/two', 'DEV/GOV/1002/two'])
})

t.test('who acts for a child sees and decides what is about the child', async (t) => {
  const called: Parameters<Rooms['calls']['call']>[2][] = []
  const rooms = roomsOf(async (asked) => {
    called.push(asked)
    return { status: 200, json: asked.path === '/v1/previews' ? { previews: [] } : shown('{}') }
  })
  const visit = {
    ...{ reader: { session: { acting: { code: 'EECHILD' } } }, gone: new AbortController().signal },
    form: new URLSearchParams({ system: tax.id, number: NUMBER }),
    parameters: { instance: 'DEV', memberClass: 'GOV', memberCode: '1002', subsystem: 'tax', token: TOKEN },
  } as never as Visit
  await askPreviews(visit, rooms)
  await findPreview(visit, rooms, visit.form)
  await findAsked(visit, rooms)
  await decide(visit, rooms, { act: 'stop' })
  t.same(
    called.map(({ path, query }) => [path, query]),
    ['/v1/previews', '/v1/previews/{number}', '/v1/previewed/{token}', '/v1/previews/{number}/stop'].map(
      (path) => [path, { userCode: 'EECHILD' }],
    ),
  )
})

t.test('what a person is shown is all that there is', (t) => {
  const words = wordsOf('en', { easy: false, timeZone: 'UTC' })
  const values = (text: string | Buffer, contentType = 'application/json') =>
    valuesOf({ status: 200, contentType, bytes: Buffer.from(text), digest: '' }, words)
  t.same(values('{"name":"M","children":[{"born":"x"},true,null,{}]}'), {
    lines: [
      { label: 'name', text: 'M' },
      { label: 'children › 1 › date of birth', text: 'x' },
      { label: 'children › 2', text: 'yes' },
      { label: 'children › 3', text: 'nothing' },
      { label: 'children › 4', text: 'nothing' },
    ],
  })
  t.same(values('{"a":1,"a":2}'), { text: '{"a":1,"a":2}' }, 'of two readings neither is chosen')
  t.same(values('<a/>', 'text/xml; charset=utf-8'), { text: '<a/>' })
  t.same(values(Buffer.from([0xff]), 'text/plain'), { octets: 1 })
  t.same(values('%PDF', 'application/pdf'), { octets: 4 })
  t.match(values(JSON.stringify(Array(400).fill(1))), { text: /^\[1/ }, 'too many lines')
  t.same(values(`["${'x'.repeat(70_000)}"]`.replace('x', '\\u0000')), {
    lines: [{ label: '1', text: `\0${'x'.repeat(69_999)}` }],
  })
  t.same(values(''), { lines: [] })

  const told = { id: tax.id, name: tax.name, owner: tax.owner }
  const names = { systems: new Map([[tax.id, told]]), members: new Map() }
  t.match(readPreview(told, shown('{}'), names), { number: NUMBER, answer: { status: 200 } })
  for (const wrong of [
    ...[{ number: 'x' }, { state: 'GOOD' }, { askedAt: 'now' }, { validUntil: 1 }, { purpose: 'a\0' }],
    ...[{ client: { id: '../..' } }, { service: { id: 'DEV:GOV:1003:land:x' } }, { contract: null }],
  ])
    t.equal(readPreview(told, { ...shown('{}'), ...wrong }, names), undefined, JSON.stringify(wrong))
  for (const answer of [null, { content: 1 }, { content: 'x', digest: 'x', status: 200 }])
    t.equal(readPreview(told, { ...shown('{}'), answer }, names)?.answer, undefined)
  for (const one of [null, [], 'x', 7, {}]) t.equal(readPreview(told, one, names), undefined)
  t.end()
})
