/**
 * Asking many systems for messages, confirming, ending, and stopping by a link; over systems that are honest,
 * know nothing of it, or lie.
 */
import { createHash } from 'node:crypto'
import t from 'tap'
import { keepNotices, NOTICE_ID, NOTICE_SECRET } from '#test/fakes/notice-systems.ts'
import { CLIENT, openBrowser, startOpenIdProvider } from '#test/fakes/openid-provider.ts'
import { type FakeSystem, send, startUsageServer } from '#test/fakes/usage-systems.ts'
import type { System } from '../asking/find-systems.ts'
import { startPortal } from '../portal-fixture.ts'
import { askOneFirst } from './one-first.ts'
import { readAsked, readNotices } from './read-notices.ts'
import { createStopBound } from './stop.ts'

const PERSON = 'P00000042'
const TOKEN = 'k'.repeat(43)
const SCRIPT = '<script>alert(1)</script>'

const tax: FakeSystem = { id: 'DEV/GOV/1002/tax', name: 'Tax assessment', owner: 'Tax Agency' }
const land: FakeSystem = { id: 'DEV/GOV/1003/land', name: 'Land register', owner: 'Land Agency' }
const liar: FakeSystem = { id: 'DEV/GOV/1004/liar', name: 'Liar', owner: 'Liar' }

t.test('a person asks, confirms and ends; who has a link stops', async (t) => {
  const keeper = keepNotices()
  const server = await startUsageServer(t, [
    { ...tax, answers: keeper.answers },
    { ...land, answers: (_asked, response) => send(response, { type: 'not_found' }, 404) },
    {
      ...liar,
      answers: (_asked, response) =>
        send(response, {
          channels: ['email', 'sms', 'fax', 'post'],
          titles: { sms: { en: `Text message ${SCRIPT}`, et: 'Tekstisõnum' }, post: { uk: 'Пошта' } },
          notices: [
            { id: NOTICE_ID, channel: 'sms', address: SCRIPT, mode: 'daily', state: 'asked' },
            { id: '../x', channel: 'email', address: 'a', mode: 'daily', state: 'asked' },
          ],
        }),
    },
  ])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  const at = (path: string): string => `${portal.url}${path}`
  await browser.login(portal.url, PERSON)
  const list = await browser.visit(at('/notices'))
  t.match(list.text, /Land register[\s\S]*It sends no messages/)
  t.match(list.text, /id="whole"[\s\S]*There are more than are shown here[\s\S]*Ask for messages/)
  t.match(list.text, /value="uses" checked>[\s\S]*value="complaints">/)
  t.notMatch(list.text, /<script>|\.\.\/x/)
  t.match(
    list.text,
    /value="sms"> <bdi>Text message [\s\S]*value="post"> <bdi>Пошта</,
    'a channel of an operator has its title, in some language',
  )
  t.notMatch(list.text, /value="fax"/, 'and none is offered that nobody can name')
  t.match((await browser.visit(at('/notices?language=et'))).text, /value="sms"> <bdi>Tekstisõnum</)
  await browser.visit(at('/notices?language=en'))
  t.match(
    (await browser.visit(at('/everything'))).text,
    /Liar[\s\S]*<bdi>Text message &/,
    'the list that is printed names it so, too',
  )
  const csrf = /name="csrf" value="([^"]+)"/.exec(list.text)![1]!
  const form = {
    ...{ csrf, channel: 'email', address: 'person@mail.example', mode: 'daily', system: tax.id },
    about: 'complaints',
  }
  t.equal((await browser.visit(at('/notices'), { form: { ...form, csrf: 'x' } })).status, 403)
  t.equal((await browser.visit(at('/notices'), { form: { ...form, mode: 'always' } })).status, 400)
  t.equal((await browser.visit(at('/notices'), { form: { ...form, about: 'all' } })).status, 400)
  t.equal((await browser.visit(at('/notices'), { form: { ...form, system: 'DEV/GOV/9/x' } })).status, 400)
  const asked = await browser.visit(at('/notices'), { form })
  const saved = JSON.parse((await browser.visit(at('/everything.json'))).text) as object
  t.match(saved, {
    nothingKnownMissing: false,
    notices: {
      wishes: [
        {
          ...{ toldBy: tax.id, channel: 'email', address: 'p…@mail.example', mode: 'daily' },
          ...{ about: ['complaints'], state: 'asked' },
        },
      ],
      ...{ answered: 3, isCut: true },
    },
  })
  t.match(asked.text, /Tax assessment[\s\S]*Waits for your code/)
  t.match(asked.text, new RegExp(NOTICE_SECRET.replace('=', '')))
  const question = server.asked.findLast(({ method }) => method === 'POST')
  t.match(question, { userId: `EE${PERSON}`, body: { address: 'person@mail.example', language: 'en' } })
  t.equal(question?.query.get('userCode'), `EE${PERSON}`)
  const confirmation = { csrf, system: tax.id, id: NOTICE_ID }
  const wrong = await browser.visit(at('/notices/confirmation'), { form: { ...confirmation, code: '1' } })
  t.match(wrong.text, /This is not the code/)
  const right = await browser.visit(at('/notices/confirmation'), {
    form: { ...confirmation, code: '1234 5678' },
  })
  t.strictSame([right.status, right.headers['location']], [303, '/notices'])
  const confirmed = await browser.visit(at('/notices'))
  t.match(confirmed.text, /You are told here\. E-mail: <bdi>p…@mail.example/)
  t.match(
    confirmed.text,
    /value="uses" checked>[\s\S]*value="complaints" checked>/,
    'what systems told of before',
  )
  t.equal((await browser.visit(at('/notices/end'), { form: { ...confirmation, id: '../x' } })).status, 400)
  const ended = await browser.visit(at('/notices/end'), { form: { csrf } })
  t.match(ended.text, /Messages are stopped[\s\S]*It sends you none/)

  const stranger = openBrowser(t)
  const tag = createHash('sha256').update('DEV:GOV:1002:tax').digest('hex').slice(0, 16)
  const link = at(`/notices/stop?system=${tag}&token=${TOKEN}`)
  t.match((await stranger.visit(link)).text, /Stop these messages\?/)
  t.same(keeper.stopped, [], 'who only looks at the link stops nothing')
  const inEstonian = (await stranger.visit(`${link}&language=et`)).text
  t.match(inEstonian, /<form method="post" action="[^"]+&#38;language=et">/, 'and is told in their language')
  const stopped = await stranger.visit(link, { form: { 'List-Unsubscribe': 'One-Click' } })
  t.match(stopped.text, /They are stopped/)
  t.same(keeper.stopped, [[TOKEN, '']], 'about nobody')
  for (const bad of ['', '?system=x&token=y', `?system=${'0'.repeat(16)}&token=${TOKEN}`])
    t.equal((await stranger.visit(at(`/notices/stop${bad}`), { form: { a: 'b' } })).status, 400, bad)
  // All at once: one after the other, a busy machine may have no three of them within a second.
  const again = await Promise.all(Array.from({ length: 7 }, () => stranger.visit(link, { form: { a: 'b' } })))
  t.ok(
    again.some(({ status }) => status === 429),
    'not without bound',
  )
  t.ok(keeper.stopped.length <= 6)
  t.notMatch(portal.lines.join(''), /P00000042|mail\.example|kkkk/, 'no line says who or where')
})

