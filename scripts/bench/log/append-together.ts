/**
 * Runs processes that append to one log (writer-process.ts), and measures what they get through together and
 * spend.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { spentEach, totalOf } from '../spending.ts'
import { watchWriters } from './writers-store.ts'

/** Each second; processor time by record. */
export type Appended = { records: number; groups: number; writerMicros: number; databaseMicros: number }

export type WriterTask = { database: string; folder: string; node: string; atOnce: number }

export async function appendTogether(q: {
  writers: number
  atOnce: number
  /** The URL of a new database, and a new folder. */
  database: string
  folder: string
  seconds: number
}): Promise<Appended> {
  const { atOnce, database, folder, seconds } = q
  for (const name of ['keys', 'bodies']) mkdirSync(path.join(folder, name), { mode: 0o700 })
  const children: ChildProcess[] = []
  const watch = await watchWriters(database)
  try {
    for (let i = 0; i < q.writers; i++) {
      const task: WriterTask = { database, folder, node: `node${i}`, atOnce }
      const child = fork(path.join(import.meta.dirname, 'writer-process.ts'), [JSON.stringify(task)])
      children.push(child)
      // The first one makes the log.
      await told(child)
    }
    const backends = await watch.processes()
    const pids = children.map(({ pid }) => pid!)
    const before = await watch.count()
    const began = performance.now()
    let after = before
    let databaseMicros = 0
    const spent = await spentEach(pids, async () => {
      const own = await spentEach(backends, async () => {
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
        after = await watch.count()
        return after.records - before.records
      })
      databaseMicros = totalOf(own)
      return after.records - before.records
    })
    const passed = (performance.now() - began) / 1000
    return {
      records: (after.records - before.records) / passed,
      groups: (after.groups - before.groups) / passed,
      writerMicros: totalOf(spent),
      databaseMicros,
    }
  } finally {
    await Promise.all(children.map(end))
    await watch.close()
  }
}

/** Resolves once the process says that it has begun. */
async function told(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('a writer ended')
  })
  await Promise.race([once(child, 'message'), ended])
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
