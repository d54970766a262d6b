/**
 * A private Valkey or Redis for tests, without data on disk, ended by its pid; at a loopback address of its
 * own, where nobody takes its port while it is down.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Redis } from 'ioredis'
import t from 'tap'
import { freePort } from './free-port.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

// For a machine that is busy with other tests.
const START_MS = 120_000
const PROGRAMS = ['valkey-server', 'redis-server']

type RedisServer = {
  url: string
  /** Deletes all data. */
  flush(): Promise<void>
  /** kill -9; all data is lost, because nothing is on disk. */
  kill(): Promise<void>
  start(): Promise<void>
}

/** Whether Valkey or Redis is on this machine. */
export function hasRedis(): boolean {
  return findProgram(PROGRAMS, ['/usr/sbin', '/usr/local/bin']) !== undefined
}

export async function startRedis(): Promise<RedisServer> {
  const program = findProgram(PROGRAMS, ['/usr/sbin', '/usr/local/bin'])
  if (program === undefined) throw new Error('neither Valkey nor Redis is installed')
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-redis-'))
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  const port = await freePort(host)
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const settings = [
      '--port',
      `${port}`,
      '--bind',
      host,
      '--protected-mode',
      'no',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder,
    ]
    child = spawn(program, settings, { stdio: 'ignore' })
    child.unref()
    await until(
      'the server for tests',
      async (saw) =>
        saw(await say({ host, port }, 'PING').catch((error: Error) => error.message)).startsWith('+PONG'),
      { deadlineMs: START_MS },
    )
  }
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    child.kill('SIGKILL')
    await ended
  }
  process.on('exit', () => child?.kill('SIGKILL'))
  t.teardown(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  const flush = async (): Promise<void> => {
    await say({ host, port }, 'FLUSHALL')
  }
  return { url: `redis://${host}:${port}`, flush, kill, start }
}

function say(at: { host: string; port: number }, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(at, () => socket.write(`${command}\r\n`))
    socket.once('data', (data) => {
      resolve(data.toString())
      socket.destroy()
    })
    socket.once('error', reject)
  })
}

/** All that the broker holds, to be put back later. */
export async function dumped(broker: Redis): Promise<[key: string, dump: Buffer][]> {
  const all: [string, Buffer][] = []
  for (const key of await broker.keys('*')) {
    const dump = await broker.dumpBuffer(key)
    if (dump !== null) all.push([key, dump])
  }
  return all
}

/** The broker holds what it held before, and nothing else. */
export async function restored(broker: Redis, old: [key: string, dump: Buffer][]): Promise<void> {
  await broker.flushall()
  for (const [key, dump] of old) await broker.restore(key, 0, dump, 'REPLACE')
}
