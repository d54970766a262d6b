/**
 * The holder of subject keys on both stores: what it evaluates, refuses, counts, records, keeps and destroys.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { monthsAfter } from '#core/subject/months.ts'
import { migrate } from '#platform/database/migrate.ts'
import { type Database, openDatabase } from '#platform/database/open-database.ts'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { readOperations } from '#platform/http-service/openapi-operations.ts'
import { createLog } from '#platform/logging/create-log.ts'
import type { SubjectSearch } from '#schemas/subject-keys.ts'
import { eachDatabase } from '#test/databases.ts'
import { createSubjectKeysClient } from '../features/person-search/client.ts'
import { createHolder } from './holder.ts'
import { holderRoutes, subjectKeysApi } from './routes.ts'
import { holderMigrations } from './store.ts'

const CODE = '131052-308T'
const PLANTED = '131052308T'
const TYPE = 'personal-code'
const CREDENTIALS = { index: randomBytes(24).toString('hex'), search: randomBytes(24).toString('hex') }
const limits = {
  perPersonDay: 3,
  perCaseDay: 4,
  perDay: 5,
  identifiersPerDay: 500,
  indexesPerDay: 500,
  lookUpsPerClientDay: 2,
  lookUpsPerDay: 3,
}

const question = (index: number, identifiers: string[], month = '2026-11') => ({
  index,
  month,
  subjects: identifiers.map((identifier) => ({ type: TYPE, identifier })),
})
const search = (changes: Partial<SubjectSearch> = {}): SubjectSearch => ({
  type: TYPE,
  identifier: CODE,
  case: '2026-17',
  reason: 'complaint',
  person: { id: 'p1', name: 'Anna' },
  ...changes,
})

async function holderOf(t: Test, database: Database, directory: string, now: () => number) {
  const holder = await createHolder({ database, directory, clock: now, keepMonths: 2, limits })
  const app = createHttpService({ name: 'subject-keys', log: createLog({ name: 'test', level: 'silent' }) })
  await holderRoutes(app, { holder, credentials: CREDENTIALS })
  t.teardown(() => app.close())
  const ask = async (
    method: 'GET' | 'POST',
    url: string,
    credential: string,
    body?: object,
    more: Record<string, string> = {},
  ) => {
    const reply = await app.inject({
      method,
      url: `/v1${url}`,
      headers: { authorization: `Bearer ${credential}`, ...more },
      ...(body !== undefined && { payload: body }),
    })
    return { status: reply.statusCode, text: reply.body }
  }
  return { app, holder, ask }
}

/** All files of the folder as Latin-1 text. */
function folderText(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(path.join(entry.parentPath, entry.name)).toString('latin1'))
    .join('\n')
}

