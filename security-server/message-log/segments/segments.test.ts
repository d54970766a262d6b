/**
 * Bodies of middle size: in memory on their way, then in a file that many share, until the last of them is
 * erased.
 */
import { hash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { truncate } from 'node:fs/promises'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { heldMemory } from '#platform/held-memory.ts'
import { eachDatabase } from '#test/databases.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql } from '#test/postgresql.ts'
import { LOG_PARTS } from '../../log-parts.ts'
import { openBodyIn } from '../bodies/body-folder.ts'
import { placeName, placeOf } from '../bodies/segment-place.ts'
import { openBody } from '../bodies/spool.ts'
import { ownLog } from '../feature.ts'
import {
  logFolder,
  logOptions,
  openTestLog,
  segmentOctets,
  signedRecord,
  spoolBody,
  type TestLog,
} from '../fixture.ts'
import { openLogDatabase } from '../log-store.ts'
import { BODY_PIECES } from '../migrations/body-pieces.ts'
import { logMigrations } from '../part.ts'
import { createSegmentWriter, SEGMENT_BYTES } from './segment-writer.ts'

const SIZES = [65_537, 100_000, 131_072, 1_048_576]

async function append(log: TestLog, bytes: Buffer): Promise<number> {
  return (await log.append(await signedRecord({ body: await spoolBody(log, bytes) }))).index
}

async function erase(log: TestLog, index: number): Promise<void> {
  await log.retention.erase({ index, mode: 'LEAF_ONLY', case: '7/2026', reason: 'a ruling' })
}

async function bodyOf(log: TestLog, index: number): Promise<Buffer> {
  const [attachment] = (await log.container(index)).attachments
  return Buffer.concat(await attachment!.open().toArray())
}

await eachDatabase(t, async (_database, t, url) => {
  const folder = logFolder(t)
  const options = logOptions(folder, url)
  const log = await openTestLog(t, options)
  const segments = path.join(folder, 'bodies', 'segments', 'node1')
  const files = (): string[] => (existsSync(segments) ? readdirSync(segments) : [])
  const bodies = SIZES.map((size) => randomBytes(size))
  const indexes = await Promise.all(bodies.map((bytes) => append(log, bytes)))

  await t.test('they come out as they went in, and share a file', async (t) => {
    for (const [i, bytes] of bodies.entries())
      t.ok((await bodyOf(log, indexes[i]!)).equals(bytes), `${bytes.length}`)
    t.equal(files().length, 1)
    t.strictSame(readdirSync(path.join(folder, 'bodies', 'incoming', 'node1')), [], 'and none has its own')
  })

  await t.test('what no record keeps is never on the disk', async (t) => {
    const before = readFileSync(path.join(segments, files()[0]!)).length
    const body = await spoolBody(log, randomBytes(100_000))
    await log.append(await signedRecord({ body, logLevel: 'digest' }))
    t.equal(readFileSync(path.join(segments, files()[0]!)).length, before)
  })

  await t.test('erasing one of them keeps the file, erasing the last deletes it', async (t) => {
    const [first, ...others] = indexes
    await erase(log, first!)
    t.equal(files().length, 1)
    for (const [i, index] of others.entries())
      t.ok((await bodyOf(log, index)).equals(bodies[i + 1]!), 'the others are there')
    for (const index of others) await erase(log, index)
    t.strictSame(files(), [])
    indexes.splice(0, indexes.length, await append(log, bodies[0]!))
    t.equal(files().length, 1, 'the next body begins another')
    t.ok((await bodyOf(log, indexes[0]!)).equals(bodies[0]!))
  })

  await t.test('of a request that is repeated, at once or later, nothing more is written', async (t) => {
    const replayKey = randomBytes(32)
    const before = segmentOctets(folder)
    const bytes = randomBytes(1_048_576)
    const once = await signedRecord({ body: await spoolBody(log, bytes), replayKey })
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => log.append(once)))
    const logged = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value.index] : [],
    )
    t.equal(logged.length, 1)
    for (let n = 0; n < 20; n++) await t.rejects(log.append(once), { code: 'replayed_request' })
    const grown = segmentOctets(folder) - before
    t.ok(grown > bytes.length && grown < 1.1 * bytes.length, `${grown} octets`)
    indexes.push(...logged)
    bodies.splice(1, 1, bytes)
  })

  await t.test('a start deletes what no record refers to, and begins a file of its own', async (t) => {
    const orphans = ['f', 'e'].map((digit) => digit.repeat(32))
    writeFileSync(path.join(segments, orphans[0]!), randomBytes(1000))
    writeFileSync(path.join(segments, orphans[1]!), '')
    await truncate(path.join(segments, orphans[1]!), SEGMENT_BYTES)
    await log.close()
    const again = await openTestLog(t, options)
    await again.recover()
    t.notOk(
      files().some((file) => orphans.includes(file)),
      'full or not',
    )
    const bytes = randomBytes(70_000)
    const index = await append(again, bytes)
    t.equal(files().length, 2)
    t.ok((await bodyOf(again, index)).equals(bytes))
    for (const [i, earlier] of indexes.entries())
      t.ok((await bodyOf(again, earlier)).equals(bodies[i]!), 'the earlier ones are there')
    await again.close()
    indexes.push(index)
  })

  await t.test('who takes a directory over deletes its segments, also after the next start', async (t) => {
    const renamed = { ...options, node: 'node2' }
    const first = await openTestLog(t, { ...renamed, formerNodes: ['node1'] })
    await first.recover()
    await first.close()
    const orphan = path.join(segments, 'd'.repeat(32))
    writeFileSync(orphan, randomBytes(1000))
    const second = await openTestLog(t, renamed)
    await second.recover()
    if (!url.startsWith('sqlite:')) {
      t.ok(existsSync(orphan), 'another node may be about to commit what it wrote')
      const before = new Date(Date.now() - 3_600_000)
      for (const file of files()) utimesSync(path.join(segments, file), before, before)
      await second.recover()
    }
    t.notOk(existsSync(orphan))
    t.equal(files().length, 2)
    for (const index of indexes) await erase(second, index)
    t.strictSame(files(), [])
    await second.close()
  })
})

