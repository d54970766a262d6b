/**
 * The index by person on both stores: what is found and counted, and what is left after a crash, a late key
 * holder and an erasure.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { closeSync, globSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { SubjectPlace } from '#core/subject/place.ts'
import { writeRestRequest } from '#core/transport/rest-request.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubjectQuestion } from '#schemas/subject-keys.ts'
import { eachDatabase } from '#test/databases.ts'
import { aheadOfMidnight } from '#test/day-clock.ts'
import {
  CLIENT,
  logFolder,
  logOptions,
  openTestLog,
  SERVICE,
  signedRecord,
  spoolBody,
  type TestLog,
} from '../../../message-log/fixture.ts'
import type { RecordInput } from '../../../message-log/record-input.ts'
import { subjectEntry } from './entry.ts'
import type { Declared } from './find-subjects.ts'
import { memoryHolder } from './holder-fixture.ts'
import type { SubjectTables } from './tables.ts'

const DAY = 86_400_000
const AHEAD_MS = aheadOfMidnight()
/** Of the log, the key holder and what is logged. */
const clock = (): number => Date.now() + AHEAD_MS
/** This many days ago was in last month. */
const LAST_MONTH = new Date(clock()).getUTCDate() + 3
const PLANTED = '131052308T'
const OTHER = { ...SERVICE, serviceCode: 'buildings' }
const UNKNOWN = { ...SERVICE, serviceCode: 'unknown' }
const PLACE: SubjectPlace = {
  method: '*',
  path: '**',
  in: 'body',
  name: '/persons/code',
  type: 'personal-code',
}
const DECLARED: Record<string, Declared> = {
  persons: {
    own: [
      { ...PLACE, method: 'GET', path: '/persons/{code}', in: 'path', name: 'code' },
      { ...PLACE, method: 'POST' },
      { ...PLACE, path: '/persons/{code}', in: 'reply', name: '/relatives/code' },
      { ...PLACE, path: '/all', in: 'reply', name: '/code' },
      { ...PLACE, method: 'GET', path: '/statistics', in: 'none', name: '' },
    ],
    contract: undefined,
  },
  buildings: { own: [], contract: [{ ...PLACE, in: 'query', name: 'owner' }] },
}

const declared = async ({ service }: { service: string }): Promise<Declared> =>
  DECLARED[service.split('/').at(-1) ?? ''] ?? { own: [], contract: undefined }

const messageOf = (service: typeof SERVICE, target: string, method = 'GET'): Buffer => {
  const { instance, memberClass, memberCode, subsystemCode, serviceCode } = service
  const base = `/r1/${[instance, memberClass, memberCode, subsystemCode, serviceCode].join('/')}`
  const client = [CLIENT.instance, CLIENT.memberClass, CLIENT.memberCode, CLIENT.subsystemCode].join('/')
  return writeRestRequest({
    method,
    target: `${base}${target}`,
    headers: [
      ['X-Road-Client', client],
      ['x-road-request-id', randomUUID()],
      ['x-road-id', randomUUID()],
    ],
  })
}

const REPLY = { kind: 'reply', direction: 'out', outcome: 'ok', message: Buffer.from('200 OK\r\n') } as const

const signed = (changes: Partial<RecordInput>): Promise<RecordInput> =>
  signedRecord({ time: new Date(clock()), ...changes })

/** Logs one request and returns its index. */
async function ask(
  log: TestLog,
  target: string,
  q: { service?: typeof SERVICE; body?: unknown; daysAgo?: number; more?: Partial<RecordInput> } = {},
): Promise<number> {
  const { service = SERVICE, body, daysAgo = 0, more = {} } = q
  const bytes =
    body === undefined ? undefined : Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body))
  const spooled = bytes === undefined ? undefined : await spoolBody(log, bytes)
  const message = messageOf(service, target, bytes === undefined ? 'GET' : 'POST')
  const time = new Date(clock() - daysAgo * DAY)
  const record = await signed({ service, message, body: spooled, time, ...more })
  return (await log.append(record)).index
}

const indexesOf = (rows: { idx: number }[]): number[] =>
  rows.map(({ idx }) => Number(idx)).sort((a, b) => a - b)

