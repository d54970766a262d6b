/**
 * A broker for tests as a process of its own on a loopback address of its own: it is killed, wiped, frozen
 * and started again.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { freeze } from './freeze-process.ts'
import { findProgram } from './outside-tools.ts'
import { until } from './until.ts'

export type BrokerProcess = {
  address: string
  port: number
  folder: string
  start(): Promise<void>
  /** kill -9. */
  kill(): Promise<void>
  /** Lets it end by itself. */
  end(): Promise<void>
  /** Removes what it had stored; only while it is down. */
  wipe(): void
  freeze(): Promise<void>
  thaw(): void
}

export type BrokerQuestion = {
  program: string
  address: string
  /** Of the program, with its settings file; `-c` where absent. */
  args?(file: string): string[]
  /** Before a start without data; fills the folder `data`. */
  prepare?(file: string, data: string): void
  port: number
  /** The settings file for this address, with its data in `data`. */
  settings(at: { address: string; data: string }): string
}

const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin']
const START_MS = 120_000

export function hasProgram(name: string): boolean {
  return findProgram([name], FOLDERS) !== undefined
}

export const hasNatsServer = (): boolean => hasProgram('nats-server')
export const hasMosquitto = (): boolean => hasProgram('mosquitto')

/** NATS with JetStream; `more` is added to its settings. */
export function startNatsServer(t: Test, more = '', address = anyAddress()): Promise<BrokerProcess> {
  return startBroker(t, {
    ...{ program: 'nats-server', port: 4222, address },
    settings: ({ address, data }) => `listen: "${address}:4222"\njetstream { store_dir: "${data}" }\n${more}`,
  })
}

/** Mosquitto, which writes each change to disk. `more` is added to its settings. */
export function startMosquitto(
  t: Test,
  more = 'allow_anonymous true',
  address = anyAddress(),
): Promise<BrokerProcess> {
  return startBroker(t, {
    ...{ program: 'mosquitto', port: 1883, address },
    settings: ({ address, data }) =>
      [
        ...[`listener 1883 ${address}`, 'persistence true', `persistence_location ${data}/`],
        ...['autosave_interval 1', 'autosave_on_changes true', 'max_queued_messages 0', 'user root', more],
      ].join('\n'),
  })
}

export function anyAddress(): string {
  return `127.${randomInt(60, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
}

export async function startBroker(t: Test, q: BrokerQuestion): Promise<BrokerProcess> {
  const program = findProgram([q.program], FOLDERS)
  if (program === undefined) throw new Error(`${q.program} is not installed`)
  const folder = mkdtempSync(path.join(tmpdir(), `concordat-${q.program}-`))
  const data = path.join(folder, 'data')
  const { address } = q
  const file = path.join(folder, 'settings')
  chmodSync(folder, 0o755)
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const isNew = mkdirSync(data, { recursive: true, mode: 0o777 }) !== undefined
    writeFileSync(file, `${q.settings({ address, data })}\n`)
    if (isNew) q.prepare?.(file, data)
    child = spawn(program, q.args?.(file) ?? ['-c', file], { stdio: 'ignore' })
    child.unref()
    const look = async (saw: (state: unknown) => unknown): Promise<boolean> => {
      if (child!.exitCode !== null) throw new Error(`${q.program} has ended with code ${child!.exitCode}`)
      return saw(await isOpen(address, q.port)) as boolean
    }
    await until(`${q.program} for tests`, look, { deadlineMs: START_MS })
  }
  const stop = async (signal: 'SIGKILL' | 'SIGTERM'): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    child.kill(signal)
    await ended
  }
  const onExit = (): void => void child?.kill('SIGKILL')
  process.on('exit', onExit)
  t.teardown(async () => {
    await stop('SIGKILL')
    process.off('exit', onExit)
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    ...{ address, port: q.port, folder, start },
    kill: () => stop('SIGKILL'),
    end: () => stop('SIGTERM'),
    wipe: () => rmSync(data, { recursive: true, force: true }),
    freeze: () => freeze([child!.pid!]),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, host)
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
