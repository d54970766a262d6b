/** The log on a failing disk: each call that makes records and bodies durable fails, once and permanently. */
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { heldMemory } from '#platform/held-memory.ts'
import { asFault } from '#schemas/fault.ts'
import { skipFor } from '#test/outside-tools.ts'
import { type Aim, breakCalls, killAt, noStrace } from '#test/strace.ts'
import { until } from '#test/until.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
import { checkWritable } from '../bodies/check-writable.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  segmentOctets,
  signedRecord,
  signer,
  spoolBody,
  type TestLog,
  usableAgain,
} from '../fixture.ts'

const SYNC = ['fsync', 'fdatasync']

const reason = noStrace()
if (reason !== undefined) skipFor(t, reason)

/** By index, the acknowledgements of `append`. */
type Acknowledged = Map<number, string>

async function append(log: TestLog, to: Acknowledged, body?: Buffer): Promise<void> {
  const spooled = body === undefined ? undefined : await spoolBody(log, body)
  const { index, leaf } = await log.append(await signedRecord({ body: spooled }))
  to.set(index, leaf.toString('hex'))
}

async function missing(log: TestLog, acknowledged: Acknowledged): Promise<number[]> {
  const lost: number[] = []
  for (const [index, leaf] of acknowledged) {
    const stored = await log.read(index).catch(() => undefined)
    if (stored?.leaf.toString('hex') !== leaf) lost.push(index)
  }
  return lost
}

/**
 * Reopens and verifies the log: no acknowledged record is missing, no exchange is open, nothing is
 * inconsistent.
 */
async function checkReopened(t: Test, folder: string, acknowledged: Acknowledged): Promise<void> {
  const again = await openTestLog(t, logOptions(folder))
  await again.recover()
  t.strictSame(await missing(again, acknowledged), [], `${acknowledged.size} acknowledged records are there`)
  await append(again, acknowledged)
  await again.checkpointNow()
  await again.close()
  const { databaseUrl, keyFolder, bodyFolder } = logOptions(folder)
  const opened = await openLogSource({ databaseUrl, keyFolder, bodyFolder })
  const report = await verifyLog(opened.source)
  await opened.close()
  t.strictSame(report.problems, [])
  t.ok(report.records >= acknowledged.size)
}

type Breakage = { what: string; calls: string[]; fault: string; file: string }

const BREAKAGES: Breakage[] = [
  { what: 'the write-ahead log cannot be synced', calls: SYNC, fault: 'error=EIO', file: 'log.db-wal' },
  { what: 'it cannot be written', calls: ['pwrite64'], fault: 'error=EIO', file: 'log.db-wal' },
  { what: 'the disk is full', calls: ['pwrite64'], fault: 'error=ENOSPC', file: 'log.db-wal' },
]

t.test('records', { skip: reason }, async (t) => {
  for (const { what, file, ...broken } of BREAKAGES) {
    for (const when of ['1', '2..4', '1+']) {
      await t.test(`${what}, ${when === '1+' ? 'lastingly' : `at ${when}`}`, async (t) => {
        const folder = logFolder(t)
        const log = await openTestLog(t, logOptions(folder))
        const acknowledged: Acknowledged = new Map()
        await append(log, acknowledged)
        const paths = [path.join(folder, file)]
        const disk = await breakCalls({ ...broken, pid: process.pid, when, paths })
        const refusals: unknown[] = []
        // Several at a time, so that a group has more than one.
        while (refusals.length < 3) {
          const outcomes = await Promise.allSettled([1, 2, 3].map(() => append(log, acknowledged)))
          for (const one of outcomes) if (one.status === 'rejected') refusals.push(one.reason)
        }
        t.ok(refusals.every((one) => asFault(one).code === 'logging_failed'))
        t.throws(() => log.checkUsable(), { code: 'logging_failed' })
        if (when === '1+') {
          const tried = disk.count()
          await until('another try', () => disk.count() > tried)
          t.throws(() => log.checkUsable(), { code: 'logging_failed' }, 'for as long as it lasts')
          t.ok((await disk.mend()) > 0)
        }
        await usableAgain(log)
        if (when !== '1+') t.ok((await disk.mend()) > 0, 'by itself')
        await append(log, acknowledged)
        t.strictSame(await missing(log, acknowledged), [])
        await log.close()
        await checkReopened(t, folder, acknowledged)
      })
    }
  }
})

