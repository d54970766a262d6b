/**
 * What a large log may cost. Proofs, searches and a start read a fixed number of rows, however many records
 * there are; the whole verification reads a fixed number of rows per record. Rows are counted, and the query
 * plans must not scan a table.
 */
import { randomInt } from 'node:crypto'
import path from 'node:path'
import { CompiledQuery, type KyselyPlugin } from 'kysely'
import t from 'tap'
import { consistencyProof, verifyConsistency, verifyInclusion } from '#core/merkle/proofs.ts'
import { BATCH, createParties, logExchanges, userOf } from '#scripts/bench/log/exchanges.ts'
import { databaseSource } from '../../features/verification/checks/database-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { proveInclusion } from '../../reading/evidence/prove-inclusion.ts'
import { hashesOf, sealTerm } from '../../reading/index/actors.ts'
import { createSearchStore } from '../../reading/index/store.ts'
import { logFolder, logOptions, openTestDatabase, openTestLog, type TestDatabase } from '../fixture.ts'
import { readLogKeys } from '../keys/log-keys.ts'
import { lowWaterMark } from '../recovery/recover.ts'
import { createTimeStampStore } from '../time-stamps/store.ts'
import { createTreeStore } from '../tree/store.ts'
import { createNodeReader } from '../tree/tiles.ts'
import { createRecordStore } from './store.ts'

const BATCHES = 240
/** A checkpoint after every eighth of the log. At its end half of the signatures wait for a time-stamp. */
const JOBS_EVERY = BATCHES / 8
const STAMPED_UNTIL = BATCHES / 2
const MINUTE = 60_000
const DAY = 86_400_000

type Counted = { log: TestDatabase; rows(): number; plans(): Promise<string[]> }

/** The log with every row that it reads counted, and its queries recorded. */
function counted(log: TestDatabase): Counted {
  const asked = new Map<string, readonly unknown[]>()
  let rows = 0
  const plugin: KyselyPlugin = {
    transformQuery: ({ node, queryId }) => {
      const { sql, parameters } = log.database.kysely.getExecutor().compileQuery(node, queryId)
      asked.set(sql, parameters)
      return node
    },
    transformResult: async ({ result }) => {
      rows += result.rows.length
      return result
    },
  }
  const database = { ...log.database, kysely: log.database.kysely.withPlugin(plugin) }
  const plansOf = async ([sql, parameters]: [string, readonly unknown[]]): Promise<string[]> => {
    const plan = CompiledQuery.raw(`explain query plan ${sql}`, [...parameters])
    const found = await log.database.kysely.executeQuery<{ detail: string }>(plan)
    // Reading the first row by key is a scan that ends after one step.
    const isFirst =
      !sql.includes(' where ') && / order by "(?:idx|size|last_id|id)"(?: desc)? limit \?$/.test(sql)
    return found.rows.map(({ detail }) => `${isFirst ? 'first: ' : ''}${detail}`)
  }
  return {
    log: {
      ...log,
      database,
      records: createRecordStore(database),
      tree: createTreeStore(database),
      timeStamps: createTimeStampStore(database),
      search: createSearchStore(database),
    },
    rows: () => {
      const read = rows
      rows = 0
      return read
    },
    plans: async () => (await Promise.all([...asked].map(plansOf))).flat(),
  }
}

