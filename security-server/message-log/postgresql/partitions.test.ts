/**
 * Partitions of the log on PostgreSQL. The tables of an older version become the first partition; records
 * find their partition whether it was made ahead or not, whichever node makes it; queries read only the
 * partitions that they need.
 */
import path from 'node:path'
import { CompiledQuery, type KyselyPlugin } from 'kysely'
import pg from 'pg'
import t, { type Test } from 'tap'
import { verifyInclusion } from '#core/merkle/proofs.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { BATCH, CLIENT, createParties, logExchanges } from '#scripts/bench/log/exchanges.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { until } from '#test/until.ts'
import { createReconciliationStore } from '../../features/reconciliation/log/store.ts'
import { createRetentionStore } from '../../features/retention/store.ts'
import { databaseSource } from '../../features/verification/checks/database-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { LOG_PARTS } from '../../log-parts.ts'
import { logMigrations } from '../../message-log/part.ts'
import { createSearchStore } from '../../reading/index/store.ts'
import {
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  signedRecord,
  type TestDatabase,
  type TestLog,
} from '../fixture.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { createRecordStore } from '../records/store.ts'
import { borderAfter, PARTITION_RECORDS, PARTITIONED_TABLES, partitionName } from './partitions.ts'

const STEP = 16
const OURS = '2026-12-18-message-log-partitions'
const RECORDS_A_BATCH = 2 * BATCH

t.test('borders: there are few however large the log is', async (t) => {
  const borders: [upTo: number, most: number][] = [
    [0, 1],
    [10 * PARTITION_RECORDS, 11],
    [1_000_000_000, 70],
    [10_000_000_000, 115],
    [Number.MAX_SAFE_INTEGER, 342],
  ]
  for (const [upTo, most] of borders) {
    let count = 0
    let end = 0
    for (; end <= upTo; count++) {
      const start = end
      end = borderAfter(start, PARTITION_RECORDS)
      t.ok(end - start >= PARTITION_RECORDS / 2 && end - start <= Math.max(PARTITION_RECORDS, end / 8))
    }
    t.ok(count <= most, `${count} for ${upTo}`)
  }
  for (const start of [1, 100, PARTITION_RECORDS - 1, PARTITION_RECORDS + 1, 123_456_789]) {
    const length = borderAfter(start, PARTITION_RECORDS) - start
    t.ok(length >= PARTITION_RECORDS / 2 && length < 2 * PARTITION_RECORDS, `a log of ${start}: ${length}`)
  }
})

if (hasPostgresql()) t.test('on PostgreSQL', onPostgresql)
else skipFor(t, 'PostgreSQL is not installed')

