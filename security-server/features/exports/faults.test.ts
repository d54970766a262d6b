/**
 * Exports under faults: whenever the process is killed, the export is completed in the end and contains each
 * record of its range once. In a folder the same node goes on, in the database any, and all serve the file.
 */
import { spawn } from 'node:child_process'
import { randomInt, randomUUID } from 'node:crypto'
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase, tablesOf } from '#platform/database/open-database.ts'
import { newClusterKey } from '#platform/shared-files/cluster-key.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { breakCalls, noStrace } from '#test/strace.ts'
import { until } from '#test/until.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../../message-log/fixture.ts'
import { createExports } from './create-exports.ts'
import { exportsInDatabase } from './exports-in-database-fixture.ts'
import { recordExportMigrations } from './migrations.ts'
import type { ExportRow } from './store.ts'

type Rows = { stored_file_piece: { file: string; start: number } }

const RECORDS = 1500
const KILLS = 8

function ordered(id: string): ExportRow {
  const at = new Date().toISOString()
  return {
    ...{ id, node: 'node1', stored: null, ordered_by_id: 'a', ordered_by_name: 'Auditor', ordered_at: at },
    ...{ format: 'jsonl', filter: '{}', clearance: 0, case_number: null, reason: null, state: 'waiting' },
    ...{
      checkpoint: '',
      size: 0,
      erased: 0,
      next_idx: 0,
      run_at: null,
      run_from: 0,
      records: 0,
      bytes: 0,
      error: null,
    },
    ...{ ended_at: null, expires_at: new Date(Date.now() + 86_400_000).toISOString() },
  }
}

/**
 * Makes the export in a process that is killed in step `killedAt` or one of the next. Returns whether the
 * process ended by itself.
 */
async function runAndKill(args: string[], clusterKey?: string, killedAt?: number): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [
      path.join(import.meta.dirname, 'fault-child.ts'),
      ...args,
      `${killedAt ?? ''}`,
      ...(clusterKey === undefined ? [] : [clusterKey]),
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let done = false
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'now') child.kill('SIGKILL')
    if (line === 'done') done = true
  }
  return done
}

type Place = {
  urlOf(folder: string, name: string): Promise<string>
  /** Of files in the database. */
  clusterKey?: string
  kills: number
}

t.test('kill -9 at any moment', async (t) => {
  const places: [string, Place][] = [
    [
      'in a folder',
      { urlOf: async (folder, name) => `sqlite:${path.join(folder, `${name}.db`)}`, kills: KILLS },
    ],
  ]
  if (hasPostgresql()) {
    const { freshDatabase } = await postgresql()
    const clusterKey = newClusterKey()
    places.push(['in the database', { urlOf: () => freshDatabase(), clusterKey, kills: KILLS / 2 }])
  } else skipFor(t, 'PostgreSQL is not installed')
  for (const [name, { urlOf, clusterKey, kills }] of places) {
    await t.test(name, async (t) => {
      const folder = logFolder(t)
      const logUrl = await urlOf(folder, 'log')
      const log = await openTestLog(t, logOptions(folder, logUrl))
      const { signature } = await signedRecord()
      const record = { ...(await signedRecord()), kind: 'refusal' as const, signature }
      for (let n = 0; n < RECORDS; n += 100)
        await Promise.all(Array.from({ length: 100 }, () => log.append(record)))
      await log.maintain()
      const databaseUrl = await urlOf(folder, 'server')
      const database = await openDatabase(databaseUrl)
      t.teardown(() => database.close())
      await migrate(database, recordExportMigrations)
      const nodeAt = (node: string) =>
        createExports({
          ...{
            database,
            messageLog: log,
            node,
            directory: path.join(folder, `${node}-exports`),
            clock: Date.now,
          },
          inDatabase: clusterKey === undefined ? undefined : exportsInDatabase(clusterKey),
        })
      const id = randomUUID()
      const { store, placeFor } = await nodeAt('node1')
      const { stored, begin } = placeFor(id)
      t.equal(stored, clusterKey === undefined ? null : id)
      await store.add({ ...ordered(id), stored }, begin)
      // Its process has the log alone from here on, as embedded stores want it.
      await log.close()
      const args = [folder, logUrl, databaseUrl, id]

      const noted: number[] = []
      for (let n = 0; n < kills; n++) {
        t.notOk(await runAndKill(args, clusterKey, randomInt(1, 50)))
        const { next_idx, state } = (await store.get(id))!
        t.not(state, 'done')
        noted.push(Number(next_idx))
        t.ok((noted.at(-2) ?? 0) <= noted.at(-1)!, 'what was noted is not lost')
      }
      t.ok(noted.at(-1)! > 0 && noted.at(-1)! < RECORDS, `it was killed on the way: ${noted}`)
      t.ok(await runAndKill(args, clusterKey))
      const row = (await store.get(id))!
      const lines = clusterKey === undefined ? undefined : await (await nodeAt('node2')).open(row)
      const file = await text(lines?.read() ?? createReadStream(path.join(folder, 'exports', `${id}.jsonl`)))
      t.match(row, { state: 'done', error: null })
      t.equal(Buffer.byteLength(file), Number(row.bytes), 'nothing beyond what was noted')
      const indexes = file
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { index: number }).index)
      t.strictSame(
        indexes,
        indexes.map((_, at) => indexes[0]! + at),
        'each once, in the order of the log',
      )
      t.equal(indexes.length, RECORDS)
    })
  }
})