t.test('no system names the channels of another', async (t) => {
  const says = (id: string, en: string, post = 'Letter'): FakeSystem['answers'] => {
    const titles = { sms: { en }, post: { en: post } }
    const notice = { id, channel: 'sms', address: '+3…42', mode: 'daily', state: 'confirmed' }
    return (_asked, response) =>
      send(response, { channels: ['sms', 'post', 'email'], titles, notices: [notice] })
  }
  const server = await startUsageServer(t, [
    { ...tax, answers: says(NOTICE_ID, 'Text message') },
    { ...land, answers: says(NOTICE_ID.replace(/.$/, 'e'), 'Text message') },
    { ...liar, answers: says(NOTICE_ID.replace(/.$/, 'f'), 'Say your PIN to +99 12345') },
  ])
  const issuer = await startOpenIdProvider(t)
  const portal = await startPortal(t, { server: server.url, issuer, client: CLIENT })
  const browser = openBrowser(t)
  await browser.login(portal.url, PERSON)
  const { text } = await browser.visit(`${portal.url}/notices?language=en`)
  const titleOf = (name: string): string =>
    new RegExp(`name="channel" value="${name}"[^>]*>(.*?)</label>`)
      .exec(text)?.[1]
      ?.replace(/<[^>]*>/g, '')
      .trim() ?? ''
  t.strictSame([titleOf('email'), titleOf('post')], ['E-mail', 'Letter'])
  t.match(titleOf('sms'), /Text message \((Tax assessment, Land register|Land register, Tax assessment)\)/)
  t.match(titleOf('sms'), /Say your PIN to \+99 12345 \(Liar\)/)
  for (const [system, title] of [
    [tax, 'Text message'],
    [land, 'Text message'],
    [liar, 'Say your PIN'],
  ] as const) {
    const card = text
      .split('<li class="card">')
      .slice(1)
      .find((one) => one.includes(`<h3><bdi>${system.name}`))
    t.match(card, new RegExp(`You are told here. <bdi>${title}`), system.name)
  }
})

