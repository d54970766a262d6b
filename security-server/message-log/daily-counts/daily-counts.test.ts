/**
 * Daily counts: what the log commits to when a day is over, on both stores, also with an older or a second
 * node.
 */
import { hash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type CountRow, readCountRow, readCountsDocument } from '#core/log-export/daily-counts.ts'
import { openCommitment } from '#core/merkle/leaf-form.ts'
import { type Database, inTransaction, tablesOf } from '#platform/database/open-database.ts'
import { eachDatabase } from '#test/databases.ts'
import { databaseSource } from '../../features/verification/checks/database-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import {
  CLIENT,
  logFolder,
  logOptions,
  openFullLog,
  openTestDatabase,
  openTestLog,
  SERVICE,
  signedRecord,
  type TestLog,
} from '../fixture.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import type { Clearance, RecordInput } from '../record-input.ts'
import type { Tables } from '../tables.ts'
import { type CountedRecord, countSince } from './count-since.ts'
import type { StoredCounts } from './store.ts'

const DAY_MS = 86_400_000
const FIRST_DAY = Date.parse('2027-03-01T10:00:00Z')
const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 100 }
const readRows = async (database: Database): Promise<{ rows: Tables['count_since'][] }> => {
  const rows = await tablesOf<Tables>(database).selectFrom('count_since').selectAll().execute()
  return { rows: rows.map((row) => ({ ...row, records: Number(row.records) })) }
}
const OTHER = { ...CLIENT, subsystemCode: 'other' }

const shown = ({ rows }: StoredCounts): CountRow[] =>
  rows.filter((row) => row.startsWith('{')).map(readCountRow)