const noPostgresql = hasPostgresql() ? false : 'PostgreSQL is not installed'
t.test('of two nodes with one database', { skip: noPostgresql }, async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  for (let n = 0; n < 9; n++) await log.append(await signedRecord())
  const database = await openDatabase(await (await postgresql()).freshDatabase())
  t.teardown(() => database.close())
  await migrate(database, recordExportMigrations)
  const key = newClusterKey()
  let now = Date.now()
  let stopped: (() => Promise<void>) | undefined
  const nodeAt = (node: string, isUsed: boolean, shared = node, formerNodes: string[] = []) =>
    createExports({
      ...{ database, node, formerNodes, directory: path.join(folder, shared), clock: () => now },
      messageLog: {
        ...log,
        window: async (q) => {
          await stopped?.()
          return log.window({ ...q, size: Math.min(q.size, q.after + 4) })
        },
      },
      inDatabase: { ...exportsInDatabase(key), isUsed },
    })
  const { signal } = new AbortController()
  const [one, two] = [await nodeAt('node1', true), await nodeAt('node2', true)]
  const add = async (of: typeof one): Promise<ExportRow> => {
    const id = randomUUID()
    const { node, stored, jobKind, begin } = of.placeFor(id)
    t.ok(of.jobKinds.includes(jobKind) && (stored === null || two.jobKinds.includes(jobKind)))
    await of.store.add({ ...ordered(id), node, stored }, begin)
    return (await of.store.get(id))!
  }
  const countOf = async (of: typeof one, row: ExportRow): Promise<number> => {
    const lines = await of.open(row)
    try {
      return (await text(lines.read())).trim().split('\n').length
    } finally {
      await lines.close()
    }
  }
  const pieces = async () => tablesOf<Rows>(database).selectFrom('stored_file_piece').selectAll().execute()

  await t.test('files of before stay where they are', async (t) => {
    const old = await nodeAt('node1', false)
    const row = await add(old)
    await old.run(row.id, signal)
    t.equal(row.stored, null)
    t.equal(await countOf(one, row), 9)
    await t.rejects(
      Promise.resolve().then(() => two.open(row)),
      { code: 'conflict', message: /node1/ },
    )
    await two.expire()
    t.equal(await countOf(one, row), 9)
  })

  await t.test('in one folder of both, each serves and deletes what the other made', async (t) => {
    const [old, other] = [await nodeAt('node1', false, 'shared'), await nodeAt('node2', false, 'shared')]
    const [kept, deleted] = [await add(old), await add(old)]
    for (const { id } of [kept, deleted]) await old.run(id, signal)
    t.equal(await countOf(other, kept), 9)
    await other.expire()
    t.equal(await countOf(other, kept), 9, 'what has a row stays')
    await other.delete(deleted)
    t.same(readdirSync(path.join(folder, 'shared')), [`${kept.id}.jsonl`])
    await other.delete(kept)
  })

  await t.test('of two runs at once one goes on', async (t) => {
    const row = await add(one)
    // The first run stops before its second part; the other node takes the job over, as its claim is over.
    const goOn = Promise.withResolvers<void>()
    let parts = 0
    stopped = async () => void (++parts === 2 && (await goOn.promise))
    const first = one.run(row.id, signal)
    await until('a first part', async (saw) => saw(Number((await one.store.get(row.id))!.next_idx)) > 0)
    await until('the stop before the second', async (saw) => saw(parts) === 2)
    await two.run(row.id, signal)
    goOn.resolve()
    await t.rejects(first, { code: 'conflict' })
    stopped = undefined
    await one.run(row.id, signal)
    t.match(await two.store.get(row.id), { state: 'done', error: null })
    t.equal(await countOf(one, row), 9)
    t.equal(await countOf(two, row), 9)
  })

  await t.test('a file that has less than was noted is not filled up', async (t) => {
    const old = await nodeAt('node1', false)
    const row = await add(old)
    let parts = 0
    stopped = async () => {
      if (++parts === 2) throw new Error('it is killed')
    }
    await t.rejects(old.run(row.id, signal))
    stopped = undefined
    t.ok(Number((await old.store.get(row.id))!.bytes) > 0)
    const elsewhere = await nodeAt('node1', false, 'an-empty-disk')
    await t.rejects(elsewhere.run(row.id, signal), { code: 'not_found' })
    t.same(readdirSync(path.join(folder, 'an-empty-disk')), [])
    await old.run(row.id, signal)
    t.equal(await countOf(old, row), 9)
  })

  await t.test('what a node that has left began in its folder counts no more', async (t) => {
    const gone = await nodeAt('node4', false)
    const [begun, done, stored] = [await add(gone), await add(gone), await add(one)]
    await gone.run(done.id, signal)
    const before = await one.store.count()
    await one.endOf('node4')
    t.equal((await one.store.count()).unfinished, before.unfinished - 1)
    t.match(await one.store.get(begun.id), { state: 'failed', error: /node4, which made it, has left/ })
    t.match(await one.store.get(done.id), { state: 'done', error: null })
    t.match(await one.store.get(stored.id), { state: 'waiting' }, 'any node makes those in the database')
    await gone.run(begun.id, signal)
    t.match(
      await one.store.get(begun.id),
      { state: 'failed' },
      'a node that was only silent goes on with nothing',
    )
    for (const row of [begun, done, stored]) await one.delete(row)
    const renamed = await nodeAt('node5', false, 'node4', ['node4'])
    const taken = await add(gone)
    t.ok(renamed.jobKinds.includes(gone.placeFor(taken.id).jobKind))
    await renamed.run(taken.id, signal)
    t.equal(await countOf(renamed, taken), 9)
    await renamed.delete(taken)
  })

  await t.test('a piece that is missing is told; any node deletes, and what is over goes', async (t) => {
    const [broken, gone] = [await add(one), await add(one)]
    for (const { id } of [broken, gone]) await two.run(id, signal)
    const reading = await two.open(broken)
    const table = tablesOf<Rows>(database).deleteFrom('stored_file_piece')
    await table.where('file', '=', broken.id).where('start', '=', 0).execute()
    await t.rejects(text(reading.read()), { code: 'stored_file_damaged' })
    await t.rejects(one.open(broken), { code: 'stored_file_damaged' })
    await two.delete(gone)
    await t.rejects(one.open(gone), { code: 'not_found' })
    // A node of an older version deletes the row alone.
    await one.store.delete(broken.id)
    await two.expire()
    t.notOk((await pieces()).some(({ file }) => [broken.id, gone.id].includes(file)))
    t.ok((await pieces()).length > 0)
    // Of a node that is gone for good: one that it made, and one that it never began.
    const old = await nodeAt('node3', false)
    const left = [await add(old), await add(old)]
    await old.run(left[0]!.id, signal)
    now += 2 * 86_400_000
    await two.expire()
    t.same(await pieces(), [])
    t.same(await two.store.count(), { all: 0, unfinished: 0 })
    await old.expire()
    t.same(readdirSync(path.join(folder, 'node3')), [], 'it came back: its file has no row')
  })
})