await eachDatabase(t, async (database, t, url) => {
  await migrate(database, holderMigrations)
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-holder-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let now = Date.parse('2026-11-20T10:00:00Z')
  const { holder, ask } = await holderOf(t, database, folder, () => now)
  holder.heard(now)

  await t.test('hashes are told apart by month and type, and are those of a search', async (t) => {
    const [first, second] = await holder.evaluateRecords([
      question(3, [CODE, '010101-1234']),
      { ...question(5, [PLANTED], '2026-10') },
    ])
    t.match(first, { index: 3, hashes: [/^[0-9a-f]{32}$/, /^[0-9a-f]{32}$/] })
    const found = await holder.evaluateSearch(search({ identifier: ' 131052\u2013308t ' }))
    t.same(
      found.months,
      [
        {
          month: '2026-10',
          ...(second && 'hashes' in second && { hash: second.hashes[0], keyId: second.keyId }),
        },
        {
          month: '2026-11',
          ...(first && 'hashes' in first && { hash: first.hashes[0], keyId: first.keyId }),
        },
      ],
      'however it is written',
    )
    t.not(found.months[0]?.hash, found.months[1]?.hash)
    t.not(found.months[0]?.keyId, found.months[1]?.keyId)
    t.same(
      { oldestKept: found.oldestKept, destroyed: found.destroyed },
      { oldestKept: '2026-09', destroyed: [] },
    )
    const other = await holder.evaluateSearch(search({ type: 'passport', from: '2026-11' }))
    t.equal(other.months.length, 1)
    t.not(other.months[0]?.hash, found.months[1]?.hash, 'another type, another hash')
  })

  await t.test('of each record index so many identifiers as a message has, asked however', async (t) => {
    const again = await holder.evaluateRecords([question(3, [CODE, '010101-1234']), question(4, [CODE])])
    t.match(again, [
      { index: 3, hashes: [/./, /./] },
      { index: 4, hashes: [/./] },
    ])
    // The declared identifiers may have changed since the answer was lost.
    t.match(await holder.evaluateRecords([question(3, ['020202-1111'])]), [{ index: 3, hashes: [/./] }])
    const codes = (count: number) => Array.from({ length: count }, (_, i) => `${1000 + i}`)
    t.same(await holder.evaluateRecords([question(3, codes(62))]), [{ index: 3, without: 'refused' }])
    t.match(await holder.evaluateRecords([question(3, codes(61))]), [{ index: 3, hashes: [/./] }])
    t.same(await holder.evaluateRecords([question(3, ['7'])]), [{ index: 3, without: 'refused' }], 'the 65th')
    t.match(await holder.evaluateRecords([question(3, [CODE, '1-000'])]), [{ index: 3, hashes: [/./, /./] }])
    t.equal((await holder.state()).mark, 6)
    await t.rejects(holder.evaluateRecords([question(9, [CODE]), question(9, [CODE])]), {
      code: 'invalid_input',
    })
    t.same(await holder.evaluateRecords([question(9, [CODE], '2027-01')]), [{ index: 9, without: 'refused' }])
    t.same(await holder.evaluateRecords([question(9, [CODE], '2026-08')]), [
      { index: 9, without: 'destroyed' },
    ])
  })

  await t.test('searches are bounded by person, case and day, and recorded without the code', async (t) => {
    await holder.evaluateSearch(search({ case: '2026-18' }))
    const usedUp = { code: 'subject_searches_used_up' }
    await t.rejects(holder.evaluateSearch(search({ case: '2026-19' })), usedUp, 'of a person')
    const other = { person: { id: 'p2', name: 'Berta' } }
    await holder.evaluateSearch(search(other))
    await holder.evaluateSearch(search(other))
    await t.rejects(holder.evaluateSearch(search(other)), usedUp, 'of a case')
    await t.rejects(
      holder.evaluateSearch(search({ case: '2026-20', person: { id: 'p3', name: 'C' } })),
      usedUp,
      'of a day',
    )
    const entries = await holder.audit.list({ limit: 100 })
    t.same(entries.map(({ operation }) => operation).sort(), [
      ...Array.from({ length: 5 }, () => 'evaluateSearch'),
      'refuseRecords',
      ...Array.from({ length: 3 }, () => 'refuseSearch'),
    ])
    t.match(entries.at(-1), {
      caller: { id: 'p1', name: 'Anna' },
      target: 'case 2026-17',
      data: { reason: 'complaint', type: TYPE, month: '2026-11', hash: /^[0-9a-f]{32}$/ },
    })
    // Digits of a hash may be any.
    t.notMatch(JSON.stringify(entries).replaceAll(/[0-9a-f]{32,}/g, ''), /131052/)
    t.same(await holder.audit.verify(), { records: 9 })
    now += 86_400_000
    await t.resolves(holder.evaluateSearch(search()), 'another day')
  })

  await t.test('two credentials, each with its role; nobody else; input is checked', async (t) => {
    const body = { records: [question(20, [CODE])] }
    const operations = readOperations(await subjectKeysApi())
    for (const { method, url, roles } of operations) {
      for (const [role, credential] of [
        ['INDEXER', CREDENTIALS.index],
        ['SEARCHER', CREDENTIALS.search],
        ['', 'x'.repeat(48)],
      ] as const) {
        const { status } = await ask(
          method as 'GET',
          url.slice(3),
          credential,
          method === 'POST' ? {} : undefined,
        )
        const wanted = role === '' ? [401] : roles.includes(role) ? [200, 400] : [403]
        t.ok(wanted.includes(status), `${url} by ${role}: ${status}`)
      }
    }
    t.equal((await ask('POST', '/record-evaluations', CREDENTIALS.index, body)).status, 200)
    for (const bad of [
      { records: [{ ...question(21, [CODE]), month: '2026-13' }] },
      { records: [question(21, [])] },
      {
        records: [
          question(
            21,
            Array.from({ length: 65 }, (_, i) => `${i}`),
          ),
        ],
      },
      { records: [question(21, [`${CODE}${'1'.repeat(600)}`])] },
      { records: [question(-1, [CODE])] },
      { records: Array.from({ length: 201 }, (_, i) => question(i, [CODE])) },
    ]) {
      const { status, text } = await ask('POST', '/record-evaluations', CREDENTIALS.index, bad)
      t.equal(status, 400, text)
      t.notMatch(text, /131052/)
    }
    const { case: _case, ...without } = search()
    t.equal((await ask('POST', '/search-evaluations', CREDENTIALS.search, without)).status, 400)
    const same = { index: CREDENTIALS.index, search: CREDENTIALS.index }
    const app = createHttpService({ name: 'x', log: createLog({ name: 'test', level: 'silent' }) })
    await t.rejects(holderRoutes(app, { holder, credentials: same }), { code: 'invalid_configuration' })
    await t.rejects(holderRoutes(app, { holder, credentials: { index: 'a', search: 'b' } }), {
      code: 'invalid_configuration',
    })
  })

  await t.test('a server tells the signed time with its requests', async (t) => {
    const clockOfIt = now
    const other = mkdtempSync(path.join(tmpdir(), 'concordat-holder-'))
    const empty = await openDatabase('sqlite::memory:')
    t.teardown(async () => {
      await empty.close()
      rmSync(other, { recursive: true, force: true })
    })
    await migrate(empty, holderMigrations)
    let later = 0
    const its = await holderOf(t, empty, other, () => clockOfIt + later)
    await its.holder.evaluateRecords([question(1, [CODE])])
    later = 200 * 86_400_000
    for (const signed of ['', 'x', '-1', '1e99', `${clockOfIt + later}0000`])
      await its.ask('GET', '/state', CREDENTIALS.index, undefined, { 'signed-time': signed })
    await its.ask('GET', '/state', 'x'.repeat(48), undefined, { 'signed-time': `${clockOfIt + later}` })
    t.same(
      [await its.holder.destroyDue(), its.holder.waiting()],
      [[], ['2026-11']],
      'no time, or nobody that is known',
    )
    const socket = path.join(other, 'socket')
    await its.app.listen({ path: socket })
    const signedTime = () => clockOfIt + later
    const server = createSubjectKeysClient({ at: { socket }, credentials: CREDENTIALS, signedTime })
    t.teardown(() => server.close())
    await server.state()
    t.same([await its.holder.destroyDue(), its.holder.waiting()], [['2026-11'], []])
  })

  await t.test('keys end with their time, for good; a restart knows', async (t) => {
    const files = (): string[] => readdirSync(folder)
    const [before] = files()
    now = Date.parse('2027-01-01T10:00:00Z')
    t.same(
      (await holder.evaluateSearch(search())).months.map(({ month }) => month),
      ['2026-11'],
      'over is over, before a job has destroyed anything',
    )
    holder.heard(now)
    t.same(await holder.destroyDue(), ['2026-10'])
    t.same(await holder.destroyDue(), [])
    t.equal(files().length, 1)
    t.not(files()[0], before, 'what a backup has cannot be opened')
    const again = await createHolder({ database, directory: folder, clock: () => now, keepMonths: 2, limits })
    const found = await again.evaluateSearch(search({ case: 'b' }))
    t.same([found.months.map(({ month }) => month), found.destroyed], [['2026-11'], ['2026-10']])
    t.same(await again.evaluateRecords([question(30, [CODE], '2026-10')]), [
      { index: 30, without: 'destroyed' },
    ])
    const longer = await createHolder({
      database,
      directory: folder,
      clock: () => now,
      keepMonths: 9,
      limits,
    })
    t.same(await longer.evaluateRecords([question(31, [CODE], '2026-10')]), [
      { index: 31, without: 'destroyed' },
    ])
    t.match(
      (await again.audit.list({ limit: 9 })).map(({ operation }) => operation),
      ['evaluateRecords', 'evaluateSearch', 'destroyKeys'],
    )
    const empty = mkdtempSync(path.join(folder, 'empty-'))
    const elsewhere = createHolder({ database, directory: empty, clock: () => now, keepMonths: 2, limits })
    await t.rejects(elsewhere, { code: 'invalid_configuration', message: /wrapping-[0-9a-f]+\.key.*missing/ })
    // A crash before the keys were rewrapped leaves a wrapping key that wraps nothing.
    writeFileSync(path.join(folder, 'wrapping-0123456789abcdef.key'), randomBytes(32), { mode: 0o600 })
    await createHolder({ database, directory: folder, clock: () => now, keepMonths: 2, limits })
    t.equal(files().filter((name) => name.endsWith('.key')).length, 1)
  })

  await t.test('an empty database destroys no file; two holders have one key of a month', async (t) => {
    const keep = { directory: folder, clock: () => now, keepMonths: 2, limits }
    const files = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.key'))
    const [file] = files()
    const wrong = await openDatabase('sqlite::memory:')
    t.teardown(() => wrong.close())
    await migrate(wrong, holderMigrations)
    await (await createHolder({ ...keep, database: wrong })).destroyDue()
    t.same(files(), [file], 'nor is another made')
    const [one, two] = [await createHolder({ ...keep, database }), await createHolder({ ...keep, database })]
    now += 86_400_000
    const who = { id: 'p7', name: 'G' }
    t.match((await one.evaluateSearch(search({ case: 'c', person: who }))).months, [{ month: '2026-11' }])
    const [mine] = await one.evaluateRecords([question(40, [CODE], '2027-01')])
    const [other] = await two.evaluateRecords([question(41, [CODE], '2027-01')])
    t.match(mine, { hashes: [/./] })
    t.same({ ...other, index: 40 }, mine, 'the key that is stored')
  })

  await t.test('neither a wrong clock nor a wrong server ends a key', async (t) => {
    const right = now
    let ahead = 0
    let elapsed = 0
    const open = () =>
      createHolder({
        ...{ database, directory: folder, clock: () => right + elapsed + ahead, elapsed: () => elapsed },
        ...{ keepMonths: 2, limits },
      })
    let one = await open()
    const [fresh] = await one.evaluateRecords([question(50, [CODE], '2027-01')])
    const leap = 10 * 365 * 86_400_000
    ahead = leap
    t.same([await one.destroyDue(), one.waiting()], [[], ['2026-11', '2027-01']], 'by the clock alone')
    one.heard(right)
    one.heard(right - leap)
    t.same(await one.destroyDue(), [], 'a server says the right time, another an old one')
    t.match(
      await one.evaluateRecords([question(51, [CODE], '2027-01')]),
      [{ index: 51, hashes: [/./] }],
      'the index goes on',
    )
    ahead = 0
    one.heard(right + leap)
    ahead = leap
    t.same(await one.destroyDue(), [], 'what a server said beforehand proves no leap')
    one = await open()
    t.same(await one.destroyDue(), [], 'nor after a restart')
    ahead = 0
    t.same(
      await one.evaluateRecords([question(50, [CODE], '2027-01')]),
      [fresh],
      'all is there when the clock is right',
    )
    t.same(one.waiting(), [])
    elapsed = 45 * 86_400_000
    ahead = leap
    t.same([await one.destroyDue(), one.waiting()], [['2026-11'], ['2027-01']], 'nobody asked for weeks')
    elapsed = 0
    const kept = await open()
    t.same(kept.waiting(), ['2027-01'])
    elapsed = 60 * 86_400_000
    t.same(await kept.destroyDue(), ['2027-01'], 'a restart goes on from where it was')
  })

  await t.test('no identifier lies anywhere', async (t) => {
    if (url.startsWith('sqlite:')) t.notMatch(folderText(path.dirname(url.slice('sqlite:'.length))), PLANTED)
    t.notMatch(folderText(folder), PLANTED)
  })
})

t.test('months follow each other over years', (t) => {
  t.equal(monthsAfter('2026-11', 2), '2027-01')
  t.equal(monthsAfter('2026-01', -1), '2025-12')
  t.equal(monthsAfter('2026-12', -24), '2024-12')
  t.end()
})