t.test('each node deletes its own files, whichever of them ended the contents', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const url = await (await postgresql()).freshDatabase()
  const [here, there] = [logFolder(t), logFolder(t)]
  const options = logOptions(here, url)
  const one = await openTestLog(t, options)
  const two = await openTestLog(t, { ...options, node: 'node2', bodyFolder: path.join(there, 'bodies') })
  const bodies = (folder: string): number =>
    readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    ).length
  const indexes = [
    await append(one, randomBytes(100_000)),
    await append(two, randomBytes(100_000)),
    await append(two, randomBytes(1_100_000)),
  ]
  for (const index of indexes) await erase(one, index)
  t.strictSame([bodies(here), bodies(there)], [0, 2], 'what one node does not have it does not forget')
  await two.retention.deleteBodies()
  t.strictSame([bodies(here), bodies(there)], [0, 0])
  t.strictSame(
    (await one.parts.erasedBodyFiles({ after: '', limit: 10, own: [] })).files,
    [],
    'no name is left',
  )
})

t.test('nodes that share a file system delete nothing to which another one writes', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const options = logOptions(logFolder(t), await (await postgresql()).freshDatabase())
  const one = await openTestLog(t, options)
  const two = await openTestLog(t, { ...options, node: 'node2' })
  const first = await append(two, randomBytes(100_000))
  const segments = path.join(options.bodyFolder, 'segments', 'node2')
  const [segment] = readdirSync(segments)
  await erase(one, first)
  t.strictSame(readdirSync(segments), [segment], 'all that is in it is erased, and it is being written')
  const bytes = randomBytes(100_000)
  const index = await append(two, bytes)
  t.ok((await bodyOf(two, index)).equals(bytes))
  await erase(two, index)
  t.strictSame(readdirSync(segments), [], 'its own node leaves it first')
})

