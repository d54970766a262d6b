/**
 * Exports under faults: whenever the process is killed, the export is completed in the end and contains each record of its range
 * once.
 */
import { spawn } from 'node:child_process'
import { randomInt, randomUUID } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { breakCalls, noStrace } from '#test/strace.ts'
import { logFolder, logOptions, openTestLog, signedRecord } from '../../message-log/fixture.ts'
import { createExports } from './create-exports.ts'
import { recordExportMigrations } from './migrations.ts'
import { createExportStore, type ExportRow } from './store.ts'

const RECORDS = 1500
const KILLS = 8

function ordered(id: string): ExportRow {
  const at = new Date().toISOString()
  return {
    ...{ id, node: 'node1', ordered_by_id: 'a', ordered_by_name: 'Auditor', ordered_at: at },
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
 * Makes the export in a process that is killed in step `killedAt` or one of the next. Returns whether the process ended by
 * itself.
 */
async function runAndKill(args: string[], killedAt?: number): Promise<boolean> {
  const child = spawn(
    process.execPath,
    [path.join(import.meta.dirname, 'fault-child.ts'), ...args, `${killedAt ?? ''}`],
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

t.test('kill -9 at any moment', async (t) => {
  const stores: [string, (folder: string, name: string) => Promise<string>][] = [
    ['sqlite', async (folder, name) => `sqlite:${path.join(folder, `${name}.db`)}`],
  ]
  if (hasPostgresql()) stores.push(['postgresql', async () => (await postgresql()).freshDatabase()])
  else skipFor(t, 'PostgreSQL is not installed')
  for (const [name, urlOf] of stores) {
    await t.test(`on ${name}`, async (t) => {
      const folder = logFolder(t)
      const logUrl = await urlOf(folder, 'log')
      const log = await openTestLog(t, logOptions(folder, logUrl))
      const { signature } = await signedRecord()
      const record = { ...(await signedRecord()), kind: 'refusal' as const, signature }
      for (let n = 0; n < RECORDS; n += 100)
        await Promise.all(Array.from({ length: 100 }, () => log.append(record)))
      await log.maintain()
      await log.close()
      const databaseUrl = await urlOf(folder, 'server')
      const database = await openDatabase(databaseUrl)
      t.teardown(() => database.close())
      await migrate(database, recordExportMigrations)
      const store = createExportStore(database)
      const id = randomUUID()
      await store.add(ordered(id), async () => undefined)

      const noted: number[] = []
      for (let n = 0; n < KILLS; n++) {
        t.notOk(await runAndKill([folder, logUrl, databaseUrl, id], randomInt(1, 50)))
        const { next_idx, state } = (await store.get(id))!
        t.not(state, 'done')
        noted.push(Number(next_idx))
        t.ok((noted.at(-2) ?? 0) <= noted.at(-1)!, 'what was noted is not lost')
      }
      t.ok(noted.at(-1)! > 0 && noted.at(-1)! < RECORDS, `it was killed on the way: ${noted}`)
      t.ok(await runAndKill([folder, logUrl, databaseUrl, id]))
      const row = (await store.get(id))!
      const file = readFileSync(path.join(folder, 'exports', `${id}.jsonl`), 'utf8')
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
