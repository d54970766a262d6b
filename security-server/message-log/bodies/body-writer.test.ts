/**
 * A body's own file while it is written: given up at any moment, cut into chunks and blocks, among others
 * that are written.
 */
import { execFileSync } from 'node:child_process'
import { hash, randomBytes, randomInt } from 'node:crypto'
import { close, fstatSync, open, openSync, readdirSync, statSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { heldMemory } from '#platform/held-memory.ts'
import { createPlaces } from '#platform/in-turn.ts'
import { until } from '#test/until.ts'
import { logFolder } from '../fixture.ts'
import { BODY_FILE_HEADER, CHUNK, type Piece } from './body-file.ts'
import { openBodyFolder } from './body-folder.ts'
import { createBodyWriter } from './body-writer.ts'
import { incomingFile } from './incoming-file.ts'
import { openBody } from './spool.ts'

const openFile = promisify(open)
const closeFile = promisify(close)

/** As many as Node's pool has, unless it is told otherwise. */
const THREADS = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4)

async function bodies(t: Test) {
  const root = path.join(logFolder(t), 'bodies')
  const folder = await openBodyFolder(root, 'node1')
  return { folder, root, files: () => readdirSync(path.join(root, 'incoming', 'node1')) }
}

/** Keeps all threads of Node's pool busy; each returned function frees one. */
function blockThreads(root: string): (() => Promise<void>)[] {
  return Array.from({ length: THREADS }, (_, n) => {
    const pipe = path.join(root, `pipe${n}`)
    execFileSync('mkfifo', [pipe])
    // Waits until somebody opens the other end.
    const reader = openFile(pipe, 'r')
    return async () => {
      const writer = openSync(pipe, 'r+')
      await closeFile(await reader)
      await closeFile(writer)
    }
  })
}

t.test('given up while its file is synced, it closes no other file', async (t) => {
  const { folder, root, files } = await bodies(t)
  let free: (() => Promise<void>)[] = []
  const writer = createBodyWriter(folder, {
    run: async (act) => {
      const outcome = await act()
      free = blockThreads(root)
      return outcome
    },
  })
  void writer.write(randomBytes(1000))
  const ended = writer.end()
  ended.catch(() => undefined)
  while (free.length === 0) await nextTurn()
  // Everything that needs no thread of the pool has happened: the sync waits for one.
  await nextTurn()
  const aborted = writer.abort()
  await nextTurn()
  const innocent = path.join(root, 'innocent')
  const opening = openFile(innocent, 'w')
  await free.pop()!()
  const [file] = await Promise.all([opening, aborted, ended.catch(() => undefined)])
  await Promise.all(free.map((release) => release()))
  t.equal(fstatSync(file).ino, statSync(innocent).ino)
  await closeFile(file)
  t.strictSame(files(), [])
})

t.test('given up while it waits for a place, it leaves no file', async (t) => {
  const { folder, files } = await bodies(t)
  for (const octets of [1000, 300_000]) {
    const place = Promise.withResolvers<void>()
    let isWanted = false
    const writer = createBodyWriter(folder, {
      run: async (act) => {
        isWanted = true
        await place.promise
        return act()
      },
    })
    void writer.write(randomBytes(octets))
    const ended = writer.end()
    ended.catch(() => undefined)
    while (!isWanted) await nextTurn()
    const aborted = writer.abort()
    await nextTurn()
    place.resolve()
    await aborted
    t.strictSame(files(), [])
    await t.rejects(ended, { code: 'logging_failed' })
    await t.rejects(writer.end(), { code: 'logging_failed' })
    t.strictSame(files(), [], 'also when it is ended afterwards')
  }
})

t.test('given up when it is whole, or before it began, it leaves no file either', async (t) => {
  const { folder, files } = await bodies(t)
  const begin = () => createBodyWriter(folder, { run: (act) => act() })
  const whole = begin()
  await whole.write(randomBytes(300_000))
  await whole.end()
  t.equal(files().length, 1)
  await whole.abort()
  t.strictSame(files(), [])
  const fresh = begin()
  await fresh.abort()
  await t.rejects(fresh.end(), { code: 'logging_failed' })
  t.strictSame(files(), [])
})