await eachDatabase(t, async (_database, t, url) => {
  const whole = t
  const folder = logFolder(t)
  const options = { ...logOptions(folder, url), clock }
  let log = await openTestLog(t, options)
  const holder = await memoryHolder(t, clock)
  let isAway = false
  let first = -1
  const asked: SubjectQuestion[][] = []
  const rooms = {
    declared,
    evaluate: async (records: SubjectQuestion[]) => {
      asked.push(records)
      if (isAway) throw new Fault('subject_keys_unavailable')
      return holder.evaluateRecords(records)
    },
  }
  const entriesOf = async (identifier: string, type = 'personal-code'): Promise<string[]> => {
    const person = { id: 'a', name: 'a' }
    const search = { type, identifier, case: '1', reason: 'x', person }
    return (await holder.evaluateSearch(search)).months.map(({ month, hash }) => subjectEntry(month, hash))
  }
  const find = async (identifier: string, filter = {}, type?: string): Promise<number[]> =>
    indexesOf(await log.list({ ...filter, subjects: await entriesOf(identifier, type), limit: 100 }))
  const reasons = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await log.subjects.coverage({})).totals.map(({ reason, records }) => [reason, records]),
    )

  const byPath = await ask(log, '/persons/131052-308T')
  const relatives = Buffer.from(JSON.stringify({ relatives: [{ code: '010101-1111' }] }))
  const replied = await signed({ ...REPLY, answers: byPath, body: await spoolBody(log, relatives) })
  const reply = (await log.append(replied)).index
  const many = await ask(log, '/search', { body: { persons: [{ code: '010101-1111' }, { code: PLANTED }] } })
  const large = await ask(log, '/search', {
    body: { filler: 'x'.repeat(200_000), persons: { code: '020202-2222' } },
  })
  const query = await ask(log, '/all?owner=010101-1111&owner=131052%2D308t', {
    service: OTHER,
    daysAgo: LAST_MONTH,
  })

  await t.test('found by path, query, body in row or file, reply; all people of a message', async (t) => {
    t.same(await find('131052-308T'), [], 'not yet: nothing on the message path indexes')
    t.equal((await log.subjects.coverage({})).backlog.records, log.size())
    t.equal(await log.subjects.index(rooms), log.size())
    t.same(await find('131052-308T'), [byPath, many, query])
    t.same(await find(' 131052308t'), [byPath, many, query], 'however it is written')
    t.same(await find('010101-1111'), [reply, many, query])
    t.same(await find('0202022222'), [large])
    t.same(await find('030303-3333'), [])
    t.same(
      await find(PLANTED, { service: 'DEV/GOV/1234/population/buildings' }),
      [query],
      'other filters too',
    )
    t.same(await find(PLANTED, { from: new Date(clock() - DAY).toISOString() }), [byPath, many])
    t.same(await find(PLANTED, { before: many }), [byPath], 'by page')
    const window = await log.window({
      filter: { subjects: await entriesOf(PLANTED) },
      after: -1,
      size: log.size(),
    })
    t.same(indexesOf(window.rows), [byPath, many, query], 'in a walk')
    t.same((await log.window({ filter: { subjects: [] }, after: -1, size: log.size() })).rows, [])
    t.same(await log.list({ subjects: [], limit: 10 }), [], 'no month has a key')
    t.same(await reasons(), { indexed: 4 })
    t.equal(await log.subjects.index(rooms), 0)
  })

  await t.test('what cannot be indexed is counted by day, service and reason', async (t) => {
    const today = new Date(clock()).toISOString().slice(0, 10)
    first = await ask(log, '/anything', { service: UNKNOWN })
    await ask(log, '/anything', { service: UNKNOWN })
    const secret = await ask(log, '/anything', {
      service: { ...UNKNOWN, serviceCode: 'hushed' },
      more: { secrecy: 1 },
    })
    await ask(log, '/statistics')
    await ask(log, '/elsewhere')
    await ask(log, '/all')
    await ask(log, '/all', { service: OTHER })
    await ask(log, '/search', { body: Buffer.from('<xml/>') })
    await ask(log, '/search', { body: { filler: 'x'.repeat(1_100_000), persons: { code: '1' } } })
    await ask(log, '/search', {
      body: { persons: Array.from({ length: 90 }, (_, i) => ({ code: 1000 + i })) },
    })
    await ask(log, '/persons/1', { more: { logLevel: 'digest' } })
    await ask(log, '/persons/1', { more: { logLevel: 'none' } })
    await ask(log, '/persons/1', { more: { kind: 'refusal', outcome: 'access_denied' } })
    await ask(log, '/persons/4', { daysAgo: 200 })
    await log.subjects.index(rooms)
    t.same(await reasons(), {
      indexed: 5,
      undeclared: 4,
      not_personal: 1,
      absent: 1,
      unreadable: 1,
      too_large: 1,
      too_many: 1,
      not_kept: 3,
      key_destroyed: 1,
    })
    t.equal((await find('1063')).length, 1, 'up to the bound')
    t.same(await find('1064'), [])
    const { gaps, more, backlog } = await log.subjects.coverage({})
    t.match(
      gaps.find(({ service, reason }) => reason === 'undeclared' && service.endsWith('/unknown')),
      { day: today, records: 2, firstIndex: first, lastIndex: first + 1 },
    )
    t.match(
      gaps.find(({ service, reason }) => reason === 'undeclared' && service === ''),
      { records: 1, firstIndex: secret },
      'of a secret contract no service is named',
    )
    t.notMatch(JSON.stringify(gaps), /hushed/)
    t.match({ more, backlog }, { more: false, backlog: { records: 0, since: null } })
    t.notOk(gaps.some(({ reason }) => reason === 'indexed' || reason === 'not_personal'))
    const ofToday = await log.subjects.coverage({ from: today, to: today })
    t.notOk(ofToday.gaps.some(({ reason }) => reason === 'key_destroyed'))
  })

  await t.test('a place in replies counts for replies to its calls alone', async (t) => {
    const answer = async (answers: number, code: string): Promise<number> => {
      const body = await spoolBody(log, Buffer.from(JSON.stringify({ relatives: [{ code }] })))
      return (await log.append(await signed({ ...REPLY, answers, body }))).index
    }
    const before = await reasons()
    // An order number at the place where the replies of another call have a code.
    await answer(await ask(log, '/elsewhere'), '400400')
    const counted = await answer(await ask(log, '/persons/2'), '500500')
    await answer(await ask(log, '/persons/2', { more: { logLevel: 'digest' } }), '600600')
    await log.subjects.index(rooms)
    t.same(await find('400400'), [])
    t.same(await find('500500'), [counted])
    t.same(await find('600600'), [], 'what was called is not kept')
    t.same([before['reply_not_kept'], (await reasons())['reply_not_kept']], [undefined, 1])
  })

  await t.test('records wait while the key holder is away, and are indexed after a restart', async (t) => {
    isAway = true
    const waiting = await ask(log, '/persons/131052-308T')
    await t.rejects(log.subjects.index(rooms), { code: 'subject_keys_unavailable' })
    t.match((await log.subjects.coverage({})).backlog, { records: 1, since: /^20/ })
    isAway = false
    // The server is killed after the key holder answered and before it commits.
    await holder.evaluateRecords(asked.at(-1)!)
    await log.close()
    log = await openTestLog(whole, options)
    t.ok((await log.subjects.index(rooms)) > 0)
    t.ok((await find(PLANTED)).includes(waiting))
    // An answer was lost, and meanwhile a declaration was changed.
    const redeclared = await ask(log, '/persons/050505-5555')
    isAway = true
    await t.rejects(log.subjects.index(rooms))
    isAway = false
    await holder.evaluateRecords(asked.at(-1)!)
    const places = DECLARED['persons']!.own
    DECLARED['persons']!.own = [{ ...places[0]!, type: 'other' }]
    await log.subjects.index(rooms)
    DECLARED['persons']!.own = places
    t.equal((await reasons())['refused'], undefined)
    t.same(await find('050505-5555'), [], 'as it is declared now')
    t.same(await find('050505-5555', {}, 'other'), [redeclared])
    const changed = await ask(log, '/persons/131052-308T')
    const month = new Date(clock()).toISOString().slice(0, 7)
    const strange = Array.from({ length: 64 }, (_, i) => ({ type: 'x', identifier: `${i}` }))
    await holder.evaluateRecords([{ index: changed, month, subjects: strange }])
    await log.subjects.index(rooms)
    t.equal((await reasons())['refused'], 1, 'somebody has used its index up: it shows')
  })

  await t.test('a body that is overwritten or damaged holds up nothing', async (t) => {
    const before = await reasons()
    const sizes = (): Map<string, number> =>
      new Map(globSync(path.join(options.bodyFolder, 'segments/*/*')).map((one) => [one, statSync(one).size]))
    /** What `write` resolves with, and where the body that it writes stands in a shared file. */
    const placed = async <T>(write: () => Promise<T>) => {
      const before = sizes()
      const made = await write()
      const [file, end] = [...sizes()].find(([one, size]) => size !== before.get(one))!
      const from = before.get(file) ?? 0
      return { made, file, from, bytes: end - from }
    }
    const spoil = (file: string, at: number, bytes: number): void => {
      const handle = openSync(file, 'r+')
      writeSync(handle, Buffer.alloc(bytes), 0, bytes, at)
      closeSync(handle)
    }
    const body = { filler: 'x'.repeat(100_000), persons: { code: '070707-7777' } }
    const withBody = () => placed(() => ask(log, '/search', { body }))
    const gone = await withBody()
    spoil(gone.file, gone.from, gone.bytes)
    const damaged = await withBody()
    spoil(damaged.file, damaged.from + 50_000, 10)
    const request = await ask(log, '/persons/7')
    const noise = await spoolBody(log, randomBytes(100_000))
    const reply = await signed({ ...REPLY, answers: request, body: noise })
    const answered = await placed(() => log.append(reply))
    const row = await ask(log, '/persons/7')
    const unopened = await ask(log, '/anything', { service: UNKNOWN })
    await log.maintain()
    spoil(answered.file, answered.from, 100)
    const stored = await openDatabase(options.databaseUrl)
    const records = stored.kysely.withTables<SubjectTables>()
    await records
      .updateTable('record')
      .set({ content: randomBytes(100) })
      .where('idx', 'in', [row, unopened])
      .execute()
    await stored.close()
    const behind = await ask(log, '/persons/080808-8888')
    await log.subjects.index(rooms)
    t.same(await find('080808-8888'), [behind])
    t.equal((await log.subjects.coverage({})).backlog.records, 0)
    const after = await reasons()
    t.equal(after['unreadable']! - before['unreadable']!, 3, 'two bodies and a row')
    t.equal(after['reply_unreadable'], 1)
    t.equal(after['undeclared']! - before['undeclared']!, 1, 'opened only where somebody may stand')
    t.ok(
      (await log.subjects.coverage({})).gaps.some(
        ({ reason, lastIndex }) => reason === 'unreadable' && lastIndex === damaged.made,
      ),
    )
    // Erased after its facts were read and before it is opened: the record is gone, not damaged.
    const { made: erased } = await withBody()
    const { declared: declaredBefore } = rooms
    rooms.declared = async (service) => {
      rooms.declared = declaredBefore
      await log.retention.erase({ case: '7', reason: 'a court says so', index: erased, mode: 'LEAF_ONLY' })
      return declaredBefore(service)
    }
    await log.subjects.index(rooms)
    t.same(await reasons(), { ...after, not_kept: after['not_kept']! + 1 })
  })

  await t.test(
    'an erasure ends what leads to a record; a month without a key can be forgotten',
    async (t) => {
      const order = { case: '7', reason: 'a court says so', index: many }
      await log.retention.erase({ ...order, mode: 'PROOF_KEPT' })
      t.ok((await find('010101-1111')).includes(many), 'its metadata stay, and who asked')
      t.equal((await reasons())['erased'], undefined)
      await log.retention.erase({ ...order, mode: 'LEAF_ONLY' })
      t.notOk((await find('010101-1111')).includes(many))
      // Nobody was found in its exchange, so nothing was lost.
      await log.retention.erase({ ...order, index: first, mode: 'LEAF_ONLY' })
      await log.retention.erase({ ...order, index: large, mode: 'LEAF_ONLY' })
      t.match(
        (await log.subjects.coverage({})).gaps.filter(({ reason }) => reason === 'erased'),
        [{ service: 'DEV/GOV/1234/population/persons', records: 2, firstIndex: many, lastIndex: large }],
        'what was to be found and is no more is counted',
      )
      const read = await ask(log, '/persons/060606-6666')
      const until = rooms.evaluate
      rooms.evaluate = async (records) => {
        await log.retention.erase({ ...order, index: read, mode: 'LEAF_ONLY' })
        return until(records)
      }
      await log.subjects.index(rooms)
      rooms.evaluate = until
      t.equal((await reasons())['erased'], 3, 'erased while it was indexed')
      t.same(await find('060606-6666'), [])
      const month = new Date(clock() - LAST_MONTH * DAY).toISOString().slice(0, 7)
      const ofMonth = async () =>
        (await log.subjects.coverage({ from: `${month}-01`, to: `${month}-31` })).months
      t.match(await ofMonth(), [{ month, keyId: /^[0-9a-f]{16}$/, records: 1, isForgotten: false }])
      t.equal(await log.subjects.forget([month]), 2)
      t.match(await ofMonth(), [{ month, records: 1, isForgotten: true }])
      t.notOk((await find(PLANTED)).includes(query))
      const stored = await openDatabase(options.databaseUrl)
      const left = stored.kysely
        .withTables<SubjectTables>()
        .selectFrom('subject')
        .selectAll()
        .where('idx', '=', many)
      t.same(await left.execute(), [], 'no hash of an erased record is left')
      await stored.close()
    },
  )

  await t.test('no identifier lies in a database or file', async (t) => {
    await log.close()
    log = await openTestLog(whole, options)
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) =>
      file.isFile(),
    )
    const texts = [PLANTED, '131052-308T', '010101-1111', '0101011111']
    for (const file of files) {
      const content = readFileSync(path.join(file.parentPath, file.name), 'latin1')
      for (const text of texts) t.notOk(content.includes(text), `${file.name}: ${text}`)
    }
  })
})