t.test('a version that knows no segments does not open the log', async (t) => {
  const options = logOptions(logFolder(t))
  await (await openTestLog(t, options)).close()
  const { '2026-12-20-message-log-segments': _unknown, ...before } = logMigrations(LOG_PARTS)
  await t.rejects(openLogDatabase(options.databaseUrl, { migrations: before }), {
    code: 'database_error',
    message: /a newer version has changed it/,
  })
  await (await openTestLog(t, options)).close()
})

t.test(
  'a version that knows no archives, no bodies in the database and nothing of what stays as decided goes on',
  async (t) => {
    const { databaseUrl } = logOptions(logFolder(t))
    const migrations = logMigrations(LOG_PARTS)
    await (await openLogDatabase(databaseUrl, { migrations })).close()
    const added = ['2026-12-21-archives-in-the-database', BODY_PIECES, '2026-12-24-what-stays-as-decided']
    added.push('2026-12-25-message-log-body-files')
    const before = Object.fromEntries(Object.entries(migrations).filter(([name]) => !added.includes(name)))
    t.equal(Object.keys(before).length, Object.keys(migrations).length - added.length)
    await (await openLogDatabase(databaseUrl, { migrations: before })).close()
  },
)

t.test('what older versions could not live with waits until their nodes have been stopped', async (t) => {
  const otherNodes = ['older (0.1.0)']
  const refused = { code: 'conflict', message: /nodes of another version run: older/ }
  const options = logOptions(logFolder(t))
  const { '2026-12-20-message-log-segments': _unknown, ...before } = logMigrations(LOG_PARTS)
  await (await openLogDatabase(options.databaseUrl, { migrations: before })).close()
  await t.rejects(openTestLog(t, { ...options, otherNodes }), refused)
  await (await openLogDatabase(options.databaseUrl, { migrations: before })).close()
  await (await openTestLog(t, options)).close()
  await (await openTestLog(t, { ...options, otherNodes })).close()
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const shared = logOptions(logFolder(t), await (await postgresql()).freshDatabase())
  const pieces = { code: 'conflict', message: /older \(0\.1\.0\)\. Stop them first.*messageLogBodies: files/ }
  await t.rejects(openTestLog(t, { ...shared, otherNodes, bodyPlace: 'database' }), pieces)
  const log = await openTestLog(t, { ...shared, otherNodes, bodyPlace: 'files' })
  t.equal(await log.isTooNew(), false)
  const newer = { ...logMigrations(LOG_PARTS), 'z-newer': { up: async () => {} } }
  await (await openLogDatabase(shared.databaseUrl, { migrations: newer })).close()
  t.equal(await log.isTooNew(), true, 'what a newer version did beside it')
})

t.test('health tells that no segment can be written', async (t) => {
  const folder = logFolder(t)
  const storedLog = logOptions(folder)
  const log = await openTestLog(t, storedLog)
  const { health } = await ownLog.open({
    database: { dialect: 'sqlite' },
    ...{ messageLog: log, node: 'node1', storedLog, clock: storedLog.clock, settings: {} },
  })
  const segments = path.join(folder, 'bodies', 'segments', 'node1')
  t.ok(existsSync(segments), 'from the start on')
  rmSync(segments, { recursive: true })
  writeFileSync(segments, 'no folder')
  await t.rejects(append(log, randomBytes(100_000)), { code: 'logging_failed' })
  await append(log, randomBytes(1000))
  t.match(await health!['files']!(), {
    ok: false,
    reason: /^the folder of shared body files cannot be written to \(ENOTDIR\)/,
  })
})