const of = (counts: StoredCounts, wanted: Partial<CountRow>): number =>
  shown(counts)
    .filter((row) => Object.entries(wanted).every(([name, value]) => row[name as keyof CountRow] === value))
    .reduce((sum, { records }) => sum + records, 0)

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  let now = FIRST_DAY
  const options = { ...logOptions(folder, url), clock: () => now }
  let log = await openFullLog(options)
  t.teardown(() => log.close())
  const add = async (some: TestLog, changes: Partial<RecordInput> = {}): Promise<number> => {
    const { index } = await some.append(await signedRecord({ time: new Date(now), ...changes }))
    const reply = { kind: 'reply' as const, outcome: 'ok', answers: index, direction: 'out' as const }
    await some.append(await signedRecord({ time: new Date(now), ...changes, ...reply }))
    return index
  }
  const day = async (): Promise<void> => {
    now += DAY_MS
    await log.maintain()
  }
  const client = 'DEV/GOV/5678/tax'
  /** The counted days, oldest first. */
  const counted = async (clearance: Clearance = 2): Promise<StoredCounts[]> => {
    const days = (await log.countedDays(ALL)).reverse()
    return await Promise.all(days.map(async ({ index }) => (await log.countsOf({ index, clearance }))!))
  }

  await t.test('a day that is over is counted, by parties', async (t) => {
    await log.maintain()
    for (let n = 0; n < 3; n++) await add(log)
    await add(log, { client: OTHER })
    await log.maintain()
    t.same(await counted(), [], 'the day goes on')
    await day()
    const [counts, ...more] = await counted()
    t.same(more, [])
    const { first, last, from, to, rows } = readCountsDocument(counts!.document)
    t.same({ first, last, from }, { first: 0, last: 8, from: '2027-03-01T00:00:00.000Z' })
    t.equal(Date.parse(to) % DAY_MS, 0, 'days, not times')
    t.match(await log.countedDays(ALL), [
      { first, last, from, to, figures: { aboutLog: 1, messages: [8, 0, 0] } },
    ])
    t.same([counts!.index, rows.length], [9, counts!.rows.length])
    t.equal(of(counts!, { client, kind: 'request', direction: 'in' }), 3)
    t.equal(
      of(counts!, { client, kind: 'reply', outcome: 'ok', service: 'DEV/GOV/1234/population/persons' }),
      3,
    )
    t.equal(of(counts!, { client: 'DEV/GOV/5678/other' }), 2)
    t.equal(of(counts!, { direction: '', kind: 'key-rotation' }), 1)
    t.equal(of(counts!, {}), 9, 'every record of the stretch')
    t.equal(new Set(shown(counts!).map(({ salt }) => salt)).size, counts!.rows.length, 'each row has a salt')
    await log.checkpointNow()
    const { form, openings } = await log.proof(counts!.index)
    const { message, kind } = JSON.parse(form) as { message: string; kind: string }
    t.equal(kind, 'daily-counts')
    t.equal(openCommitment(openings.message!.key, openings.message!.digest).toString('base64'), message)
    t.ok(
      openings.message!.digest.equals(hash('sha512', counts!.document, 'buffer')),
      'the leaf commits to it',
    )
  })

  await t.test('the next begins where it ends; a day without messages adds nothing', async (t) => {
    await day()
    await day()
    t.equal((await counted()).length, 1)
    await add(log, { secrecy: 1 })
    await add(log)
    await day()
    await day()
    const [, counts, ...more] = await counted()
    t.same(more, [])
    t.match(readCountsDocument(counts!.document), { first: 9, last: 13 })
    t.equal(of(counts!, { kind: 'daily-counts' }), 1, 'counts are counted')
    const [, ordinary] = await counted(0)
    t.equal(ordinary!.rows.length, counts!.rows.length)
    t.same(
      [of(counts!, { secrecy: 1 }), of(ordinary!, { secrecy: 1 })],
      [2, 0],
      'secret ones are digests to others',
    )
    t.same([of(counts!, { client }), of(ordinary!, { client })], [4, 2])
  })

  await t.test('what was erased before it was counted is told by no party', async (t) => {
    const index = await add(log)
    await add(log)
    const database = await openTestDatabase(url)
    t.teardown(() => database.close())
    await log.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'order' })
    // The state of a node that has not seen these records and must index them.
    await log.close()
    await sql`update mark set value = ${sql.lit(index)} where name = 'search'`.execute(
      database.database.kysely,
    )
    await sql`delete from search where idx >= ${sql.lit(index)}`.execute(database.database.kysely)
    await sql`delete from count_since`.execute(database.database.kysely)
    await sql`update mark set value = ${sql.lit(index)} where name = 'counts-first'`.execute(
      database.database.kysely,
    )
    log = await openFullLog(options)
    await day()
    const counts = (await counted()).at(-1)!
    t.equal(of(counts, { client: '?', kind: 'request' }), 1)
    t.equal(of(counts, { client, kind: 'request' }), 1)
  })

  await t.test('where an older version has indexed without counting, counting begins anew', async (t) => {
    const database = await openTestDatabase(url)
    t.teardown(() => database.close())
    await add(log)
    await log.maintain()
    await sql`delete from count_since where kind = 'reply'`.execute(database.database.kysely)
    const before = (await counted()).length
    await day()
    t.equal((await counted()).length, before, 'no counts that do not add up')
    const index = await add(log)
    await day()
    const counts = (await counted()).at(-1)!
    t.match(readCountsDocument(counts.document), { first: index })
  })

  await t.test('others make no more rows than there is room for, and none that is long', async (t) => {
    const { database, close } = await openTestDatabase(url)
    t.teardown(close)
    const names = (await counted()).length
    const record = (service: string, outcome = 'x') => ({
      ...{ kind: 'refusal', direction: 'in', client: 'a/b', peer: 'c/d', secrecy: 0 },
      ...{ time: new Date(now).toISOString(), service, outcome },
    })
    const put = (records: CountedRecord[], most: number): Promise<void> =>
      inTransaction(tablesOf<Tables>(database), (transaction) => countSince(transaction, records, most))
    const all = Array.from({ length: 30 }, (_, at) => record(`s${at}`, `o${at}`))
    await put(all, 10)
    await put([...all, record('s0', 'ok'), record('é'.repeat(2000))], 10)
    const { rows } = await log.maintain().then(() => readRows(database))
    const refusals = rows.filter(({ kind }) => kind === 'refusal')
    t.ok(refusals.length <= 10 + 2, `${refusals.length} rows`)
    t.equal(
      refusals.reduce((sum, one) => sum + one.records, 0),
      62,
    )
    t.match(
      rows.find(({ client, outcome }) => client === '?' && outcome === '?'),
      { service: '?', peer: '?' },
    )
    await tablesOf<Tables>(database).deleteFrom('count_since').where('kind', '=', 'refusal').execute()
    t.equal((await counted()).length, names)
  })

  await t.test('the log verifies, and not when the counts are changed', async (t) => {
    const database = await openTestDatabase(url)
    t.teardown(() => database.close())
    const keys = readLogKeys(options.keyFolder)
    const verified = async (): Promise<unknown> => {
      const source = await databaseSource(database, (id) => keys.byId.get(id), options.bodyFolder)
      const { ok, problems } = await verifyLog(source)
      return ok ? 'ok' : problems
    }
    t.equal(await verified(), 'ok')
    const [counts] = await counted()
    const { kysely } = database.database
    const put = async (document: string, rows: string[]): Promise<void> => {
      const changed = { document, rows: JSON.stringify(rows) }
      await (kysely as never as typeof kysely)
        .updateTable('daily_count' as never)
        .set(changed as never)
        .where('idx' as never, '=', counts!.index as never)
        .execute()
    }
    const changes: [string, string, string[]][] = [
      [
        'another number',
        counts!.document,
        counts!.rows.map((row) => row.replace('"records":3', '"records":2')),
      ],
      ['a row less', counts!.document, counts!.rows.slice(1)],
      ['another stretch', counts!.document.replace('"last":8', '"last":7'), counts!.rows],
    ]
    for (const [what, document, rows] of changes) {
      await put(document, rows)
      t.match(await verified(), [{ index: counts!.index, what: /daily counts/ }], what)
    }
    await sql`delete from daily_count where idx = ${sql.lit(counts!.index)}`.execute(kysely)
    t.match(await verified(), [{ index: counts!.index, what: /missing/ }])
  })

  if (url.startsWith('postgres')) {
    await t.test('two nodes: one of them counts the day, however often', async (t) => {
      const there = await openTestLog(t, { ...options, node: `node-${randomUUID().slice(0, 8)}` })
      for (let round = 0; round < 8; round++) {
        const before = (await counted()).length
        await Promise.all([add(log), add(there), add(there, { service: { ...SERVICE, serviceCode: 'x' } })])
        now += DAY_MS
        await Promise.all([log.maintain(), there.maintain()])
        await log.maintain()
        const after = await counted()
        t.equal(after.length, before + 1)
        const [earlier, later] = after.slice(-2).map(({ document }) => readCountsDocument(document))
        t.equal(later!.first, earlier!.last + 1)
        const sum = shown(after.at(-1)!).reduce((all, { records }) => all + records, 0)
        t.equal(sum, later!.last - later!.first + 1)
      }
    })
  }
})