t.test('a full disk', { skip: noStrace() }, async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  for (let n = 0; n < 9; n++) await log.append(await signedRecord())
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, recordExportMigrations)
  const exports = await createExports({
    database,
    messageLog: { ...log, window: (q) => log.window({ ...q, size: Math.min(q.size, q.after + 4) }) },
    directory: path.join(folder, 'exports'),
    node: 'node1',
    clock: Date.now,
  })
  const id = randomUUID()
  const file = path.join(folder, 'exports', `${id}.jsonl`)
  await exports.store.add(ordered(id), async () => undefined)
  const faults = [
    { calls: ['write', 'writev', 'pwrite64'], fault: 'error=ENOSPC' },
    { calls: ['fsync', 'fdatasync'], fault: 'error=EIO' },
  ]
  for (const fault of faults) {
    const disk = await breakCalls({ ...fault, pid: process.pid, paths: [file] })
    await t.rejects(exports.run(id, new AbortController().signal))
    t.ok((await disk.mend()) > 0)
    t.not((await exports.store.get(id))?.state, 'done')
  }
  await exports.run(id, new AbortController().signal)
  const row = (await exports.store.get(id))!
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  t.match(row, { state: 'done', error: null, bytes: statSync(file).size })
  const indexes = lines.map((line) => (JSON.parse(line) as { index: number }).index)
  t.strictSame(
    indexes,
    [...indexes].sort((a, b) => a - b),
  )
  t.equal(new Set(indexes).size, 9, 'each once')
})