t.test('a damaged segment is found, and names are no paths', async (t) => {
  const root = path.join(logFolder(t), 'bodies')
  const writer = createSegmentWriter(root, 'node1')
  const plain = [randomBytes(70_000), randomBytes(140_000)]
  const [first, second] = writer.keep(plain).kept
  const folder = { open: (name: string) => openBodyIn(root, name) }
  const read = async (kept: { name: string; dataKey: Buffer }): Promise<Buffer> =>
    Buffer.concat(await openBody(folder, kept).toArray())
  t.ok((await read(first!)).equals(plain[0]!))
  t.ok((await read(second!)).equals(plain[1]!))
  const piece = openBody(folder, second!, { start: 65_000, size: 70_000 })
  t.ok(Buffer.concat(await piece.toArray()).equals(plain[1]!.subarray(65_000, 135_000)))

  const { segment, start, size } = placeOf(second!.name)!
  const { dataKey } = second!
  for (const place of [
    { segment, start: 0, size },
    { segment, start, size: size - 16 },
    { segment, start: start + 1, size },
    { segment, start: start + size, size },
    { segment: '0'.repeat(32), start, size },
  ])
    await t.rejects(read({ name: placeName(place), dataKey }), { code: 'log_inconsistent' })
  for (const name of [
    `../${segment}`,
    `${segment}.1`,
    `${segment}.-1.5`,
    `${segment}.1.5/..`,
    `${segment}.1e3.5`,
  ])
    await t.rejects(read({ name, dataKey }), { code: 'log_inconsistent' }, name)

  const file = path.join(root, 'segments', 'node1', segment)
  const bytes = readFileSync(file)
  bytes[start + 80_000]! ^= 1
  writeFileSync(file, bytes)
  await t.rejects(read(second!), { code: 'log_inconsistent' })
  t.ok((await read(first!)).equals(plain[0]!), 'the one before is whole')
  await truncate(file, start + 20)
  await t.rejects(read(second!), { code: 'log_inconsistent' })

  const after = writer.keep([plain[0]!]).kept
  t.equal(placeOf(after[0]!.name)!.segment, segment)
  writer.leave(segment)
  t.ok(writer.isOwn(segment))
  t.not(
    placeOf(writer.keep([plain[0]!]).kept[0]!.name)!.segment,
    segment,
    'nothing is added to one that was left',
  )
  const [left] = writer.keep([plain[0]!]).kept
  rmSync(path.join(root, 'segments', 'node1', placeOf(left!.name)!.segment))
  const [next] = writer.keep([plain[1]!]).kept
  t.ok((await read(next!)).equals(plain[1]!), 'nor to one that another node has deleted')
  const longAgo = new Date(Date.now() - 6 * 60_000)
  utimesSync(path.join(root, 'segments', 'node1', placeOf(next!.name)!.segment), longAgo, longAgo)
  const [later] = writer.keep([plain[0]!]).kept
  t.not(placeOf(later!.name)!.segment, placeOf(next!.name)!.segment, 'nor to one that others may soon delete')
})

t.test('bodies that do not fit into memory have files of their own', async (t) => {
  const folder = logFolder(t)
  const log = await openTestLog(t, logOptions(folder))
  const release = heldMemory.reserve(1e9)
  const bytes = randomBytes(100_000)
  const body = await spoolBody(log, bytes)
  release()
  t.equal(body.bytes, undefined)
  const { index } = await log.append(await signedRecord({ body }))
  t.ok((await bodyOf(log, index)).equals(bytes))
  const beforeIt = await spoolBody(log, bytes)
  t.ok(beforeIt.bytes?.equals(bytes), 'when there is room again')
})

t.test('a body that comes octet by octet costs no more memory than another', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const log = await openTestLog(t, logOptions(logFolder(t)))
  const bytes = randomBytes(150_000)
  gc()
  const before = process.memoryUsage().heapUsed
  const writers = [200, 150_000].map((size) => ({ size, writer: log.spool.begin({ maxBytes: size }) }))
  for (const { size, writer } of writers)
    for (let at = 0; at < size; at++) await writer.write(bytes.subarray(at, at + 1))
  gc()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 10_000_000, `${grown} octets of heap: an object for each would be 19 million`)
  for (const { size, writer } of writers) {
    const sent = bytes.subarray(0, size)
    t.ok(writer.digestSoFar().equals(hash('sha512', sent, 'buffer')))
    const body = await writer.end()
    t.ok(body.bytes?.equals(sent))
    t.ok(body.sha512.equals(hash('sha512', sent, 'buffer')))
  }
  for (const piece of [1, 7, 1000, 65_536, 65_537, 100_000]) {
    const body = await spoolBody(log, bytes, piece)
    t.ok(body.bytes?.equals(bytes), `in pieces of ${piece}`)
  }
})
