/** A body's own file while it is written: given up at any moment, cut into chunks and blocks, among others that are written. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { close, fstatSync, open, openSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { openBodyFolder } from './body-folder.ts'
import { createBodyWriter } from './body-writer.ts'
import { logFolder } from './fixture.ts'

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
  writer.write(randomBytes(1000))
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
    writer.write(randomBytes(octets))
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
