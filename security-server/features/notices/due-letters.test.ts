/**
 * What is due: looked at in time, all of it in one run, and not sent when it was stopped or ended meanwhile;
 * and news of complaints.
 */
import t from 'tap'
import { tablesOf } from '#platform/database/open-database.ts'
import type { Complaint } from '#schemas/find-usage.ts'
import type { AskedNotice, NoticeMode } from '#schemas/notices.ts'
import { headerOf } from '#test/fakes/mail-server.ts'
import { complaintHandlers } from '../tracker/complaints/handlers.ts'
import { createTrackerWorld, SUBSYSTEM } from '../tracker/tracker-fixture.ts'
import { createLetterStore } from './letters-store.ts'
import { createNotices } from './notices-fixture.ts'
import { lookAgain } from './rules.ts'
import { sendLetters } from './send-letters.ts'
import type { NoticeTables } from './tables.ts'
import { createUsesStore } from './uses-store.ts'
import { writeLetters } from './write-letters.ts'

const DAY = 86_400_000

type Tables = ReturnType<typeof tablesOf<NoticeTables>>

/** The address A of the person P. */
async function confirmed(tables: Tables): Promise<void> {
  const row = { id: 'A', person: 'P', channel: 'email', sealed: '', digest: 'D', state: 'CONFIRMED' } as const
  await tables
    .insertInto('notice_address')
    .values({
      ...{ ...row, asked_at: '', confirmed_at: '', failed_at: null, code: null, code_at: null, tries: 0 },
    })
    .execute()
}

async function putWish(
  tables: Tables,
  q: { id: string; subsystem: string; look_at: string; mode?: NoticeMode },
): Promise<void> {
  await tables
    .insertInto('notice_wish')
    .values({
      ...{ person: 'P', address: 'A', mode: 'at_once', language: 'en', about: 'uses' },
      ...{ asked_at: '', rest_until: null, is_more: 0, ...q },
    })
    .execute()
}

void t.test(
  'what waits is looked at when it may be told, within the hour; a run looks at all that is due',
  async (t) => {
    const at = Date.parse('2026-11-30T23:30:00Z')
    t.equal(lookAgain(at - DAY, undefined), '2026-11-30T00:30:00.000Z')
    t.equal(lookAgain(at, undefined), '2026-12-01T00:00:00.000Z', 'the month ends')
    t.equal(lookAgain(at, '2026-11-30T23:40:00.000Z'), '2026-11-30T23:40:00.000Z', 'an exception ends')
    const pages = [Array.from({ length: 100 }, (_, id) => ({ id })), [{ id: 100 }, { id: 7 }], [{ id: 100 }]]
    const looked: unknown[] = []
    await writeLetters({
      ...{ clock: () => at, tracker: { isOn: () => false }, wishes: { stopped: async () => undefined } },
      uses: { due: async () => pages.shift() ?? [], lookLater: async (id: unknown) => void looked.push(id) },
    } as never)
    t.equal(looked.length, 101)
  },
)

void t.test('a wish that fails keeps no other back, and the run says which', async (t) => {
  const looked: unknown[] = []
  const run = writeLetters({
    ...{ clock: Date.now, tracker: { isOn: () => false }, wishes: { stopped: async () => undefined } },
    log: { warn: () => undefined },
    uses: {
      due: async (_now: number, _limit: number, after?: object) =>
        after === undefined ? ['W-1', 'W-2', 'W-3'].map((id) => ({ id })) : [],
      lookLater: async (id: unknown) => {
        if (id === 'W-1') throw new Error('its row is damaged')
        looked.push(id)
      },
    },
  } as never)
  await t.rejects(run, { message: '1 failed: wish W-1: its row is damaged' })
  t.same(looked, ['W-2', 'W-3'])
})

void t.test('more wishes that fail than one look has keep nobody behind them from being told', async (t) => {
  const { database } = await createTrackerWorld(t)
  const tables = tablesOf<NoticeTables>(database)
  const now = Date.parse('2026-11-30T12:00:00Z')
  await confirmed(tables)
  const put = (id: string, subsystem: string, at: number) =>
    putWish(tables, { id, subsystem, look_at: new Date(at).toISOString() })
  // Half of them came at the same moment.
  for (let n = 0; n < 250; n++) await put(`W-${n}`, `damaged ${n}`, now - 5000 + Math.min(n, 125))
  await put('behind', SUBSYSTEM, now - 1)
  const uses = createUsesStore(database)
  const looked: string[] = []
  const isOn = (subsystem: string): boolean => {
    looked.push(subsystem)
    if (subsystem !== SUBSYSTEM) throw new Error('what it is about is damaged')
    return false
  }
  const run = writeLetters({
    ...{ clock: () => now, tracker: { isOn }, wishes: { stopped: async () => undefined }, uses },
    log: { warn: () => undefined },
  } as never)
  await t.rejects(run, { message: /^250 failed: / })
  t.equal(looked.length, 251, 'each was looked at once')
  t.same(
    (await uses.due(now, 1000)).filter(({ id }) => id === 'behind'),
    [],
    'the one behind them was seen to',
  )
})