async function onPostgresql(t: Test): Promise<void> {
  const server = await postgresql()
  const folder = logFolder(t)
  const start = Date.parse('2026-11-20T10:00:00Z')
  let now = start
  const clock = (): number => now
  const parties = await createParties(clock)
  const { stamp, signer } = parties
  const optionsOf = (url: string) => ({
    ...logOptions(folder, url),
    clock,
    stamp,
    signer,
    partitionRecords: STEP,
  })
  const batch = (log: TestLog): Promise<string[]> => {
    now += 60_000
    return logExchanges(log, parties, new Date(now))
  }

  const newUrl = await server.freshDatabase()
  const ids: string[] = []
  const young = await openTestLog(t, optionsOf(newUrl))
  await young.recover()
  for (let n = 0; n < 4; n++) ids.push(...(await batch(young)))
  await young.maintain()
  await young.timeStampNow()
  await young.checkpointNow()
  await young.close()

  const url = await server.freshDatabase()
  const query = await connected(t, url)
  const asNew = await connected(t, newUrl)
  t.strictSame(await bordersOf(asNew), [PARTITION_RECORDS], 'a new log')
  await makeOlder(url, asNew, query)
  const before = await countsOf(query)
  const size = before['record'] as number
  t.ok(size > 4 * RECORDS_A_BATCH)

  await t.test('a log of an older version', async (t) => {
    t.strictSame(await bordersOf(query), [])
    const both = await Promise.all([openTestDatabase(url), openTestDatabase(url)])
    for (const one of both) await one.close()
    t.strictSame(await countsOf(query), before, 'nothing is missing')
    t.strictSame(await bordersOf(query), [size], 'one partition, which takes nothing more')
    t.strictSame(await indexesOf(query), await indexesOf(asNew), 'as a new one')
    for (const table of PARTITIONED_TABLES) {
      const { rows } = await query(`select count(*) as rows from only ${table}`)
      t.equal(Number(rows[0]?.['rows']), 0, table)
    }
  })

  const [here, there] = await Promise.all(
    ['node1', 'node2'].map((node) => openTestLog(t, { ...optionsOf(url), node })),
  )
  if (here === undefined || there === undefined) throw new Error('two nodes')

  await t.test('two nodes across many borders, which nobody made ahead', async (t) => {
    const both = [here, there, here, there, here, there]
    for (let n = 0; n < 3; n++) ids.push(...(await Promise.all(both.map(batch))).flat())
    const { rows } = await query('select idx from record order by idx')
    t.strictSame(
      rows.map(({ idx }) => Number(idx)),
      Array.from({ length: rows.length }, (_, idx) => idx),
      'no gap, nothing twice',
    )
    const borders = await bordersOf(query)
    t.ok(borders.length > 15, `${borders.length} partitions`)
    t.ok(borders.length < 40)
    for (const table of PARTITIONED_TABLES) t.strictSame(await bordersOf(query, table), borders, table)
    await Promise.all([here.maintain(), there.maintain()])
    t.ok((await bordersOf(query)).at(-1)! >= here.size() + STEP, 'room ahead')
  })

  await t.test('what is in the way of a partition keeps records out, and is half made nowhere', async (t) => {
    const borders = await bordersOf(query)
    const end = borders.at(-1)!
    // The table that is attached last, so that the others are done when it fails.
    const inTheWay = partitionName(PARTITIONED_TABLES.at(-1)!, end)
    await query(`create table ${inTheWay} (idx bigint)`)
    await t.rejects(untilRefused(here, batch, end), { code: 'logging_failed' })
    for (const table of PARTITIONED_TABLES) t.strictSame(await bordersOf(query, table), borders, table)
    await query(`drop table ${inTheWay}`)
    await until('a log that is there again', (saw) =>
      here.list({ limit: 1 }).catch((error) => void saw(error)),
    )
    ids.push(...(await batch(here)))
    t.ok((await bordersOf(query)).length > borders.length)
  })

  await t.test('who holds a table for long keeps no record out', async (t) => {
    await here.maintain()
    await query('begin')
    await query('lock table record in share update exclusive mode')
    const end = (await bordersOf(query)).at(-1)!
    const { index } = await here.append(await signedRecord())
    t.ok(index < end, 'it has a place')
    await Promise.all([here.maintain(), there.maintain()])
    t.equal((await bordersOf(query)).at(-1), end, 'nothing is made ahead meanwhile')
    await query('commit')
    await here.maintain()
    ids.push(...(await batch(there)))
  })

  await t.test('searches, proofs and erasure across borders', async (t) => {
    await here.timeStampNow()
    await here.checkpointNow()
    const found: number[] = []
    for (let page = await here.list({ limit: 100 }); page.length > 0; ) {
      found.push(...page.map(({ idx }) => idx))
      page = await here.list({ limit: 100, before: found.at(-1)! })
    }
    const { rows } = await query('select idx from search order by idx desc')
    t.strictSame(
      found,
      rows.map(({ idx }) => Number(idx)),
      'each record once, a page at a time',
    )
    const replied = await query("select query_id from search where kind = 'reply'")
    const known = new Set(replied.rows.map(({ query_id }) => query_id))
    t.strictSame(
      ids.filter((id) => !known.has(id)),
      [],
      'no exchange is missing',
    )
    for (const id of [ids[0]!, ids[100]!, ids.at(-1)!])
      t.equal((await there.findExchange(id, CLIENT)).length, 2, 'by query id')
    for (const border of [...(await bordersOf(query)), 1].filter((each) => each < here.size()))
      for (const index of [border - 1, border]) {
        const { leaf, path: proof, size } = await here.proof(index)
        const { root } = (await here.checkpointOf(size))!
        t.doesNotThrow(() => verifyInclusion({ size, index, leaf, proof, root }), `record ${index}`)
      }
    const border = (await bordersOf(query))[2]!
    for (const { idx } of await here.list({ limit: 4, before: border + 2 }))
      await here.retention
        .erase({ index: idx, mode: idx % 2 === 0 ? 'LEAF_ONLY' : 'PROOF_KEPT', case: '1', reason: 'a test' })
        .catch((fault: { code: string }) => t.equal(fault.code, 'conflict', 'its exchange was erased before'))
    t.ok((await countsOf(query))['erasure']! >= 4)
  })

  await here.close()
  await there.close()
  const log = await openTestDatabase(url, { readOnly: true })
  t.teardown(() => log.close())

  await t.test('the whole log verifies', async (t) => {
    const keys = readLogKeys(path.join(folder, 'keys'))
    const source = await databaseSource(log, (id) => keys.byId.get(id), path.join(folder, 'bodies'))
    t.match(await verifyLog(source), { ok: true, problems: [], records: (await log.records.head()).size })
  })

  await t.test('queries read the partitions that they need', async (t) => {
    const borders = await bordersOf(query)
    const { size } = await log.records.head()
    const index = borders[9]! + 1
    const { asked, queries, read } = watched(log)
    const few = async (most: number, what: string, act: () => Promise<unknown>): Promise<void> => {
      await act()
      const partitions = await read()
      t.ok(partitions.length > 0 && partitions.length <= most, `${what}: ${partitions.join(', ')}`)
    }
    await few(2, 'a record with its key', () => asked.records.get(index))
    await few(3, 'a record with what is kept of it', () => asked.records.state(index))
    await few(4, 'records from here on', () => asked.records.from(index, 3))
    await few(2, 'a form', () => asked.records.forms(index, 1))
    await few(2, 'leaves', () => asked.records.leaves(index, 2))
    await few(3, 'the last record', () => asked.records.lastIndex())
    await few(2, 'what was erased of a stretch', () =>
      asked.reconciliation.erased(borders[2]! - 2, borders[2]! + 1),
    )
    const [document] = await log.records.documentsAfter(index, 1)
    await few(2, 'a signature document and its base', () => asked.records.document(document!.id))
    await few(2, 'what was kept', () => asked.records.remainder(index))
    await few(1, 'rows by index', () => asked.search.byIndexes([index, index + 1]))
    await few(2, 'what is undecided', () => asked.retention.undecided(index, index + 2))
    await few(1, 'stopping an end', () => asked.retention.stop([index], 1))
    for (const text of ['delete from record_key where idx = $1', 'delete from search where idx = $1'])
      await few(1, text, async () => queries.push([text, [index + 2]]))
    await asked.search.byQueryId(ids[0]!, 5 * 1024 * 1024)
    const inBlocks = await read(1)
    t.strictSame(inBlocks, [], 'blocks in which there are no partitions yet')
    const person = '0136'.padEnd(36, '7')
    const about = (await log.search.list({ limit: 400 }, size))
      .map(({ idx }) => idx)
      .filter((idx) => idx % 50 < 2)
    for (const idx of about)
      await query('insert into subject values ($1, $2)', [Buffer.from(person, 'hex'), idx])
    const found = await asked.search.list({ subjects: [person], limit: 500 }, size)
    t.strictSame(
      found.map(({ idx }) => idx),
      about,
      'a person, across borders',
    )
    await read()
    // A page of the newest records is read by index, without reading older partitions.
    await few(5, 'the newest page', () => asked.search.list({ limit: 5 }, size))
  })
}