t.test(
  'an address that nobody confirmed gets the code of one system; each system is a question',
  async (t) => {
    const systems = ['a', 'b', 'c', 'd'].map((id) => ({
      id: `DEV/GOV/1/${id}`,
      name: id,
    })) as never as System[]
    const notice = { id: NOTICE_ID, channel: 'email', address: 'a…@b.example', mode: 'daily', state: 'asked' }
    const run = async (of: (id: string) => unknown, questions = 9) => {
      const answers = askOneFirst(systems, {
        mayAsk: () => questions-- > 0,
        async *each(some) {
          for (const system of some) yield { system, answer: of(system.name) as never }
        },
      })
      const told: unknown[] = []
      for await (const { answer } of answers)
        told.push(typeof answer === 'object' && 'status' in answer ? answer.status : answer)
      return told
    }
    const good = (state: string) => ({ status: 200, json: { notice: { ...notice, state } } })
    t.same(await run(() => good('asked')), [200, 'first', 'first', 'first'])
    t.same(await run(() => good('confirmed')), [200, 200, 200, 200])
    t.same(await run(() => good('confirmed'), 1), [200, 429, 429, 200], 'in the order of the answers')
    t.same(await run((id) => (id === 'a' ? { status: 404 } : good('asked'))), [404, 200, 'first', 'first'])
    t.same(await run(() => ({ status: 404 }), 1), [404, 404, 429, 429])
    const lost = { why: 'late', code: '', isOpen: true }
    t.same(await run(() => lost), [lost, 'first', 'first', 'first'], 'it may have sent its code')
    t.same(await run(() => ({ status: 200, json: 'x' })), [200, 'first', 'first', 'first'], 'one that lies')
  },
)

t.test('who has a link stops messages so often, from one network and from all', (t) => {
  const now = { at: Date.parse('2026-11-29T12:00:00Z') }
  const wait = createStopBound(() => now.at)
  const times = (count: number, address: (i: number) => string): number[] =>
    Array.from({ length: count }, (_, i) => wait(address(i)))
  t.strictSame(
    times(3, (i) => `192.0.2.${i}`),
    [0, 0, 1],
    'two a second of everybody',
  )
  for (let i = 0; i < 6; i++) {
    now.at += 1_000
    t.equal(wait(`2001:db8::${i}`), 0)
  }
  now.at += 1_000
  t.equal(wait('2001:db8::f'), 53, 'six a minute of one network')
  t.strictSame(
    times(2, (i) => `198.51.100.${i}`),
    [0, 0],
    'which takes nothing from others',
  )
  t.end()
})

t.test('what a system says is taken as the description has it, or not', (t) => {
  const good = { id: NOTICE_ID, channel: 'email', address: 'a…@b.example', mode: 'daily', state: 'asked' }
  t.equal(readNotices({ channels: ['email', 'fax', 7], notices: [good] })?.channels.length, 1)
  const titlesOf = (titles: unknown) =>
    readNotices({ channels: ['sms'], titles, notices: [] })?.channels.map((one) => one.titles)
  t.same(titlesOf({ sms: { en: 'Text', et: 'a\nb', x: 'Text', uk: 7, ko: 'x'.repeat(61) } }), [
    { en: 'Text' },
  ])
  for (const none of [undefined, null, 7, [], {}, { sms: 'Text' }, { sms: { et: '' } }])
    t.same(titlesOf(none), [], JSON.stringify(none))
  t.equal(readNotices({ channels: [], notices: [good] })?.isCut, false)
  t.equal(readNotices({ channels: [], notices: [good, 7] })?.isCut, true)
  for (const bad of [undefined, null, 7, [], {}, { channels: 'email', notices: [] }, { channels: [] }])
    t.equal(readNotices(bad), undefined, JSON.stringify(bad))
  for (const more of [
    { id: 'x' },
    { channel: '../fax' },
    { address: 'a\nb' },
    { mode: '' },
    { state: 'x' },
    { about: 'x' },
  ])
    t.equal(readAsked({ notice: { ...good, ...more } }), undefined, JSON.stringify(more))
  t.equal(readAsked({ notice: good, secret: SCRIPT })?.secret, undefined)
  t.same(
    readAsked({ notice: good })?.notice.about,
    ['uses'],
    'a server of an earlier version says nothing of it',
  )
  t.equal(
    readNotices({ channels: [], notices: Array.from({ length: 1000 }, () => good) })?.notices.length,
    20,
  )
  t.end()
})