t.test('those who send and read slowly take large blocks only while there is room', async (t) => {
  const { folder, files } = await bodies(t)
  const begin = () => createBodyWriter(folder, { run: (act) => act() })
  // Of what is lent to a writer or a reader at least this is counted.
  const LENT = 4 * (65_536 + 16)
  let octets = LENT
  while (heldMemory.fits(octets + LENT)) octets += LENT
  const release = heldMemory.reserve(octets - 2 * LENT)
  t.teardown(release)
  const isRoom = () => heldMemory.fits(2 * LENT)
  t.ok(isRoom())

  const writers = [begin(), begin(), begin()]
  t.notOk(heldMemory.fits(LENT))
  const waits = writers.map((writer) => writer.write(randomBytes(65_537)) !== undefined)
  t.strictSame(waits, [false, false, true], 'the third writes a chunk at a time')
  const [first, second, third] = writers
  await first!.end()
  await second!.abort()
  t.ok(isRoom(), 'given back when a body ends or is given up')
  const written = await third!.end()

  const reader = openBody(folder, written)
  t.equal((await reader.iterator({ destroyOnReturn: false }).next()).value.length, 65_536)
  t.notOk(isRoom(), 'a reader that pauses is counted')
  reader.destroy()
  await until('the end of the reader', isRoom)

  const nowhere = { name: 'none', path: '/dev/null/none', sync: async () => undefined }
  const refused = createBodyWriter({ begin: () => incomingFile(nowhere) }, { run: (act) => act() })
  void refused.write(randomBytes(10))
  t.notOk(isRoom())
  await t.rejects(refused.end(), { code: 'logging_failed' })
  t.ok(isRoom(), 'given back when the disk fails')
  t.equal(files().length, 2)
})

t.test('nothing is taken after the end: what is encrypted in its place is being written', async (t) => {
  const { folder } = await bodies(t)
  const writer = createBodyWriter(folder, createPlaces(1))
  const whole = randomBytes(100_000)
  await writer.write(whole)
  const ending = writer.end()
  t.throws(() => writer.write(randomBytes(10)), { code: 'logging_failed' })
  t.ok(Buffer.concat(await openBody(folder, await ending).toArray()).equals(whole))
})

t.test('a large chunk takes a place for each of its blocks', async (t) => {
  const { folder } = await bodies(t)
  const inPlace: string[] = []
  const place = createPlaces(1)
  const begin = (name: string) =>
    createBodyWriter(folder, {
      run: (act) =>
        place.run(() => {
          inPlace.push(name)
          return act()
        }),
    })
  const [large, small] = [begin('large'), begin('small')]
  await Promise.all([large.write(randomBytes(2_000_000)), small.write(randomBytes(300_000))])
  t.strictSame(inPlace.slice(0, 3), ['large', 'small', 'large'])
  await Promise.all([large.abort(), small.abort()])
})

t.test('octets keep their order, also when nobody waits for a write', async (t) => {
  const { folder } = await bodies(t)
  const writer = createBodyWriter(folder, createPlaces(1))
  const chunks = [300_000, 5, 70_000, 1, 262_144, 9].map((size) => randomBytes(size))
  for (const chunk of chunks) void writer.write(chunk)
  const written = await writer.end()
  const whole = Buffer.concat(chunks)
  t.ok(Buffer.concat(await openBody(folder, written).toArray()).equals(whole))
  t.ok(written.sha512.equals(hash('sha512', whole, 'buffer')))
})

for (const isFull of [false, true]) {
  t.test(`sizes around chunks and blocks, ${isFull ? 'a chunk' : 'four chunks'} at a time`, async (t) => {
    if (isFull) t.teardown(heldMemory.reserve(1e9))
    const { folder, root, files } = await bodies(t)
    const edges = [65_536, 131_072, 262_144, 524_288]
    for (const size of [0, 1, ...edges.flatMap((edge) => [edge - 1, edge, edge + 1])]) {
      const bytes = randomBytes(size)
      const writer = createBodyWriter(folder, createPlaces(1))
      const most = 1 + randomInt(300_000)
      for (let at = 0; at < size; at += most) await writer.write(bytes.subarray(at, at + most))
      t.ok(writer.digestSoFar().equals(hash('sha512', bytes, 'buffer')), `${size} in pieces of ${most}`)
      const written = await writer.end()
      t.ok(written.sha512.equals(hash('sha512', bytes, 'buffer')))
      const read = async (piece?: Piece): Promise<Buffer> =>
        Buffer.concat(await openBody(folder, written, piece).toArray())
      t.ok((await read()).equals(bytes), `${size}`)
      // A reader refills its block behind each four chunks, counted from where the piece begins.
      for (const start of [0, 65_535, 262_143, 262_144].filter((one) => one < size))
        for (const length of [1, 2, 262_145, 400_000])
          if (!(await read({ start, size: length })).equals(bytes.subarray(start, start + length)))
            t.fail(`${length} octets from ${start} of ${size}`)

      const file = path.join(root, 'incoming', 'node1', written.name)
      const whole = statSync(file).size
      for (const chunks of [8, 4, 2, 1]) {
        const cut = BODY_FILE_HEADER.length + chunks * (CHUNK + 16)
        for (const end of [cut + 1, cut]) {
          if (end >= whole) continue
          truncateSync(file, end)
          await t.rejects(read(), { code: 'log_inconsistent' }, `${size} cut at ${end}`)
        }
      }
      await folder.release(written.name)
    }
    t.strictSame(files(), [])
  })
}