t.test('the database behind the write-ahead log', { skip: reason }, async (t) => {
  for (const calls of [SYNC, ['pwrite64']]) {
    await t.test(calls.join(', '), async (t) => {
      const folder = logFolder(t)
      const log = await openTestLog(t, logOptions(folder))
      const acknowledged: Acknowledged = new Map()
      const paths = [path.join(folder, 'log.db')]
      const disk = await breakCalls({ pid: process.pid, calls, fault: 'error=EIO', paths })
      // More than the 16 MB after which SQLite copies the write-ahead log into the database.
      const body = randomBytes(60_000)
      while (acknowledged.size < 400)
        await Promise.all(Array.from({ length: 20 }, () => append(log, acknowledged, body)))
      t.ok(disk.count() > 0, 'the copy was tried')
      t.pass('what the write-ahead log holds is durable: nothing is refused')
      t.ok((await disk.mend()) > 0)
      await append(log, acknowledged)
      await log.close()
      await checkReopened(t, folder, acknowledged)
    })
  }
})

t.test('checkpoints', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  const acknowledged: Acknowledged = new Map()
  await append(log, acknowledged)
  await log.checkpointNow()
  const mark = path.join(folder, 'keys', `newest-checkpoint.${process.pid}.part`)
  for (const paths of [[path.join(folder, 'log.db-wal')], [mark]]) {
    const head = log.treeHead()
    await append(log, acknowledged)
    const disk = await breakCalls({ pid: process.pid, calls: SYNC, fault: 'error=EIO', paths })
    await t.rejects(log.checkpointNow())
    t.equal(log.treeHead(), head, 'no head is shown that may be lost')
    t.ok((await disk.mend()) > 0)
    t.not(await log.checkpointNow(), head)
  }
  await log.close()
  await checkReopened(t, folder, acknowledged)
})

t.test('time-stamps', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const { stamp } = await signer()
  const log = await openTestLog(t, { ...logOptions(folder), stamp })
  const acknowledged: Acknowledged = new Map()
  for (const { what, file, ...broken } of BREAKAGES) {
    await append(log, acknowledged)
    const oldest = log.oldestUnstamped()
    const disk = await breakCalls({ ...broken, pid: process.pid, paths: [path.join(folder, file)] })
    await t.rejects(log.timeStampNow(), what)
    t.same(log.oldestUnstamped(), oldest, 'what could not be kept is not said to be stamped')
    t.ok((await disk.mend()) > 0)
    await usableAgain(log)
    t.ok((await log.timeStampNow()) > 0)
    t.equal(log.oldestUnstamped(), undefined, 'it goes on where it was')
  }
  await log.close()
  await checkReopened(t, folder, acknowledged)
})

t.test('kill -9 at each step of a time-stamp', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const acknowledged: Acknowledged = new Map()
  const wal = [path.join(folder, 'log.db-wal')]
  const script = path.join(import.meta.dirname, '../time-stamps/fault-child.ts')
  const aims: Aim[] = [
    { what: 'nothing of it is written', calls: ['pwrite64'], paths: wal },
    { what: 'some of it is written', calls: ['pwrite64'], when: '4', paths: wal },
    { what: 'all is written and nothing synced', calls: SYNC, paths: wal },
  ]
  for (const aim of aims) {
    const log = await openTestLog(t, options)
    for (let n = 0; n < 5; n++) await append(log, acknowledged)
    const oldest = log.oldestUnstamped()
    await log.close()
    t.ok(await killAt(aim, script, folder, options.databaseUrl), aim.what)
    const again = await openTestLog(t, options)
    const left = again.oldestUnstamped()
    // The whole batch has its time-stamp, or nothing has.
    t.ok(left === undefined || left.getTime() === oldest?.getTime(), aim.what)
    await again.close()
  }
  t.notOk(await killAt({ what: 'never', calls: ['mkdir'] }, script, folder, options.databaseUrl))
  const log = await openTestLog(t, options)
  t.equal(log.oldestUnstamped(), undefined, 'it goes on where it was')
  await log.close()
  await checkReopened(t, folder, acknowledged)
})

