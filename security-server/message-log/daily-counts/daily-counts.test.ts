/** Daily counts: what the log commits to when a day is over, on both stores, and what an older or a second node makes of it. */
import { hash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import t from 'tap'
import { type CountRow, readCountRow, readCountsDocument } from '#core/log-export/daily-counts.ts'
import { openCommitment } from '#core/merkle/leaf-form.ts'
import { eachDatabase } from '#test/databases.ts'
import { CLIENT, logFolder, logOptions, openTestLog, SERVICE, signedRecord } from '../fixture.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { openLogDatabase } from '../log-database.ts'
import { type MessageLog, openMessageLog } from '../message-log.ts'
import type { RecordInput } from '../record-input.ts'
import { databaseSource } from '../verify/database-source.ts'
import { verifyLog } from '../verify/verify-log.ts'
import type { StoredCounts } from './store.ts'

const DAY_MS = 86_400_000
const FIRST_DAY = Date.parse('2027-03-01T10:00:00Z')
const ALL = { after: -1, size: Number.MAX_SAFE_INTEGER, limit: 10, clearance: 2 } as const
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
  let log = await openMessageLog(options)
  t.teardown(() => log.close())
  const add = async (some: MessageLog, changes: Partial<RecordInput> = {}): Promise<number> => {
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

  await t.test('a day that is over is counted, by parties', async (t) => {
    await log.maintain()
    for (let n = 0; n < 3; n++) await add(log)
    await add(log, { client: OTHER })
    await log.maintain()
    t.same(await log.dailyCounts(ALL), [], 'the day goes on')
    await day()
    const [counts, ...more] = await log.dailyCounts(ALL)
    t.same(more, [])
    const { first, last, from, to, rows } = readCountsDocument(counts!.document)
    t.match({ first, last, from }, { first: 0, last: 8, from: new Date(FIRST_DAY).toISOString() })
    t.ok(from <= to)
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
    t.equal((await log.dailyCounts(ALL)).length, 1)
    await add(log, { secrecy: 1 })
    await add(log)
    await day()
    await day()
    const [, counts, ...more] = await log.dailyCounts(ALL)
    t.same(more, [])
    t.match(readCountsDocument(counts!.document), { first: 9, last: 13 })
    t.equal(of(counts!, { kind: 'daily-counts' }), 1, 'counts are counted')
    const [, ordinary] = await log.dailyCounts({ ...ALL, clearance: 0 })
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
    const database = await openLogDatabase(url)
    t.teardown(() => database.close())
    await log.retention.erase({ index, mode: 'LEAF_ONLY', case: '1', reason: 'order' })
    // As a node finds it that has not seen these records and has to index them.
    await log.close()
    await sql`update mark set value = ${sql.lit(index)} where name = 'search'`.execute(
      database.database.kysely,
    )
    await sql`delete from search where idx >= ${sql.lit(index)}`.execute(database.database.kysely)
    await sql`delete from count_since`.execute(database.database.kysely)
    await sql`update mark set value = ${sql.lit(index)} where name = 'counts-first'`.execute(
      database.database.kysely,
    )
    log = await openMessageLog(options)
    await day()
    const counts = (await log.dailyCounts(ALL)).at(-1)!
    t.equal(of(counts, { client: '?', kind: 'request' }), 1)
    t.equal(of(counts, { client, kind: 'request' }), 1)
  })

  await t.test('where an older version has indexed without counting, counting begins anew', async (t) => {
    const database = await openLogDatabase(url)
    t.teardown(() => database.close())
    await add(log)
    await log.maintain()
    await sql`delete from count_since where kind = 'reply'`.execute(database.database.kysely)
    const before = (await log.dailyCounts(ALL)).length
    await day()
    t.equal((await log.dailyCounts(ALL)).length, before, 'no counts that do not add up')
    const index = await add(log)
    await day()
    const counts = (await log.dailyCounts(ALL)).at(-1)!
    t.match(readCountsDocument(counts.document), { first: index })
  })

  await t.test('the log verifies, and not when the counts are changed', async (t) => {
    const database = await openLogDatabase(url)
    t.teardown(() => database.close())
    const keys = readLogKeys(options.keyFolder)
    const verified = async (): Promise<unknown> => {
      const source = await databaseSource(database, (id) => keys.byId.get(id), options.bodyFolder)
      const { ok, problems } = await verifyLog(source)
      return ok ? 'ok' : problems
    }
    t.equal(await verified(), 'ok')
    const [counts] = await log.dailyCounts(ALL)
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
    await t.test('two nodes: one of them counts the day', async (t) => {
      const there = await openTestLog(t, { ...options, node: `node-${randomUUID().slice(0, 8)}` })
      const before = (await log.dailyCounts(ALL)).length
      await Promise.all([add(log), add(there), add(there, { service: { ...SERVICE, serviceCode: 'x' } })])
      now += DAY_MS
      await Promise.all([log.maintain(), there.maintain()].map((one) => one.catch(() => undefined)))
      await log.maintain()
      const after = await log.dailyCounts(ALL)
      t.equal(after.length, before + 1)
      const { first, last } = readCountsDocument(after.at(-1)!.document)
      t.equal(
        shown(after.at(-1)!).reduce((sum, { records }) => sum + records, 0),
        last - first + 1,
      )
    })
  }
})
