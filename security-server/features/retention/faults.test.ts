/**
 * Retention under faults: whenever the process is killed, and on a full disk, erasures that were begun are
 * completed and none is half done.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { type Aim, breakCalls, killAt, noStrace } from '#test/strace.ts'
import {
  endAllDue,
  logFolder,
  logOptions,
  openTestLog,
  signedRecord,
  spoolBody,
  type TestLog,
  type TestLogOptions,
} from '../../message-log/fixture.ts'
import { openLogSource } from '../verification/checks/open-source.ts'
import { verifyLog } from '../verification/checks/verify-log.ts'

const DAY = 24 * 60 * 60 * 1000
const RECORDS = 400
const CLASS = { name: 'default', keepDays: 30, archive: 'NONE', applyToExisting: true } as const

/** Logs old records, every twentieth with a large body, in a class that ends their content. */
async function fill(log: TestLog, atEnd: 'PROOF_KEPT' | 'LEAF_ONLY', count: number): Promise<void> {
  await log.retention.putClass({ ...CLASS, atEnd })
  const { signature } = await signedRecord()
  const one = async (n: number): Promise<unknown> => {
    const body = n % 20 === 0 ? await spoolBody(log, randomBytes(100_000)) : undefined
    const record = await signedRecord({ body, time: new Date(Date.now() - 31 * DAY) })
    return log.append(n % 20 === 0 ? record : { ...record, kind: 'refusal', signature })
  }
  for (let n = 0; n < count; n += 50) {
    await Promise.all(Array.from({ length: Math.min(50, count - n) }, (_, i) => one(n + i)))
  }
}

/**
 * Ends due contents in a process that is killed at step `killedAt` or one of the next. Returns whether the
 * process ended by itself.
 */
async function runAndKill(folder: string, url: string, killedAt: number): Promise<boolean> {
  const script = path.join(import.meta.dirname, 'fault-child.ts')
  const child = spawn(process.execPath, [script, folder, url, '', `${killedAt}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let done = false
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'now') child.kill('SIGKILL')
    if (line === 'done') done = true
  }
  return done
}

async function checkWhole(t: Test, options: TestLogOptions): Promise<number> {
  const opened = await openLogSource(options)
  const report = await verifyLog(opened.source)
  await opened.close()
  t.strictSame(report.problems, [])
  return report.erased
}

function bodyFiles(folder: string): number {
  const files = readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true })
  return files.filter((file) => file.isFile()).length
}

t.test('kill -9 at every step', async (t) => {
  const stores: [string, (folder: string) => Promise<string>, 'PROOF_KEPT' | 'LEAF_ONLY'][] = [
    ['sqlite', async (folder) => `sqlite:${path.join(folder, 'log.db')}`, 'PROOF_KEPT'],
  ]
  if (hasPostgresql())
    stores.push(['postgresql', async () => (await postgresql()).freshDatabase(), 'LEAF_ONLY'])
  else skipFor(t, 'PostgreSQL is not installed')
  for (const [name, urlOf, atEnd] of stores) {
    await t.test(`on ${name}`, async (t) => {
      const folder = logFolder(t)
      const options = logOptions(folder, await urlOf(folder))
      const log = await openTestLog(t, options)
      await fill(log, atEnd, RECORDS)
      await log.maintain()
      await log.close()
      const seen: number[] = []
      // Each time the kill comes one step later, so that the process completes after some kills.
      for (let step = 1; !(await runAndKill(folder, options.databaseUrl, step)); step++) {
        seen.push(await checkWhole(t, options))
        t.ok((seen.at(-2) ?? 0) <= seen.at(-1)!, `${seen.at(-1)} are erased, none is forgotten`)
      }
      t.ok(
        seen.some((erased) => erased > 0 && erased < RECORDS),
        `it was killed on the way: ${seen}`,
      )
      t.equal(await checkWhole(t, options), RECORDS)
      t.equal(bodyFiles(folder), 0)
    })
  }
})

t.test('kill -9 at each step of an erasure', { skip: noStrace() }, async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const log = await openTestLog(t, options)
  await fill(log, 'PROOF_KEPT', 200)
  await log.maintain()
  await log.close()
  const wal = [path.join(folder, 'log.db-wal')]
  const script = path.join(import.meta.dirname, 'fault-child.ts')
  const aims: Aim[] = [
    { what: 'half of its rows are written', calls: ['pwrite64'], when: '10', paths: wal },
    { what: 'all are written and none is synced', calls: ['fsync', 'fdatasync'], paths: wal },
    { what: 'it is done, and a body is still there', calls: ['unlink', 'unlinkat'] },
  ]
  let erased = 0
  for (const aim of aims) {
    t.ok(await killAt(aim, script, folder, options.databaseUrl), aim.what)
    const now = await checkWhole(t, options)
    t.ok(now >= erased, `${aim.what}: ${now} are erased`)
    erased = now
  }
  t.ok(erased > 0 && bodyFiles(folder) > 0, `${erased} are erased, ${bodyFiles(folder)} bodies there`)
  const next = {
    what: 'its body is gone, and is not forgotten',
    calls: ['fsync', 'fdatasync'],
    paths: [path.join(folder, 'bodies', 'segments', 'node1')],
  }
  t.ok(await killAt(next, script, folder, options.databaseUrl), next.what)
  t.equal(bodyFiles(folder), 0)
  await checkWhole(t, options)
  const again = await openTestLog(t, options)
  await endAllDue(again)
  t.strictSame(await again.parts.erasedBodyFiles({ after: '', limit: 1, own: [] }), {
    ...{ files: [], shared: [], begun: new Set(), isOnlyNode: true, upTo: undefined },
  })
  await again.close()
  t.equal(await checkWhole(t, options), 200)
  t.equal(bodyFiles(folder), 0)
})

t.test('a full disk', { skip: noStrace() }, async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const log = await openTestLog(t, options)
  await fill(log, 'PROOF_KEPT', 200)
  await log.maintain()
  const disk = await breakCalls({
    pid: process.pid,
    calls: ['pwrite64'],
    fault: 'error=ENOSPC',
    when: '20+',
    paths: [path.join(folder, 'log.db-wal')],
  })
  await t.rejects(log.retention.run())
  t.ok((await disk.mend()) > 0)
  await endAllDue(log)
  t.equal(bodyFiles(folder), 0)
  await log.close()
  t.equal(await checkWhole(t, options), 200)
})
