/** Notices, on both stores: none without a code, of what is withheld, or twice; none says who somebody is. */
import { createHmac, randomUUID } from 'node:crypto'
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import type { AskedNotice, Notices } from '#schemas/notices.ts'
import { eachDatabase } from '#test/databases.ts'
import { contentAt } from '#test/fakes/contracts.ts'
import { headerOf } from '#test/fakes/mail-server.ts'
import { CLIENT } from '../../message-log/fixture.ts'
import { createTrackerWorld, SUBSYSTEM, type Told, type TrackerWorld } from '../tracker/tracker-fixture.ts'
import { collectUses } from './collect-uses.ts'
import { personDigest } from './notice-key.ts'
import { createNotices } from './notices-fixture.ts'
import { nextLook } from './rules.ts'
import { sendLetters } from './send-letters.ts'
import { writeLetters } from './write-letters.ts'

const DAY = 86_400_000
const MINUTE = 60_000
const NOTICES = '/concordat/v1/notices'

const EMAIL = { channel: 'email', address: 'person@mail.example', mode: 'at_once', language: 'en' }

/** The body of a message, without the encoding of mail. */
function bodyOf(raw: string): string {
  const [head, ...body] = raw.split('\r\n\r\n')
  const text = body.join('\n\n')
  if (/base64/i.test(head!)) return Buffer.from(text, 'base64').toString()
  if (!/quoted-printable/i.test(head!)) return text
  const bytes = text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => `%${hex}`)
  return decodeURIComponent(bytes.replace(/%(?![0-9A-F]{2})/g, '%25'))
}

const codeOf = (raw: string): string => /\b(\d{4} \d{4})\b/.exec(bodyOf(raw))![1]!
const tokenOf = (raw: string): string => /token=([A-Za-z0-9_-]{43})/.exec(bodyOf(raw))![1]!

function person(world: TrackerWorld, code = '131052-308T') {
  const query = `?userCode=EE${code}`
  const q = { userId: `EE${code}` }
  return {
    list: async () => (await world.ask(NOTICES + query, q)).body as unknown as Notices,
    ask: (body: object): Promise<Told> => world.ask(NOTICES + query, { ...q, body }),
    confirm: (id: string, given: string): Promise<Told> =>
      world.ask(`${NOTICES}/confirmation${query}`, { ...q, body: { id, code: given } }),
    end: (id?: string): Promise<Told> =>
      world.ask(`${NOTICES}${query}${id === undefined ? '' : `&id=${id}`}`, { ...q, method: 'DELETE' }),
  }
}

const stop = (world: TrackerWorld, token: string): Promise<Told> =>
  world.ask(`${NOTICES}/stop`, { userId: '', body: { token } })

const asked = (told: Told): AskedNotice => told.body as unknown as AskedNotice

