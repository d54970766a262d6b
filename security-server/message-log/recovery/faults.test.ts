/**
 * The log under faults: killed at any moment, two writers, a full disk, a broken database, endless bodies.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { heldMemory } from '#platform/held-memory.ts'
import { asFault } from '#schemas/fault.ts'
import { skipFor } from '#test/outside-tools.ts'
import { hasPostgresql, postgresql, startPostgresql } from '#test/postgresql.ts'
import { openLogSource } from '../../features/verification/checks/open-source.ts'
import type { LogReport } from '../../features/verification/checks/source.ts'
import { verifyLog } from '../../features/verification/checks/verify-log.ts'
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

const KILLS = 20

type Acknowledged = Map<number, string>

async function verify(folder: string, databaseUrl: string): Promise<LogReport> {
  const bodyFolder = path.join(folder, 'bodies')
  const opened = await openLogSource({ databaseUrl, keyFolder: path.join(folder, 'keys'), bodyFolder })
  try {
    return await verifyLog(opened.source)
  } finally {
    await opened.close()
  }
}

/**
 * Starts a writer and kills it at one of its first records. Resolves to the number of acknowledged records.
 */
async function runAndKill(folder: string, url: string, acknowledged: Acknowledged): Promise<number> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'fault-child.ts'), folder, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let recovered = -1
  let left = randomInt(1, 100)
  for await (const line of createInterface({ input: child.stdout })) {
    const [first, second] = line.split(' ') as [string, string]
    if (first === 'recovered') recovered = Number(second)
    else if (second?.length === 64) acknowledged.set(Number(first), second)
    if (first !== 'recovered' && --left === 0) child.kill('SIGKILL')
  }
  return recovered
}

async function checkAcknowledged(t: Test, log: TestLog, acknowledged: Acknowledged): Promise<void> {
  let missing = 0
  for (const [index, leaf] of acknowledged) {
    const stored = await log.read(index).catch(() => undefined)
    if (stored?.leaf.toString('hex') !== leaf) missing++
  }
  t.equal(missing, 0, `${acknowledged.size} acknowledged records are there`)
}

async function countOpen(folder: string, databaseUrl: string): Promise<number> {
  const { source, close } = await openLogSource({ databaseUrl, keyFolder: path.join(folder, 'keys') })
  const open = new Set<string>()
  for await (const { form, leaf } of source.records()) {
    const { kind, answers } = JSON.parse(form) as { kind: string; answers: string }
    if (kind === 'request') open.add(leaf.toString('base64'))
    open.delete(answers)
  }
  await close()
  return open.size
}

t.test('kill -9 at any moment', async (t) => {
  const stores: [string, (folder: string) => Promise<string>, number][] = [
    ['sqlite', async (folder) => `sqlite:${path.join(folder, 'log.db')}`, KILLS],
  ]
  if (hasPostgresql()) stores.push(['postgresql', async () => (await postgresql()).freshDatabase(), 5])
  for (const [name, urlOf, kills] of stores) {
    await t.test(`on ${name}`, async (t) => {
      const folder = logFolder(t)
      const url = await urlOf(folder)
      const { message, signature } = await signedRecord()
      writeFileSync(path.join(folder, 'message'), message!)
      writeFileSync(path.join(folder, 'signatures.xml'), signature!.signatures)
      const acknowledged: Acknowledged = new Map()
      let recovered = 0
      for (let n = 0; n < kills; n++) {
        recovered += await runAndKill(folder, url, acknowledged)
      }
      t.ok(recovered > 0, `${recovered} outcomes unknown after ${kills} kills`)
      const log = await openTestLog(t, logOptions(folder, url))
      await checkAcknowledged(t, log, acknowledged)
      await log.recover()
      await log.close()
      t.equal(await countOpen(folder, url), 0, 'every request has an answer or an outcome')
      const report = await verify(folder, url)
      t.same(report.problems, [])
      t.ok(report.records > acknowledged.size)
    })
  }
})

