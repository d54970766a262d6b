/**
 * Archives on both stores: they are written and verified before content is erased; kills and a full disk;
 * content that must not be archived.
 */
import { spawn } from 'node:child_process'
import { hash, randomInt, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { ARCHIVE_INFO, parseArchiveInfo } from '#core/archive/archive.ts'
import { type ArchiveVerdict, judgeArchive } from '#core/archive/judge-archive.ts'
import { readArchive } from '#core/archive/read-archive.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { idText } from '#schemas/identifiers.ts'
import { eachDatabase } from '#test/databases.ts'
import { type Aim, breakCalls, killAt, noStrace } from '#test/strace.ts'
import {
  endAllDue,
  logFolder,
  logOptions,
  openTestDatabase,
  openTestLog,
  SERVICE,
  signedRecord,
  signer,
  spoolBody,
  type TestLog,
  type TestLogOptions,
} from '../../../message-log/fixture.ts'
import { openLogSource } from '../../verification/checks/open-source.ts'
import { verifyLog } from '../../verification/checks/verify-log.ts'
import { requestOf } from './archives-fixture.ts'
import { archiveName, containerName } from './names.ts'
import { createArchiveStore } from './store.ts'

const DAY = 24 * 60 * 60 * 1000
const CONTAINERS = {
  name: 'default',
  keepDays: 30,
  atEnd: 'PROOF_KEPT',
  archive: 'CONTAINERS',
  applyToExisting: true,
} as const

/** Calls `whileMade` while an archive is being made. */
async function freshLog(t: Test, url?: string, maxBytes = 32 * 1024 * 1024, whileMade = () => {}) {
  const { stamp, memberSigner } = await signer()
  const folder = logFolder(t)
  const directory = path.join(folder, 'archives')
  const options: TestLogOptions = {
    ...logOptions(folder, url),
    ...{
      stamp,
      signer: memberSigner,
      archives: { directory, maxBytes, checkpointSigner: () => void whileMade() },
    },
  }
  return { log: await openTestLog(t, options), options, directory, folder }
}

/** Logs old requests with bodies, some of them large. Returns their indexes. */
async function fill(log: TestLog, count: number, service = SERVICE): Promise<number[]> {
  const indexes: number[] = []
  for (let n = 0; n < count; n++) {
    const body = n % 3 === 0 ? await spoolBody(log, Buffer.alloc(n % 2 === 0 ? 100_000 : 500, n)) : undefined
    const time = new Date(Date.now() - 40 * DAY)
    const { index } = await log.append(await signedRecord({ time, service, body, ...requestOf(service) }))
    indexes.push(index)
  }
  return indexes
}

async function erasedOf(log: TestLog, indexes: number[]): Promise<number[]> {
  const erased: number[] = []
  for (const index of indexes) if ((await log.read(index)).erased !== undefined) erased.push(index)
  return erased
}

async function judge(file: string, previousDigest?: string): Promise<ArchiveVerdict> {
  const archive = await readArchive(file)
  return judgeArchive({ archive, previousDigest, configuration: new Map(), now: new Date() })
}

async function problems(options: TestLogOptions): Promise<unknown[]> {
  const opened = await openLogSource(options)
  try {
    return (await verifyLog(opened.source)).problems
  } finally {
    await opened.close()
  }
}

t.test('names are those that X-Road gives', (t) => {
  t.equal(containerName({ queryId: 'ID1234', kind: 'request', index: 9 }), 'ID1234-request-9.asice')
  t.equal(containerName({ queryId: 'ID1234', kind: 'reply', index: 10 }), 'ID1234-response-a.asice')
  t.equal(
    containerName({ queryId: "a/b c+ä'~*(!", kind: 'reply', index: 32 }),
    'a%2Fb+c%2B%C3%A4%27%7E*%28%21-response-10.asice',
  )
  t.equal(containerName({ queryId: 'x'.repeat(300), kind: 'request', index: 0 }).length, 226 + 16)
  const times = { first: '2021-09-01T10:08:58.123Z', last: '2021-09-01T10:09:05.000Z' }
  const digest = '95b1f27097524105aaaa'
  t.equal(
    archiveName({ group: '', ...times, digest }),
    'mlog-20210901100858-20210901100905-95b1f27097524105.zip',
  )
  t.match(archiveName({ group: 'week', ...times, digest }), /^mlog-week-2021/)
  t.end()
})

await eachDatabase(t, async (_database, t, url) => {
  let whileMade = (): void => {}
  const { log, options, directory } = await freshLog(t, url, 250_000, () => whileMade())
  const { retention } = log

  await t.test('archived, read back, then let go of', async (t) => {
    const indexes = await fill(log, 20)
    await log.timeStampNow()
    await retention.putClass(CONTAINERS)
    t.equal(await endAllDue(log), 20)
    t.same(await erasedOf(log, indexes), indexes)
    const archives = (await retention.archives({ limit: 50 })).toReversed()
    t.ok(archives.length > 1, `${archives.length} archives by their size`)
    t.same(
      archives.flatMap(({ records }) => records),
      indexes,
    )
    t.same(readdirSync(directory).sort(), archives.map(({ file }) => file).sort(), 'and nothing else')
    let previousDigest = ''
    let previous: { file: string; manifest: string } | null = null
    for (const { file, records, linkingDigest, manifestDigest } of archives) {
      const place = path.join(directory, file)
      const verdict = await judge(place, previousDigest)
      // The test has no configuration. Everything that can be judged without one holds.
      t.match(verdict, { linking: { lastDigest: linkingDigest }, proved: { info: { previous } } })
      t.same(
        verdict.proved?.records.map(({ index }) => index),
        records,
      )
      t.notOk(verdict.proved?.records.some((one) => one.verdict === 'TOTAL-FAILED'))
      t.equal(verdict.proved?.manifest, manifestDigest.toString('base64'))
      previousDigest = linkingDigest
      previous = { file, manifest: verdict.proved!.manifest }
    }
    const saying = await log.read((await log.read(indexes[0]!)).erasureIndex!)
    t.equal(saying.metadata?.extra?.['archive'], archives[0]!.file, 'the erasure names its archive')
    t.same(await problems(options), [])
  })

  await t.test('runs at the same time make each archive once, as it was written', async (t) => {
    const before = (await retention.archives({ limit: 50 })).length
    const indexes = await fill(log, 8)
    await Promise.all([retention.run(), retention.run(), retention.run()])
    await endAllDue(log)
    const archives = (await retention.archives({ limit: 50 })).slice(0, -before)
    t.same(
      archives.toReversed().flatMap(({ records }) => records),
      indexes,
    )
    for (const { file, sha256 } of archives)
      t.same(hash('sha256', readFileSync(path.join(directory, file)), 'buffer'), sha256, file)
  })

  await t.test('two nodes make no two archives that follow the same one', async (t) => {
    const database = await openDatabase(url)
    t.teardown(() => database.close())
    const store = createArchiveStore(database)
    const [last, before] = await retention.archives({ limit: 2 })
    const made = { ...last!, file: 'another.zip', node: 'other' }
    for (const follows of [before!.file, null])
      await t.rejects(store.begin({ ...made, follows }), { code: 'conflict' })
    const begun = await store.begin({ ...made, follows: last!.file })
    await t.rejects(store.begin({ ...made, file: 'third.zip', follows: last!.file }), { code: 'conflict' })
    await store.abandon(begun)
    t.same(await retention.archives({ limit: 1 }), [last])
  })

  await t.test('what may not be archived leaves a tombstone', async (t) => {
    const service = { ...SERVICE, serviceCode: 'secret' }
    const indexes = await fill(log, 3, service)
    await retention.putClass({ ...CONTAINERS, name: 'secret', atEnd: 'LEAF_ONLY', archive: 'TOMBSTONES' })
    await retention.assign({ service: idText(service), class: 'secret', applyToExisting: true })
    const before = await log.proof(indexes[0]!)
    t.equal(await endAllDue(log), 3)
    const [archive] = await retention.archives({ limit: 1 })
    t.match(archive, { records: indexes, containers: 0, file: /^mlog-secret-/ })
    const { files } = await readArchive(path.join(directory, archive!.file))
    t.match(parseArchiveInfo(files.get(ARCHIVE_INFO)!), { class: 'secret', previous: null })
    t.notOk([...files.keys()].some((name) => /^records\/|asice|linkinginfo/.test(name)))
    const shown = Buffer.concat([...files.values()]).toString('latin1')
    t.notMatch(shown, before.openings.message!.digest.toString('base64'), 'not even a digest')
    t.match((await judge(path.join(directory, archive!.file))).proved, {
      records: indexes.map((index) => ({ index, subIndication: 'SIGNED_DATA_NOT_FOUND' })),
    })
  })

  await t.test('a hold stops it, and nothing is archived twice', async (t) => {
    const indexes = await fill(log, 4)
    const hold = { caseNumber: '1', reason: 'r', setBy: 'Ada', scope: { indexes: [indexes[1]!] } }
    const { id } = await retention.setHold(hold)
    t.equal(await endAllDue(log), 3)
    t.ok((await log.read(indexes[1]!)).message)
    await retention.liftHold({ id, liftedBy: 'Bob', reason: 'r' })
    t.equal(await endAllDue(log), 1)
    const archived = (await retention.archives({ limit: 50 })).flatMap(({ records }) => records)
    t.equal(new Set(archived).size, archived.length)
    t.same(await problems(options), [])
  })

  await t.test('what is erased by order while an archive is made stands in none', async (t) => {
    const indexes = await fill(log, 8)
    const order = { index: indexes[2]!, mode: 'PROOF_KEPT', case: '7', reason: 'court' } as const
    let erased: Promise<unknown> | undefined
    whileMade = () => {
      erased ??= retention.erase(order)
    }
    await endAllDue(log)
    whileMade = () => {}
    t.ok(await erased)
    t.same(await erasedOf(log, indexes), indexes)
    const archives = await retention.archives({ limit: 50 })
    const archived = archives.flatMap(({ records }) => records)
    t.notOk(archived.includes(order.index))
    t.ok(indexes.filter((index) => index !== order.index).every((index) => archived.includes(index)))
    t.same(readdirSync(directory).sort(), archives.map(({ file }) => file).sort(), 'its file is gone')
  })

  await t.test('a crash between two steps is made up for', async (t) => {
    const indexes = await fill(log, 2)
    const stray = path.join(directory, `tmp-mlog-node1.part`)
    writeFileSync(stray, 'what a killed process left')
    await endAllDue(log)
    t.notOk(existsSync(stray))
    t.same(await erasedOf(log, indexes), indexes)
    await log.close()
  })
})

t.test('without a folder for archives content that is to be archived stays', async (t) => {
  const { log } = await freshLog(t)
  const { log: bare } = await (async () => {
    const folder = logFolder(t)
    const { stamp } = await signer()
    return { log: await openTestLog(t, { ...logOptions(folder), stamp }) }
  })()
  const indexes = await fill(bare, 2)
  await bare.retention.putClass(CONTAINERS)
  t.equal(await bare.retention.run(), 0)
  t.same(await erasedOf(bare, indexes), [])
  await log.close()
})

t.test('a full disk', { skip: noStrace() }, async (t) => {
  const { log, options, directory } = await freshLog(t)
  const indexes = await fill(log, 6)
  await log.retention.putClass(CONTAINERS)
  mkdirSync(directory)
  const temporary = path.join(directory, 'tmp-mlog-node1.part')
  const faults = [
    { what: 'a write', calls: ['write', 'writev', 'pwrite64'], fault: 'error=ENOSPC', paths: [temporary] },
    { what: 'a sync', calls: ['fsync', 'fdatasync'], fault: 'error=EIO', paths: [temporary] },
    { what: 'a rename', calls: ['rename', 'renameat', 'renameat2'], fault: 'error=EIO', paths: [temporary] },
    { what: 'a sync of the folder', calls: ['fsync', 'fdatasync'], fault: 'error=EIO', paths: [directory] },
  ]
  for (const { what, ...fault } of faults) {
    const disk = await breakCalls({ pid: process.pid, ...fault })
    await t.rejects(log.retention.run(), what)
    t.ok((await disk.mend()) > 0)
    t.same(await erasedOf(log, indexes), [], `${what}: the database has not let go`)
  }
  t.equal(await endAllDue(log), 6)
  const archives = await log.retention.archives({ limit: 9 })
  t.same(
    archives.map(({ records }) => records),
    [indexes],
    'one archive in the end',
  )
  t.same(readdirSync(directory), [archives[0]!.file])
  t.same(await problems(options), [])
})

t.test('a file that is not what was written is not let through', async (t) => {
  const { log, directory } = await freshLog(t)
  const indexes = await fill(log, 2)
  await log.retention.putClass(CONTAINERS)
  await endAllDue(log)
  const [archive] = await log.retention.archives({ limit: 1 })
  const bytes = readFileSync(path.join(directory, archive!.file))
  for (let n = 0; n < 40; n++) {
    const other = Buffer.from(bytes)
    const at = randomInt(bytes.length)
    other[at]! ^= 1 << randomInt(8)
    const place = path.join(directory, `${randomUUID()}.zip`)
    writeFileSync(place, other)
    const verdict = await judge(place).catch(() => undefined)
    const isWhole = verdict?.verdict !== 'TOTAL-FAILED' && verdict?.proved?.records.length === indexes.length
    if (verdict !== undefined && isWhole) {
      const { files } = await readArchive(place)
      const { files: good } = await readArchive(path.join(directory, archive!.file))
      t.ok(
        [...good].every(([name, data]) => files.get(name)?.equals(data)),
        `octet ${at} is of no entry`,
      )
    }
  }
  // The database still knows archives whose files were moved away.
  renameSync(path.join(directory, archive!.file), path.join(directory, 'moved.zip'))
  t.match((await log.retention.archives({ limit: 1 }))[0], { sha256: Buffer })
})

t.test('kill -9 at every step', async (t) => {
  const { log, options, directory, folder } = await freshLog(t, undefined, 400_000)
  const indexes = await fill(log, 60)
  await log.retention.putClass(CONTAINERS)
  await log.maintain()
  await log.close()
  const script = path.join(import.meta.dirname, '../fault-child.ts')
  const temporary = [path.join(directory, 'tmp-mlog-node1.part')]
  const aims: Aim[] = [
    { what: 'nothing written', calls: ['write', 'writev', 'pwrite64'], paths: temporary },
    { what: 'written, not synced', calls: ['fsync', 'fdatasync'], paths: temporary },
    { what: 'noted, not renamed', calls: ['rename', 'renameat', 'renameat2'], paths: temporary },
    { what: 'renamed, not ended', calls: ['fsync'], paths: [directory] },
  ]
  const noted: number[] = []
  for (const aim of noStrace() === undefined ? aims : []) {
    t.ok(await killAt(aim, script, folder, options.databaseUrl, directory), aim.what)
    t.same(await problems(options), [], aim.what)
    const opened = await openTestDatabase(options.databaseUrl, { readOnly: true })
    noted.push((await opened.archives.list({ limit: 50 })).length)
    await opened.close()
  }
  t.same(
    noted,
    noted.toSorted((a, b) => a - b),
    'what was done stays done',
  )
  // Each time the kill comes some steps later, so that the process completes after some kills.
  for (let step = 3, done = false; !done; step *= 2) {
    const child = spawn(process.execPath, [script, folder, options.databaseUrl, directory, `${step}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'now') child.kill('SIGKILL')
      if (line === 'done') done = true
    }
    t.same(await problems(options), [], done ? 'at its end' : `killed at step ${step}`)
  }
  const again = await openTestLog(t, options)
  t.same(await erasedOf(again, indexes), indexes)
  const archives = (await again.retention.archives({ limit: 50 })).toReversed()
  t.same(
    archives.flatMap(({ records }) => records).sort((a, b) => a - b),
    indexes,
    'each in one archive',
  )
  t.same(readdirSync(directory).sort(), archives.map(({ file }) => file).sort())
  let previousDigest = ''
  for (const { file, linkingDigest } of archives) {
    const { linking } = await judge(path.join(directory, file), previousDigest)
    t.equal(linking?.lastDigest, linkingDigest)
    previousDigest = linkingDigest
  }
})