await eachDatabase(t, async (_database, t, url) => {
  const world = await createTrackerWorld(t, url)
  const w = await createNotices(t, world, { perDay: 3 })
  const { mail, hook, tell } = w
  const code = '131052-308T'
  const me = person(world, code)
  const content = contentAt(Date.now(), { provider: SUBSYSTEM, personalData: true })
  world.contracts.push(content)
  const contract = `${content.contract}/${content.version}`
  const last = () => mail.received.at(-1)!.raw
  const later = (ms: number): void => {
    world.now.at += ms
  }
  const use = (more: object = {}) => world.use(code, more)
  const counts = (raw: string) => [.../: (\d+)\s/g[Symbol.matchAll](bodyOf(raw))].map(([, n]) => Number(n))
  await world.use(code)

  await t.test('an address is confirmed before anything is told', async (t) => {
    const answer = await me.ask(EMAIL)
    t.equal(answer.status, 200)
    t.match(asked(answer).notice, { channel: 'email', address: 'p…@mail.example', state: 'asked' })
    await use()
    await tell()
    t.equal(mail.received.length, 1, 'nothing but the code')
    t.equal(headerOf(last(), 'Subject'), 'Your code')
    const { id } = asked(answer).notice
    const right = codeOf(last())
    t.equal((await person(world, 'OTHER-1').confirm(id, right)).status, 400, 'by nobody else')
    for (let i = 0; i < 5; i++) t.equal((await me.confirm(id, '00000000')).status, 400)
    t.equal((await me.confirm(id, right)).status, 400, 'it was tried too often')
    await me.ask(EMAIL)
    await tell()
    t.equal(mail.received.length, 1, 'another code only after a while')
    later(11 * MINUTE)
    await me.ask(EMAIL)
    await tell()
    const second = codeOf(last())
    later(DAY)
    t.equal((await me.confirm(id, second)).status, 400, 'it has ended')
    await me.ask(EMAIL)
    await tell()
    const confirmed = await me.confirm(id, ` ${codeOf(last())}`)
    t.match(confirmed.body, { notices: [{ id, state: 'confirmed', mode: 'at_once' }] })
    t.equal((await me.confirm(id, '1')).status, 200, 'once is enough')
    t.equal(mail.received.length, 3)
    await tell()
    t.equal(mail.received.length, 3, 'what was before is not told')
  })

  await t.test('a use is told, in numbers alone, once', async (t) => {
    // All of it on one day, whenever the test runs.
    later(DAY - (world.now.at % DAY))
    const ids = { id: randomUUID(), requestId: randomUUID() }
    await use({ ids, contract })
    await use({ client: { ...CLIENT, memberCode: '7777' } })
    await world.use(`/lists`, { body: { codes: ['X'] } })
    await tell()
    t.equal(headerOf(last(), 'Subject'), 'Your data was used')
    t.same(counts(last()), [2, 2])
    t.match(
      headerOf(last(), 'List-Unsubscribe'),
      /^<https:\/\/portal\.example\/notices\/stop\?system=[0-9a-f]{16}&token=/,
    )
    // Its random ids may have any digits.
    const told = `${last()}${bodyOf(last())}`.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '')
    t.notMatch(told, /131052|population|Tax |5678|7777|CONTENT|Assessment/)
    await tell()
    t.equal(mail.received.length, 4)
    for (let i = 0; i < 40; i++) await use()
    await tell()
    t.equal(mail.received.length, 4, 'a storm is collected')
    later(15 * MINUTE)
    await tell()
    t.same(counts(last()), [40, 1])
    await use()
    later(15 * MINUTE)
    await tell()
    t.equal(mail.received.length, 6)
    t.match(bodyOf(last()), /last message of today/)
    await use()
    later(30 * MINUTE)
    await tell()
    t.equal(mail.received.length, 6, 'no more today')
    later(DAY)
    await tell()
    t.same(counts(last()), [1, 1])
  })

  await t.test('what is withheld is told when its exception ends, and looks never', async (t) => {
    later(DAY)
    const set_at = new Date(world.now.at).toISOString()
    const ends_at = new Date(world.now.at + 2 * DAY).toISOString()
    const of = { id: randomUUID(), subsystem: SUBSYSTEM, set_at, ends_at, set_by: 'A', agreed_by: 'B' }
    const exception = {
      ...of,
      scope: 'contract',
      target: content.contract,
      message_id: null,
      ground: 'crime',
    }
    await world.store.add({ ...exception, owner: 'O', ended_at: null, ended_by: null }, { mostDays: 10 })
    const before = mail.received.length
    await use({ contract })
    await world.ask(`/concordat/v1/usages?userCode=EE${code}`, { userId: `EE${code}` })
    await tell()
    t.equal((await w.rooms.tracker.filterFor(SUBSYSTEM)).nextEnd, ends_at)
    later(MINUTE)
    await tell()
    t.equal(mail.received.length, before)
    await use()
    await tell()
    t.same(counts(last()), [1, 1], 'what is not withheld does not wait')
    later(2 * DAY)
    await tell()
    t.equal(mail.received.length, before + 2)
    t.same(counts(last()), [1, 1])
  })

  await t.test('a message that was sent and not marked comes once more under its id', async (t) => {
    later(DAY)
    await use()
    await tell()
    const { rooms } = w
    later(16 * MINUTE)
    await use()
    await world.index()
    const killed = async (): Promise<never> => {
      throw new Error('killed')
    }
    await collectUses(rooms)
    await writeLetters(rooms)
    const dying = { ...rooms, letters: { ...rooms.letters, end: killed, tried: killed } }
    await t.rejects(sendLetters(rooms.channels[0]!, dying), { message: 'killed' })
    const first = headerOf(last(), 'Message-ID')
    const sent = mail.received.length
    await tell()
    t.equal(mail.received.length, sent + 1)
    t.equal(headerOf(last(), 'Message-ID'), first)
    await tell()
    t.equal(mail.received.length, sent + 1)
  })

  await t.test(
    'a webhook is confirmed and signed, tried with growing pauses, and given up visibly',
    async (t) => {
      const other = person(world, 'W1')
      const answer = await other.ask({ ...EMAIL, channel: 'webhook', address: hook.url, mode: 'daily' })
      const { notice, secret } = asked(answer)
      t.match(notice.address, /^https:\/\/localhost:\d+\/…$/)
      await tell()
      const { headers, body } = hook.posted.at(-1)!
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
      const key = Buffer.from(secret!.replace('whsec_', ''), 'base64')
      t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
      const given = JSON.parse(body) as { type: string; data: { code: string } }
      t.equal(given.type, 'notice.code')
      t.equal((await other.confirm(notice.id, given.data.code)).status, 200)
      await tell()
      await world.use('W1')
      hook.status = 302
      await tell()
      t.equal(hook.posted.length, 1, 'a digest waits')
      later(DAY)
      await tell()
      await tell()
      t.equal(hook.posted.length, 2, 'a redirect is no success, and the next try waits')
      t.match(JSON.parse(hook.posted.at(-1)!.body), { type: 'notice.uses', data: { uses: 1, parties: 1 } })
      later(MINUTE)
      await tell()
      t.equal(hook.posted.length, 3)
      t.equal(hook.posted[2]!.headers['webhook-id'], hook.posted[1]!.headers['webhook-id'])
      later(MINUTE)
      await tell()
      t.equal(hook.posted.length, 3, 'the pause has grown')
      later(4 * DAY)
      await tell()
      t.match((await other.list()).notices, [{ state: 'failed' }])
      t.match(await w.rooms.letters.counts(), [
        { channel: 'email', state: 'SENT' },
        { channel: 'webhook', state: 'GIVEN_UP', letters: 1 },
        { channel: 'webhook', state: 'SENT' },
      ])
    },
  )

  await t.test('who asks can bomb nobody, and learns nothing', async (t) => {
    const before = mail.received.length
    const victim = { ...EMAIL, address: 'victim@mail.example' }
    for (const [i, address] of [
      'victim@mail.example',
      'VICTIM+1@mail.example',
      'victim+2@mail.example',
    ].entries())
      t.equal((await person(world, `B${i}`).ask({ ...victim, address })).status, 200)
    const fourth = await person(world, 'B9').ask(victim)
    t.equal(fourth.status, 200)
    t.match(asked(fourth).notice, { state: 'asked', address: 'v…@mail.example' }, 'the same answer')
    await tell()
    t.equal(mail.received.length, before + 3)
    t.same(await stop(world, tokenOf(last())).then(({ body }) => body), { stopped: true })
    t.equal((await stop(world, tokenOf(last()))).status, 200, 'and again')
    later(2 * DAY)
    await person(world, 'B8').ask(victim)
    await tell()
    t.equal(mail.received.length, before + 3, 'its owner wants no codes')
    const many = person(world, 'M1')
    for (let i = 0; i < 5; i++) await many.ask({ ...EMAIL, address: `m${i}@mail.example` })
    t.equal((await many.ask({ ...EMAIL, address: 'm9@mail.example' })).status, 400)
    await tell()
    const known = await person(world, 'KNOWN').list()
    t.same(known.notices, [])
    t.same(known.channels, ['email', 'webhook'])
  })

  await t.test('it ends at once, by the person and by a token, and nothing is left of them', async (t) => {
    const mine = (await me.list()).notices
    t.equal(mine.length, 1)
    const other = '00000000-0000-4000-8000-000000000000'
    t.same((await me.end(other)).body, { ended: 0 })
    const token = w.rooms.key().stopToken(mine[0]!.id, SUBSYSTEM)
    const altered = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.at(-1)}`
    t.equal((await stop(world, altered)).status, 400)
    t.equal(w.rooms.key().wishOf(token, 'DEV/GOV/1234/other'), undefined, 'of another subsystem')
    await use()
    await stop(world, token)
    const before = mail.received.length
    later(DAY)
    await tell()
    t.equal(mail.received.length, before)
    t.same((await me.list()).notices, [])
    const again = await me.ask({ ...EMAIL, address: 'other@mail.example' })
    t.same((await me.end(asked(again).notice.id)).body, { ended: 1 })
    await tell()
    t.equal(mail.received.length, before, 'the code that waited went with it')
    const rows = tablesOf<Record<string, { person: string }>>(world.database)
    const mineIs = personDigest(w.rooms.key(), { type: 'personal-code', identifier: code })
    for (const name of ['notice_entry', 'notice_person', 'notice_address', 'notice_wish']) {
      const left = await rows.selectFrom(name).select('person').where('person', '=', mineIs).execute()
      t.same(left, [], `${name}: nothing of somebody who wants nothing`)
    }
  })

  await t.test('codes and addresses are nowhere in readable form', async (t) => {
    const tables = tablesOf<Record<string, Record<string, unknown>>>(world.database)
    await me.ask(EMAIL)
    for (const name of ['person', 'address', 'wish', 'letter', 'count', 'state', 'use']) {
      const rows = await tables.selectFrom(`notice_${name}`).selectAll().execute()
      t.notMatch(JSON.stringify(rows), /131052-?308T|@mail|localhost/, name)
    }
    t.notMatch(w.lines.join('\n'), /131052-?308T|@mail|localhost/)
    t.match(w.lines.join('\n'), /given up/)
  })
})

void t.test('bad wishes, and webhooks to places that are nobody’s', async (t) => {
  const world = await createTrackerWorld(t)
  const w = await createNotices(t, world, { networks: [] })
  const me = person(world)
  for (const bad of [
    ...[{}, [], { ...EMAIL, more: 1 }, { ...EMAIL, mode: 'always' }, { ...EMAIL, language: 'xx' }],
    ...[
      { ...EMAIL, channel: 'pigeon' },
      { ...EMAIL, address: 'a@b\r\nBcc: c@d' },
      { ...EMAIL, address: 7 },
    ],
    ...[
      'http://a.example/',
      'https://u:p@a.example/',
      'https://a.example/#x',
      'javascript:1',
      'https://',
    ].map((address) => ({ ...EMAIL, channel: 'webhook', address })),
  ])
    t.equal((await me.ask(bad)).status, 400, JSON.stringify(bad))
  for (const token of ['', 'x', 'A'.repeat(43), '=', 7])
    t.equal((await world.ask(`${NOTICES}/stop`, { userId: '', body: { token } })).status, 400)
  const guardian = { userId: 'EE1', represented: 'EECHILD' }
  t.equal((await world.ask(`${NOTICES}?userCode=EECHILD`, guardian)).status, 403, 'for oneself alone')
  for (const host of [
    '127.0.0.1',
    '10.1.2.3',
    '[::1]',
    '[::ffff:192.168.0.1]',
    '169.254.169.254',
    'localhost',
  ])
    await person(world, `H${host}`).ask({ ...EMAIL, channel: 'webhook', address: `https://${host}:9/` })
  await w.tell()
  const failures = await w.rooms.letters.failures(10)
  t.same(
    failures.map(({ last_error: error }) => error?.includes('no webhook may lie') === true),
    [true, true, true, true, true, true],
  )
  await w.rooms.wishes.setStopped('{}')
  await me.ask(EMAIL)
  await w.tell()
  t.equal(w.mail.received.length, 0, 'all are stopped')
  await t.rejects(w.rooms.wishes.setStopped(null as never), 'one that the database does not take')
  t.equal(await w.rooms.wishes.stopped(), '{}', 'they stay stopped')
  w.mail.refuse = () => 550
  await w.rooms.wishes.setStopped(undefined)
  await w.tell()
  t.match((await me.list()).notices, [{ state: 'failed' }], 'the address was refused for good')
  const monday = Date.parse('2026-11-30T06:00:00Z')
  t.equal(nextLook('daily', monday, null), '2026-12-01T05:00:00.000Z')
  t.equal(nextLook('weekly', monday, null), '2026-12-07T05:00:00.000Z')
  t.equal(nextLook('weekly', monday - 2 * 3_600_000, null), '2026-11-30T05:00:00.000Z')
})