t.test('two writers of one embedded log', async (t) => {
  const options = logOptions(logFolder(t))
  const first = await openTestLog(t, options)
  await t.rejects(openTestLog(t, { ...options, node: 'node2' }), { code: 'conflict' })
  await first.append(await signedRecord())
  await first.close()
  const second = await openTestLog(t, { ...options, node: 'node2' })
  t.ok((await second.append(await signedRecord())).index > 0)
})

t.test('two nodes append to one tree on PostgreSQL', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const folder = logFolder(t)
  const url = await (await postgresql()).freshDatabase()
  const options = logOptions(folder, url)
  const nodes = [await openTestLog(t, options), await openTestLog(t, { ...options, node: 'node2' })]
  const replayKeys = Array.from({ length: 40 }, () => randomBytes(32))
  const template = await signedRecord()
  const outcomes = await Promise.allSettled(
    nodes.flatMap((node) => replayKeys.map((replayKey) => node.append({ ...template, replayKey }))),
  )
  const taken = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.index] : []))
  t.equal(taken.length, 40, 'a key is taken once, whichever node it reaches')
  t.equal(new Set(taken).size, 40)
  await nodes[1]!.rotateLogKey()
  const { index } = await nodes[1]!.append(await signedRecord())
  t.ok((await nodes[0]!.read(index)).message, "the other node's new key is found")
  for (const node of nodes) await node.close()
  t.same((await verify(folder, url)).problems, [])
})

t.test('a full disk', async (t) => {
  const place = mkdtempSync(path.join(tmpdir(), 'concordat-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', place], { stdio: 'ignore' })
  } catch {
    rmSync(place, { recursive: true })
    return skipFor(t, 'a small tmpfs can only be mounted by root')
  }
  t.teardown(() => {
    execFileSync('umount', ['-l', place])
    rmSync(place, { recursive: true })
  })
  const filler = path.join(place, 'filler')
  const { blocks, bsize } = statfsSync(place)
  writeFileSync(filler, Buffer.alloc(Math.floor(blocks * bsize * 0.5)))
  for (const name of ['keys', 'bodies']) mkdirSync(path.join(place, name))
  const options = logOptions(place)
  const log = await openTestLog(t, options)
  const acknowledged: Acknowledged = new Map()
  const append = async (): Promise<void> => {
    const { index, leaf } = await log.append(await signedRecord({ message: randomBytes(4000) }))
    acknowledged.set(index, leaf.toString('hex'))
  }
  const begun = await log.append(await signedRecord())
  // A body of five chunks, each with its tag, and its header.
  const [size, sealed] = [300_000, 300_096]
  let bodies = 0
  const appendBody = async (): Promise<void> => {
    await log.append(await signedRecord({ body: await spoolBody(log, randomBytes(size)) }))
    bodies++
  }
  let isFull = false
  while (!isFull) await appendBody().catch(() => (isFull = true))
  const free = statfsSync(place).bavail
  for (let n = 0; n < 3; n++) await t.rejects(appendBody(), { code: 'logging_failed' })
  t.ok(bodies > 0 && free > 0, `${bodies} bodies, ${free} blocks free`)
  t.equal(segmentOctets(place), bodies * sealed, 'nothing stays of a body for which there is no room')
  t.equal(statfsSync(place).bavail, free, 'no attempt makes the disk fuller')
  let refusal: unknown
  while (refusal === undefined) await append().catch((thrown: unknown) => (refusal = thrown))
  t.equal(asFault(refusal).code, 'logging_failed')
  t.throws(() => log.checkUsable(), { code: 'logging_failed' })
  await t.rejects(append(), { code: 'logging_failed' }, 'and again')
  const closing = await signedRecord({ kind: 'refusal', answers: begun.index, outcome: 'network_error' })
  await t.rejects(log.append(closing), { code: 'logging_failed' }, 'nor can an exchange be closed')
  await t.rejects(
    spoolBody(log, randomBytes(2_000_000)),
    { code: 'logging_failed' },
    'no room for a body either',
  )
  await checkAcknowledged(t, log, acknowledged)
  rmSync(filler)
  await usableAgain(log)
  await append()
  t.equal(await log.closeAbandoned(), 1)
  const [closed] = await log.list({ limit: 1, kind: 'refusal' })
  t.match(closed, { answers: begun.index, outcome: 'network_error' }, 'it is closed when there is room')
  await checkAcknowledged(t, log, acknowledged)
  await log.close()
  t.same((await verify(place, options.databaseUrl)).problems, [])
})