type Query = (text: string, values?: unknown[]) => Promise<{ rows: Record<string, unknown>[] }>

async function connected(t: Test, url: string): Promise<Query> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  return (text, values) => client.query(text, values)
}

/** Gives the log the schema of the version before partitions. */
async function makeOlder(url: string, from: Query, to: Query): Promise<void> {
  const database = await openDatabase(url)
  const { [OURS]: _, ...older } = logMigrations(LOG_PARTS)
  await migrate(database, older)
  await database.close()
  for (const table of Object.keys(await countsOf(from))) {
    await to(`delete from ${table}`)
    for (const row of (await from(`select * from ${table}`)).rows) {
      const names = Object.keys(row)
      const places = names.map((_name, i) => `$${i + 1}`)
      const columns = names.map((name) => `"${name}"`)
      await to(`insert into ${table} (${columns}) values (${places})`, Object.values(row))
    }
  }
}

/** The number of rows of each table. */
async function countsOf(query: Query): Promise<Record<string, number>> {
  const { rows } = await query(`select relname as name from pg_class where relkind in ('r', 'p')
    and relnamespace = 'public'::regnamespace and not relispartition and relname not like 'kysely%' order by relname`)
  const counts: Record<string, number> = {}
  for (const { name } of rows) {
    const counted = await query(`select count(*) as rows from ${String(name)}`)
    counts[String(name)] = Number(counted.rows[0]!['rows'])
  }
  return counts
}