void t.test('a clock that was ahead and is put right holds nothing back', async (t) => {
  const { database } = await createTrackerWorld(t)
  const tables = tablesOf<NoticeTables>(database)
  const now = Date.parse('2026-11-30T12:00:00Z')
  const inDays = (days: number): string => new Date(now + days * DAY).toISOString()
  await confirmed(tables)
  const wishes: [NoticeMode, number][] = [
    ['at_once', 2],
    ['daily', 2],
    ['weekly', 6],
    ['weekly', 8],
  ]
  for (const [mode, days] of wishes)
    await putWish(tables, {
      id: `${mode} ${days}`,
      subsystem: `${mode} ${days}`,
      mode,
      look_at: inDays(days),
    })
  const seen = await createUsesStore(database).due(now, 10)
  t.same(
    seen.map(({ id }) => id),
    ['at_once 2', 'daily 2', 'weekly 8'],
    'longer than the mode of any of them lets it wait',
  )
  const letters = createLetterStore(database)
  const put = (id: string, kind: 'uses' | 'complaint', q: { days: number; attempts: number }) =>
    tables
      .insertInto('notice_letter')
      .values({
        ...{ id, kind, address: 'A', wish: 'daily 2', channel: 'email', fields: '{}', state: 'WAITING' },
        ...{ created_at: inDays(0), next_at: inDays(q.days), attempts: q.attempts },
        ...{ ended_at: null, last_error: null },
      })
      .execute()
  await put('of complaints', 'complaint', { days: 6, attempts: 0 })
  t.notOk(await letters.isDue('email', now), 'it waits for the digest that was asked for')
  await put('of a year ahead', 'complaint', { days: 365, attempts: 0 })
  await put('tried', 'complaint', { days: 1, attempts: 1 })
  await put('never tried', 'uses', { days: 1, attempts: 0 })
  t.ok(await letters.isDue('email', now))
  const due = (await letters.due('email', now, 10)).map(({ id }) => id)
  t.same(due.sort(), ['never tried', 'of a year ahead', 'tried'])
})

void t.test('what was stopped or ended while others were sent is not sent', async (t) => {
  const sent: string[] = []
  const world = { stopped: undefined as string | undefined, ended: 'L-5' }
  const letter = (id: string) => ({
    id,
    kind: 'uses',
    fields: '{}',
    address: 'A',
    subsystem: SUBSYSTEM,
    sealed: '',
  })
  const rooms = {
    ...{ clock: Date.now, settings: { portal: 'https://portal.example' }, log: { warn: () => undefined } },
    key: () => ({ open: () => 'x', stopToken: () => 'x', webhookSecret: () => 'x' }),
    wishes: { stopped: async () => world.stopped },
    letters: {
      due: async () => Array.from({ length: 12 }, (_, i) => letter(`L-${i}`)),
      isWaiting: async (id: string) => id !== world.ended,
      end: async () => undefined,
    },
  }
  const send = async ({ id }: { id: string }) => {
    sent.push(id)
    if (sent.length === 6) world.stopped = 'everything'
    return 'sent'
  }
  await sendLetters({ name: 'email', send } as never, rooms as never)
  t.notOk(sent.includes('L-5'), 'its wish was ended')
  t.ok(sent.length >= 6 && sent.length < 10, `${sent.length}: the rest waits`)
})

void t.test('who stops messages while their channel is out of the settings gets no more codes', async (t) => {
  const world = await createTrackerWorld(t)
  const { rooms, mail, tell } = await createNotices(t, world)
  const wish = { channel: 'email', address: 'Person+1@mail.example', mode: 'at_once', language: 'en' }
  const ask = async (code: string): Promise<AskedNotice> => {
    const to = `/concordat/v1/notices?userCode=EE${code}`
    return (await world.ask(to, { userId: `EE${code}`, body: wish })).body as AskedNotice
  }
  const { notice } = await ask('131052-308T')
  await tell()
  t.equal(mail.received.length, 1)
  const channels = rooms.channels.splice(0)
  const token = rooms.key().stopToken(notice.id, SUBSYSTEM)
  await world.ask('/concordat/v1/notices/stop', { userId: '', body: { token } })
  rooms.channels.push(...channels)
  for (const code of ['131052-308T', '010101-1111']) t.match((await ask(code)).notice, { state: 'asked' })
  await tell()
  t.equal(mail.received.length, 1)
})