t.test('a log that counts exchanges as others’ does not verify, and it says which', async (t) => {
  let now = FIRST_DAY
  const options = { ...logOptions(logFolder(t)), clock: () => now }
  const log = await openTestLog(t, options)
  const add = async (changes: Partial<RecordInput> = {}): Promise<number> =>
    (await log.append(await signedRecord({ time: new Date(now), ...changes }))).index
  await log.maintain()
  const database = await openTestDatabase(options.databaseUrl)
  t.teardown(() => database.close())
  const keys = readLogKeys(options.keyFolder)
  const problems = async (withKeys = true): Promise<unknown[]> => {
    const findKey = (id: string) => (withKeys ? keys.byId.get(id) : undefined)
    return (await verifyLog(await databaseSource(database, findKey, options.bodyFolder))).problems
  }
  const close = async (change: Record<string, string> = {}): Promise<number> => {
    await log.maintain()
    if (Object.keys(change).length > 0)
      await tablesOf<Tables>(database.database)
        .updateTable('count_since')
        .set(change)
        .where('client', '=', 'DEV/GOV/5678/tax')
        .execute()
    now += DAY_MS
    await log.maintain()
    return (await log.countedDays(ALL))[0]!.index
  }
  await add()
  const gone = await add()
  await log.retention.erase({ index: gone, mode: 'PROOF_KEPT', case: '1', reason: 'r' })
  const leaf = await add({ client: OTHER })
  await close()
  await log.retention.erase({ index: leaf, mode: 'LEAF_ONLY', case: '1', reason: 'r' })
  t.same(await problems(), [], 'erased before and after they were counted')

  await add({ client: OTHER })
  const wrong = await add()
  const index = await close({ client: 'DEV/GOV/5678/else' })
  t.match(await problems(), [{ index, what: new RegExp(`leave out record ${wrong} `) }])
  t.same(await problems(false), [], 'without the log key nobody can read whose they are')
  await add()
  const other = await close({ outcome: 'access_denied' })
  t.match(await problems(false), [{ index: other, what: /leave out record/ }], 'but what a leaf says')
})
