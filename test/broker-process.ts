/** A broker for tests as a process of its own on a loopback address of its own: it is killed, wiped, frozen and started again. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir, tmpdir } from 'node:os'
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
  /** Removes what it had stored; only while it is down. */
  wipe(): void
  freeze(): Promise<void>
  thaw(): void
}

type BrokerQuestion = {
  program: string
  address: string
  /** Of the program, with its settings file; `-c` where absent. */
  args?(file: string): string[]
  /** Before a start without data. */
  prepare?(file: string): void
  port: number
  /** The settings file for this address, with its data in `data`. */
  settings(at: { address: string; data: string }): string
}

const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin']
const START_MS = 120_000

function hasProgram(name: string): boolean {
  return findProgram([name], FOLDERS) !== undefined
}

export const hasNatsServer = (): boolean => hasProgram('nats-server')
export const hasMosquitto = (): boolean => hasProgram('mosquitto')
export const hasKafka = (): boolean => hasProgram('java') && kafkaJars().length > 0

/** Where scripts/test/outside-tools.sh puts the broker. */
const KAFKA_FOLDER = path.join(homedir(), '.cache/concordat/kafka-3.9.1')
/** For a short life. */
const JVM = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']

function kafkaJars(): string[] {
  if (!existsSync(path.join(KAFKA_FOLDER, 'complete'))) return []
  return readdirSync(KAFKA_FOLDER)
    .filter((name) => name.endsWith('.jar'))
    .map((name) => path.join(KAFKA_FOLDER, name))
}

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

/**
 * Kafka as a cluster of one, its own controller. Besides 9092 it has the listeners of `more.listeners`; `scram` are the users that it knows
 * from its beginning.
 */
export function startKafka(
  t: Test,
  more: { lines?: string[]; listeners?: Record<string, string>; scram?: string[] } = {},
  address = anyAddress(),
): Promise<BrokerProcess> {
  const java = (main: string, ...args: string[]): string[] => [
    ...JVM,
    '-cp',
    kafkaJars().join(':'),
    main,
    ...args,
  ]
  const at = Object.entries({ 'PLAINTEXT://9092': 'PLAINTEXT', ...more.listeners })
  return startBroker(t, {
    ...{ program: 'java', port: 9092, address },
    args: (file) => java('kafka.Kafka', file),
    prepare(file) {
      const scram = (more.scram ?? []).flatMap((user) => ['--add-scram', user])
      const args = ['format', '-t', 'Q29uY29yZGF0LXRlc3RzLQ', '-c', file, ...scram]
      execFileSync('java', java('kafka.tools.StorageTool', ...args), { stdio: 'ignore' })
    },
    settings: ({ address, data }) =>
      [
        ...['process.roles=broker,controller', 'node.id=1', `controller.quorum.voters=1@${address}:9091`],
        ...[
          `listeners=CONTROLLER://${address}:9091,${at.map(([url]) => url.replace('//', `//${address}:`))}`,
        ],
        `listener.security.protocol.map=CONTROLLER:PLAINTEXT,${at.map(([url, kind]) => `${url.split(':')[0]}:${kind}`)}`,
        ...['controller.listener.names=CONTROLLER', `log.dirs=${data}`, 'auto.create.topics.enable=false'],
        ...['offsets.topic.replication.factor=1', 'offsets.topic.num.partitions=1'],
        ...['transaction.state.log.replication.factor=1', 'transaction.state.log.num.partitions=1'],
        ...['transaction.state.log.min.isr=1', 'group.initial.rebalance.delay.ms=0', 'num.network.threads=1'],
        ...['group.min.session.timeout.ms=1000', 'num.io.threads=2', 'log.cleaner.enable=false'],
        // One that was killed is taken for dead sooner, and may come again.
        ...['broker.session.timeout.ms=3000', 'broker.heartbeat.interval.ms=500'],
        ...(more.lines ?? []),
      ].join('\n'),
  })
}

function anyAddress(): string {
  return `127.${randomInt(60, 250)}.${randomInt(1, 250)}.${randomInt(1, 250)}`
}

async function startBroker(t: Test, q: BrokerQuestion): Promise<BrokerProcess> {
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
    if (isNew) q.prepare?.(file)
    child = spawn(program, q.args?.(file) ?? ['-c', file], { stdio: 'ignore' })
    child.unref()
    const look = async (saw: (state: unknown) => unknown): Promise<boolean> => {
      if (child!.exitCode !== null) throw new Error(`${q.program} has ended with code ${child!.exitCode}`)
      return saw(await isOpen(address, q.port)) as boolean
    }
    await until(`${q.program} for tests`, look, { deadlineMs: START_MS })
  }
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.ref()
    child.kill('SIGKILL')
    await ended
  }
  const onExit = (): void => void child?.kill('SIGKILL')
  process.on('exit', onExit)
  t.teardown(async () => {
    await kill()
    process.off('exit', onExit)
    rmSync(folder, { recursive: true, force: true })
  })
  await start()
  return {
    ...{ address, port: q.port, folder, start, kill },
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