t.test('a log of many records', async (t) => {
  // Yesterday at noon: a log that goes past midnight has a day to be counted again, which costs rows of its
  // own.
  const start = Math.floor(Date.now() / DAY) * DAY - DAY / 2
  let now = start
  const clock = (): number => now
  const folder = logFolder(t)
  const parties = await createParties(clock)
  const { stamp, signer } = parties
  const options = { ...logOptions(folder), clock, stamp, signer }
  const written = await openTestLog(t, options)
  await written.recover()
  const ids: string[] = []
  for (let batch = 0; batch < BATCHES; batch++) {
    now = start + batch * MINUTE
    ids.push(...(await logExchanges(written, parties, new Date(now))))
    if ((batch + 1) % JOBS_EVERY > 0) continue
    await written.maintain()
    await written.checkpointNow()
    if (batch < STAMPED_UNTIL) await written.timeStampNow()
  }
  const size = written.size()
  t.ok(size > 2 * BATCH * BATCHES, `${size} records`)
  await written.close()
  // For example, the host was renamed.
  const renamed = await openTestLog(t, { ...options, node: 'node2' })
  await renamed.close()

  const keys = readLogKeys(path.join(folder, 'keys'))
  const findKey = (id: string) => keys.byId.get(id)
  const plain = await openTestDatabase(`sqlite:${path.join(folder, 'log.db')}`, { readOnly: true })
  t.teardown(() => plain.close())
  const { log, rows, plans } = counted(plain)
  const newest = (await log.tree.newestCheckpoint())!
  const few = (most: number, what: string): void => {
    const read = rows()
    t.ok(read > 0 && read <= most, `${what}: ${read} rows, at most ${most}`)
  }
  few(1, 'the newest checkpoint')

  // The last leaves are in no tile yet: at most 255 of them, and one row for each level above.
  const path256 = 256 + 8
  for (const index of [0, 1, 255, 256, randomInt(size), randomInt(size), newest.size - 1]) {
    const proof = await proveInclusion(log, index, findKey)
    few(2 + path256, `inclusion of ${index}`)
    verifyInclusion({ size: proof.size, index, leaf: proof.leaf, proof: proof.path, root: newest.root })
  }
  for (const old of await plain.tree.checkpointsAfter(0, 100)) {
    const proof = await consistencyProof(old.size, newest.size, createNodeReader(log))
    t.ok(rows() <= 2 * path256, `consistency with ${old.size}`)
    verifyConsistency({
      first: old.size,
      second: newest.size,
      firstRoot: old.root,
      secondRoot: newest.root,
      proof,
    })
  }

  t.equal((await log.search.byQueryId(ids[BATCH]!, size)).length, 2)
  few(2, 'search by query id')
  t.same(await log.search.list({ client: 'DEV/GOV/none', limit: 50 }, size), [])
  t.equal(rows(), 0, 'a client that no record has')
  t.equal((await log.search.list({ failed: false, kind: 'reply', limit: 50 }, size)).length, 50)
  few(50 + 64, 'what half of the records fit: a page, and the hours in which it stands')
  const userTerm = sealTerm({ kind: 'userId', name: userOf({ id: ids[BATCH]! }) }, keys.current)
  const ofUser = { userTerm, actors: hashesOf({ userTerm }, [keys.current]) }
  t.ok((await log.search.list({ ...ofUser, kind: 'reply', limit: 50 }, size)).length > 0)
  few(50 + 2, 'search by user id: what fits, and a count for each block')
  const hour = (from: number): { from: string; to: string } => ({
    from: new Date(start + from * MINUTE).toISOString(),
    to: new Date(start + (from + 60) * MINUTE).toISOString(),
  })
  const seen: number[] = []
  let page = await log.search.list({ ...hour(30), limit: 500 }, size)
  few(500, 'a page of an old hour')
  while (page.length > 0) {
    seen.push(...page.map(({ idx }) => idx))
    page = await log.search.list({ ...hour(30), limit: 500, before: seen.at(-1)! }, size)
    t.ok(rows() <= 501, 'its other pages')
  }
  t.equal(seen.length, 60 * 2 * BATCH, 'the whole hour')
  t.equal(new Set(seen).size, seen.length, 'each record once')
  t.same(
    seen,
    seen.toSorted((a, b) => b - a),
  )

  // The marks from which a start searches for open requests.
  for (const node of ['node1', 'node2']) {
    t.equal(await log.records.mark(lowWaterMark(node)), size, node)
    few(1, 'the mark below which nothing is open')
  }
  await log.timeStamps.covering(BATCH)
  few(1, 'the time-stamp of a signature')

  const walks = (await plans()).filter((detail) => /^SCAN|TEMP B-TREE/.test(detail))
  t.same(walks, [], 'no query walks through a table or sorts')

  const report = await verifyLog(await databaseSource(log, findKey, path.join(folder, 'bodies')))
  t.match(report, {
    ok: true,
    problems: [],
    records: size,
    checkpoints: 8,
    timeStamps: 4,
    unstamped: BATCHES,
  })
  few(size * 3, 'the whole verification')
})