t.test('PostgreSQL ends and comes back', async (t) => {
  if (!hasPostgresql()) return skipFor(t, 'PostgreSQL is not installed')
  const server = await startPostgresql()
  const folder = logFolder(t)
  const url = await server.freshDatabase()
  const log = await openTestLog(t, logOptions(folder, url))
  const acknowledged: Acknowledged = new Map()
  const append = async (): Promise<void> => {
    const { index, leaf } = await log.append(await signedRecord())
    acknowledged.set(index, leaf.toString('hex'))
  }
  await append()
  const running = Promise.allSettled(Array.from({ length: 20 }, append))
  await server.crash()
  await running
  await server.start()
  await usableAgain(log)
  await server.crash()
  await t.rejects(log.maintain())
  t.throws(() => log.checkUsable(), { code: 'logging_failed' }, 'seen without an append')
  await t.rejects(append(), { code: 'logging_failed' })
  t.throws(() => log.checkUsable(), { code: 'logging_failed' })
  await server.start()
  await usableAgain(log)
  await append()
  await checkAcknowledged(t, log, acknowledged)
  await log.close()
  t.same((await verify(folder, url)).problems, [])
})

t.test('a database that was cut short is not written to', async (t) => {
  const options = logOptions(logFolder(t))
  const log = await openTestLog(t, options)
  await log.append(await signedRecord())
  await log.close()
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(options.databaseUrl.slice('sqlite:'.length))
  database.exec('delete from record where idx = 1')
  database.close()
  const started = once(process, 'worker')
  await t.rejects(openTestLog(t, options), { code: 'log_inconsistent' })
  const [{ threadId }] = (await started) as [Worker]
  t.equal(threadId, -1, 'the thread has ended, and its lock: it can be opened again at once')
  rmSync(options.databaseUrl.slice('sqlite:'.length))
  await t.rejects(
    openTestLog(t, options),
    { code: 'log_inconsistent' },
    'nor is a new one begun in its place',
  )
})

t.test('a worker that ends is started again', async (t) => {
  const started = once(process, 'worker')
  const options = logOptions(logFolder(t))
  const log = await openTestLog(t, options)
  const [worker] = (await started) as [Worker]
  const before = await log.append(await signedRecord())
  const running = log.append(await signedRecord())
  const ended = worker.terminate()
  const [outcome] = await Promise.allSettled([running])
  await ended
  if (outcome.status === 'rejected') t.equal(asFault(outcome.reason).code, 'logging_failed')
  t.throws(() => log.checkUsable(), { code: 'logging_failed' })
  await t.rejects(log.append(await signedRecord()), { code: 'logging_failed' })
  await usableAgain(log)
  const after = await log.append(await signedRecord())
  t.ok(after.index > before.index)
  t.ok((await log.read(before.index)).message)
  t.ok(
    (await Promise.all([log.checkpointNow(), log.checkpointNow()])).every((note) => note === log.treeHead()),
  )
})

t.test('a tree head that is being signed is not that of who appends meanwhile', async (t) => {
  const { memberSigner } = await signer()
  const [begun, signs] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const sign = async (data: Buffer): Promise<Buffer> => {
    begun.resolve()
    await signs.promise
    return memberSigner.sign(data)
  }
  const log = await openTestLog(t, { ...logOptions(logFolder(t)), signer: { ...memberSigner, sign } })
  const before = await log.append(await signedRecord())
  const job = log.checkpointNow()
  await begun.promise
  const { index } = await log.append(await signedRecord())
  const read = t.resolves(log.proof(index), 'a reader of the new record has its proof')
  const notes = [job, log.checkpointNow()]
  signs.resolve()
  const sizes = (await Promise.all(notes)).map((note) => parseCheckpoint(note!).size)
  t.strictSame(sizes, [before.index + 1, index + 1])
  await read
})