t.test('bodies in files of their own', { skip: reason }, async (t) => {
  t.teardown(heldMemory.reserve(1e9))
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  const acknowledged: Acknowledged = new Map()
  const incoming = path.join(folder, 'bodies', 'incoming', 'node1')
  const files = (): string[] => readdirSync(incoming)
  const faults: [string, Omit<Parameters<typeof breakCalls>[0], 'pid'>][] = [
    ['a chunk cannot be written', { calls: ['writev'], fault: 'error=EIO' }],
    ['the disk is full', { calls: ['writev'], fault: 'error=ENOSPC' }],
    ['the file cannot be synced', { calls: SYNC, fault: 'error=EIO' }],
    ['the folder cannot be synced', { calls: SYNC, fault: 'error=EIO', paths: [incoming] }],
    ['it cannot be renamed', { calls: ['rename', 'renameat', 'renameat2'], fault: 'error=EIO' }],
  ]
  for (const [what, fault] of faults) {
    await t.test(what, async (t) => {
      const disk = await breakCalls({ ...fault, pid: process.pid })
      for (let n = 0; n < 2; n++)
        await t.rejects(spoolBody(log, randomBytes(300_000)), { code: 'logging_failed' })
      t.ok((await disk.mend()) > 0)
      t.strictSame(files(), [], 'nothing of it stays')
      const body = randomBytes(300_000)
      await append(log, acknowledged, body)
      const index = [...acknowledged.keys()].at(-1)!
      const [attachment] = (await log.container(index)).attachments
      t.ok(Buffer.concat(await attachment!.open().toArray()).equals(body))
    })
  }
  await log.close()
  await checkReopened(t, folder, acknowledged)
})

t.test('bodies in segments', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  const acknowledged: Acknowledged = new Map()
  const segments = path.join(folder, 'bodies', 'segments', 'node1')
  const wal = [path.join(folder, 'log.db-wal')]
  const faults: [string, Omit<Parameters<typeof breakCalls>[0], 'pid'>][] = [
    ['a new one cannot be synced', { calls: SYNC, fault: 'error=EIO', paths: [segments] }],
    ['it cannot be written', { calls: ['pwritev'], fault: 'error=EIO' }],
    ['the disk is full', { calls: ['pwritev'], fault: 'error=ENOSPC' }],
    ['it cannot be synced', { calls: ['fdatasync'], fault: 'error=EIO' }],
    ['there is no room for its record', { calls: ['pwrite64'], fault: 'error=ENOSPC', paths: wal }],
  ]
  for (const [what, fault] of faults) {
    await t.test(what, async (t) => {
      const before = segmentOctets(folder)
      const disk = await breakCalls({ ...fault, pid: process.pid })
      for (let n = 0; n < 2; n++) {
        const [larger, small] = await Promise.allSettled([
          append(log, acknowledged, randomBytes(100_000)),
          append(log, acknowledged),
        ])
        t.match(larger, { reason: { code: 'logging_failed' } })
        if (fault.paths !== wal) t.equal(small.status, 'fulfilled', 'a record without such a body is written')
        t.equal(segmentOctets(folder), before, 'nothing of the body stays')
      }
      t.ok((await disk.mend()) > 0)
      if (fault.paths === wal) await usableAgain(log)
      const body = randomBytes(300_000)
      await append(log, acknowledged, body)
      const index = [...acknowledged.keys()].at(-1)!
      const [attachment] = (await log.container(index)).attachments
      t.ok(Buffer.concat(await attachment!.open().toArray()).equals(body))
    })
  }
  await log.close()
  await checkReopened(t, folder, acknowledged)
})