void t.test('what is told by its month alone waits for its end, and a reply is no second use', async (t) => {
  const world = await createTrackerWorld(t)
  const w = await createNotices(t, world)
  const me = person(world, 'G1')
  const { id } = asked(await me.ask({ ...EMAIL, mode: 'at_once', language: 'uk' })).notice
  await w.tell()
  await me.confirm(id, codeOf(w.mail.received[0]!.raw))
  await w.tell()
  await world.store.setRule(SUBSYSTEM, {
    service: `${SUBSYSTEM}/persons`,
    isGeneral: true,
    words: { en: 'x' },
  })
  await world.use('G1')
  await w.tell()
  t.equal(w.mail.received.length, 1)
  world.now.at += 32 * DAY
  w.tracker.isOn = false
  await w.tell()
  t.equal(w.mail.received.length, 1, 'a subsystem without a tracker tells nothing')
  w.tracker.isOn = true
  world.now.at += 2 * 3_600_000
  await w.tell()
  t.match(bodyOf(w.mail.received.at(-1)!.raw), /Скільки разів: 1/)
  t.notMatch(bodyOf(w.mail.received.at(-1)!.raw), /установ/, 'nor by how many')
  const both = { method: '*', path: '/both/{code}', type: 'personal-code' } as const
  for (const place of [{ in: 'path', name: 'code' } as const, { in: 'reply', name: '/codes' } as const])
    await world.rooms.personUses.places.add(`${SUBSYSTEM}/persons`, { ...both, ...place } as never, {
      by: 'test',
      at: new Date().toISOString(),
    })
  const request = await world.use('/both/G1', { body: { codes: ['G1'] } })
  await world.index()
  const { entries } = await w.rooms.personUses.since(request + 1)
  t.match(entries, [{ request, before: [entries[0]?.entry] }])
})