t.test('bodies when others fill the memory', async (t) => {
  t.teardown(heldMemory.reserve(1e9))
  const folder = logFolder(t)
  const options = logOptions(folder)
  const log = await openTestLog(t, options)
  const files = (): string[] =>
    readdirSync(path.join(folder, 'bodies'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)

  await t.test('come out as they went in, at every size around the limits', async (t) => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 131_072, 131_073, 400_000]) {
      const bytes = randomBytes(size)
      const body = await spoolBody(log, bytes, 1 + randomInt(70_000))
      t.equal(body.size, size)
      t.ok(body.sha512.equals(createHash('sha512').update(bytes).digest()))
      t.ok(Buffer.concat(await body.open().toArray()).equals(bytes), `${size}`)
      t.equal(body.bytes !== undefined, size <= 65_536)
      await body.discard()
    }
    t.same(files(), [], 'what no record took is gone')
  })

  await t.test('many large ones at once leave room for what is small', async (t) => {
    let pieces = 0
    let isOver = false
    const bodies = Array.from({ length: 200 }, async () => {
      const writer = log.spool.begin({ maxBytes: 10_000_000 })
      for (; !isOver; pieces++) await writer.write(Buffer.alloc(300_000))
      await writer.abort()
    })
    // Reading files waits in the same queue as the pieces of bodies.
    for (let n = 0; n < 4; n++) await readFile(import.meta.filename)
    t.ok(pieces < 40, `${pieces} pieces went ahead: fewer than one of five bodies`)
    isOver = true
    await Promise.all(bodies)
    t.same(files(), [])
  })

  await t.test('too large, broken off, refused', async (t) => {
    const writer = log.spool.begin({ maxBytes: 100_000 })
    await writer.write(randomBytes(90_000))
    t.throws(() => writer.write(randomBytes(20_000)), { code: 'body_too_large' })
    await writer.abort()
    t.throws(() => writer.write(randomBytes(1)), { code: 'logging_failed' }, 'what comes late begins nothing')
    await t.rejects(writer.end(), { code: 'logging_failed' })
    const replayKey = randomBytes(32)
    await log.append(await signedRecord({ replayKey }))
    const body = await spoolBody(log, randomBytes(100_000))
    await t.rejects(log.append(await signedRecord({ replayKey, body })), { code: 'replayed_request' })
    await body.discard()
    t.same(files(), [])
  })

  await t.test('orphans are deleted at the next start, bodies of records are not', async (t) => {
    const kept = randomBytes(150_000)
    const body = await spoolBody(log, kept)
    const { index } = await log.append(await signedRecord({ body }))
    await body.discard()
    await spoolBody(log, randomBytes(150_000))
    const halfDone = log.spool.begin({ maxBytes: 1_000_000 })
    await halfDone.write(randomBytes(300_000))
    t.equal(files().length, 3)
    await log.close()
    const again = await openTestLog(t, options)
    await again.recover()
    t.equal(files().length, 1)
    const [attachment] = (await again.container(index)).attachments
    t.ok(Buffer.concat(await attachment!.open().toArray()).equals(kept))
    await again.close()
    await halfDone.abort()
  })
})

t.test('300 MB through the spool in flat memory', async (t) => {
  const log = await openTestLog(t, logOptions(logFolder(t)))
  const chunk = randomBytes(65_536)
  const writer = log.spool.begin({ maxBytes: 400_000_000 })
  const before = process.memoryUsage().rss
  let most = 0
  for (let n = 0; n < 4600; n++) {
    await writer.write(chunk)
    if (n % 100 === 0) most = Math.max(most, process.memoryUsage().rss)
  }
  const body = await writer.end()
  const digest = createHash('sha512')
  for await (const piece of body.open()) {
    digest.update(piece as Buffer)
    most = Math.max(most, process.memoryUsage().rss)
  }
  t.ok(digest.digest().equals(body.sha512))
  const grown = (most - before) / 1e6
  t.ok(grown < 100, `memory grew by ${grown.toFixed(0)} MB`)
  await body.discard()
})