t.test('kill -9 at each step of a body in a segment', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const options = logOptions(folder)
  const acknowledged: Acknowledged = new Map()
  await (await openTestLog(t, options)).close()
  const wal = [path.join(folder, 'log.db-wal')]
  const script = path.join(import.meta.dirname, '../segments/fault-child.ts')
  // The octets of a body of two chunks, each with its tag, and its header.
  const sealed = 100_048
  const aims: [Aim, bodies: number][] = [
    [{ what: 'nothing of it is written', calls: ['pwritev'] }, 0],
    [{ what: 'it is written and not synced', calls: ['fdatasync'] }, 0],
    [{ what: 'it is synced, and nothing of its record is written', calls: ['pwrite64'], paths: wal }, 0],
    [{ what: 'its record is written and not synced', calls: SYNC, paths: wal }, 1],
  ]
  for (const [aim, bodies] of aims) {
    t.ok(await killAt(aim, script, folder, options.databaseUrl), aim.what)
    await checkReopened(t, folder, acknowledged)
    t.equal(segmentOctets(folder), bodies * sealed, `${aim.what}: what has no record is gone`)
  }
})

t.test(
  'the name of an erased body is kept until no loss of power brings its file back',
  { skip: reason },
  async (t) => {
    const folder = logFolder(t)
    const log = await openTestLog(t, logOptions(folder))
    const root = path.join(folder, 'bodies')
    const known = async (): Promise<number> =>
      (await log.parts.erasedBodyFiles({ after: '', limit: 10, own: [] })).files.length
    for (const [bytes, place] of [
      [100_000, 'segments'],
      [1_100_000, 'bodies'],
    ] as const) {
      const body = await spoolBody(log, randomBytes(bytes))
      const { index } = await log.append(await signedRecord({ body }))
      const file = await until(`a file in ${place}`, (saw) => {
        const all = readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
        return saw(all).find(({ parentPath }) => parentPath.startsWith(path.join(root, place)))
      })
      const disk = await breakCalls({
        pid: process.pid,
        calls: SYNC,
        fault: 'error=EIO',
        paths: [file.parentPath],
      })
      const order = { index, mode: 'LEAF_ONLY', case: '1', reason: 'a test' } as const
      t.match(await log.retention.erase(order), { erased: [{ index }], isLeftToDelete: true })
      t.notOk(existsSync(path.join(file.parentPath, file.name)))
      t.equal(await known(), 1, place)
      await t.rejects(log.retention.deleteBodies(), { code: 'EIO' }, 'it is not here, and may come back')
      t.equal(await known(), 1, place)
      t.ok((await disk.mend()) > 0)
      await log.retention.deleteBodies()
      t.equal(await known(), 0, place)
    }
  },
)

t.test('a folder that takes no files is told, while the database does', { skip: reason }, async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  const folders = {
    bodies: path.join(folder, 'bodies', 'incoming', 'node1'),
    keys: path.join(folder, 'keys'),
  }
  t.strictSame(await checkWritable(folders), { ok: true })
  for (const [name, of] of Object.entries(folders)) {
    for (const [call, fault] of [
      ['openat', 'EROFS'],
      ['write', 'ENOSPC'],
      ['pwrite64', 'ENOSPC'],
      ['fdatasync', 'EIO'],
    ] as const) {
      const paths = [path.join(of, 'write-probe')]
      const disk = await breakCalls({ pid: process.pid, calls: [call], fault: `error=${fault}`, paths })
      const found = await checkWritable(folders)
      if ((await disk.mend()) === 0) continue
      t.match(found, { ok: false, reason: new RegExp(`^${name} cannot be written to \\(${fault}\\)`) }, call)
      t.strictSame(await checkWritable(folders), { ok: true }, 'when it is mended')
    }
    t.strictSame(
      readdirSync(of).filter((one) => one === 'write-probe'),
      [],
    )
  }
  await log.append(await signedRecord())
})