void t.test(
  'who wants that is told that a complaint was answered, and no more; nobody else is',
  async (t) => {
    const world = await createTrackerWorld(t)
    const { mail, tell, rooms, tracker } = await createNotices(t, world)
    const wish = { channel: 'email', address: 'person@mail.example', mode: 'at_once', language: 'en' }
    const ask = async <T>(at: string, body: object, code = '131052-308T'): Promise<T> => {
      const told = await world.ask(`/concordat/v1/${at}?userCode=EE${code}`, { userId: `EE${code}`, body })
      return (told.status === 200 ? told.body : told.status) as T
    }
    for (const about of [[], 'uses', ['pigeons'], ['uses', 'uses'], [7]])
      t.equal(await ask('notices', { ...wish, about }), 400, JSON.stringify(about))
    const { notice } = await ask<AskedNotice>('notices', { ...wish, about: ['complaints'] })
    t.same(notice.about, ['complaints'])
    await tell()
    const [head = '', body = ''] = mail.received[0]!.raw.split('\r\n\r\n')
    const text = /base64/i.test(head) ? Buffer.from(body, 'base64').toString() : mail.received[0]!.raw
    const [, code] = /\b(\d{4} \d{4})\b/.exec(text)!
    await ask('notices/confirmation', { id: notice.id, code })
    await tell()
    const [mine, foreign] = [await world.use('131052-308T'), await world.use('010101-1111')]
    await tell()
    t.equal(mail.received.length, 1, 'of uses nothing is told')

    const handlers = complaintHandlers(world.rooms)
    const answer = async (number: string, operation = 'answerComplaint') =>
      handlers[operation]!({
        ...{ query: {}, params: { id: number }, caller: { id: 'a', name: 'Auditor Anna' } },
        body: { text: 'It was your tax return', finding: 'justified' },
      } as never)
    const [own, other] = [
      await ask<Complaint>('complaints', { record: mine, reason: 'not-known' }),
      await ask<Complaint>('complaints', { record: foreign, reason: 'not-known' }, '010101-1111'),
    ]
    await answer(other.number)
    await tell()
    t.equal(mail.received.length, 1, 'of the complaint of another nothing is told')
    await answer(own.number)
    await answer(own.number)
    const letters = tablesOf<NoticeTables>(world.database).selectFrom('notice_letter').select('kind')
    t.same(
      await letters.where('channel', '=', 'email').where('state', '=', 'WAITING').execute(),
      [],
      'a node of the version before, which knows no such letters, finds none',
    )
    t.ok(await rooms.letters.isDue('email', world.now.at))
    await tell()
    await tell()
    t.equal(mail.received.length, 2, 'two answers at a time are one message')
    const { raw } = mail.received[1]!
    t.equal(headerOf(raw, 'Subject'), 'A complaint was answered')
    t.notMatch(raw, new RegExp(`${own.number}|tax return|Anna|population`))
    tracker.isOn = false
    await answer(own.number)
    tracker.isOn = true
    await tell()
    t.equal(mail.received.length, 2, 'a subsystem that answers no questions tells nothing')
    const textsOf = async (id: string): Promise<number> => {
      const found = await handlers['getComplaint']!({ params: { id } } as never)
      return (found as { texts: unknown[] }).texts.length
    }
    const working = world.rooms.notices
    world.rooms.notices = () => ({ answeredComplaint: () => Promise.reject(new Error('ended')) }) as never
    const before = await textsOf(own.number)
    await t.rejects(answer(own.number), { message: 'ended' })
    t.equal(await textsOf(own.number), before, 'no answer without its message')
    world.rooms.notices = working
    await answer(own.number, 'closeComplaint')
    await tell()
    t.equal(mail.received.length, 3)
    t.same(await rooms.letters.counts(), [{ channel: 'email', state: 'SENT', letters: 3 }])

    const next = await ask<Complaint>('complaints', { record: mine, reason: 'not-known' })
    await answer(next.number)
    const again = await ask<AskedNotice>('notices', wish)
    t.match(again.notice, { id: notice.id, state: 'confirmed', about: ['uses'] })
    await tell()
    t.equal(mail.received.length, 3, 'what waited is not told to who wants it no more')
    await answer(next.number)
    await tell()
    t.equal(mail.received.length, 3, 'who wants to hear of uses alone is told of nothing else')
  },
)