/** Where the partitions of a table end, in order. */
async function bordersOf(query: Query, table = 'record'): Promise<number[]> {
  const { rows } = await query(
    `select pg_get_expr(relpartbound, pg_class.oid) as bound from pg_inherits
      join pg_class on pg_class.oid = inhrelid where inhparent = $1::regclass`,
    [table],
  )
  const ends = rows.map(({ bound }) => Number(/TO \('(\d+)'\)/.exec(String(bound))?.[1]))
  return ends.sort((a, b) => a - b)
}

/** The indexes of the tables by name, and how many each first partition has. */
async function indexesOf(query: Query): Promise<unknown[]> {
  const { rows } = await query(
    `select indexname, indexdef from pg_indexes where tablename = any($1)
    order by indexname`,
    [PARTITIONED_TABLES],
  )
  const parts = await query(
    `select tablename, count(*) as indexes from pg_indexes where tablename like '%\\_from\\_0' group by 1 order by 1`,
  )
  return [...rows, ...parts.rows]
}

async function untilRefused(
  log: TestLog,
  batch: (log: TestLog) => Promise<string[]>,
  end: number,
): Promise<void> {
  while (log.size() <= end) await batch(log)
}

/**
 * The log with its queries watched; `read` returns the partitions that they have read since the last call.
 */
function watched(log: TestDatabase): {
  asked: Pick<TestDatabase, 'records' | 'search' | 'retention' | 'reconciliation'>
  queries: [sql: string, parameters: readonly unknown[]][]
  read(skip?: number): Promise<string[]>
} {
  const queries: [sql: string, parameters: readonly unknown[]][] = []
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      const { sql, parameters } = log.database.kysely.getExecutor().compileQuery(node, queryId)
      queries.push([sql, parameters])
      return node
    },
    transformResult: async ({ result }) => result,
  }
  const database = { ...log.database, kysely: log.database.kysely.withPlugin(plugin) }
  return {
    queries,
    asked: {
      records: createRecordStore(database),
      search: createSearchStore(database),
      retention: createRetentionStore(database),
      reconciliation: createReconciliationStore(database),
    },
    read: async (skip = 0) => {
      const partitions = new Set<string>()
      for (const [sql, parameters] of queries.splice(0).slice(skip)) {
        const explain = `explain (analyze, costs off, timing off, summary off) ${sql}`
        const { rows } = await log.database.kysely.executeQuery<{ 'QUERY PLAN': string }>(
          CompiledQuery.raw(explain, [...parameters]),
        )
        for (const { 'QUERY PLAN': line } of rows) {
          const partition = /on (\w+_from_\d+)/.exec(line)?.[1]
          if (partition !== undefined && !line.includes('never executed')) partitions.add(partition)
        }
      }
      return [...partitions]
    },
  }
}
