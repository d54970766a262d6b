/**
 * Kafka for tests. Java works for a second to load its classes, and for another to write the few files with
 * which a broker begins: both are kept, the classes beside Kafka and the files in this checkout.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import {
  anyAddress,
  type BrokerProcess,
  type BrokerQuestion,
  hasProgram,
  startBroker,
} from './broker-process.ts'
import { findProgram, SHORT_LIVED_JAVA } from './outside-tools.ts'

const WORK = path.join(import.meta.dirname, '../.work')
/** Where scripts/test/outside-tools.sh puts the broker. */
const FOLDER = path.join(homedir(), '.cache/concordat/kafka-3.9.1')
/** For a short life. */
const JVM = ['-Xmx256m', ...SHORT_LIVED_JAVA, '-Xshare:auto']

export const hasKafka = (): boolean => hasProgram('java') && jars().length > 0

function jars(): string[] {
  if (!existsSync(path.join(FOLDER, 'complete'))) return []
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.jar'))
    .map((name) => path.join(FOLDER, name))
}

type Listeners = { lines?: string[]; listeners?: Record<string, string>; scram?: string[] }

/**
 * Kafka as a cluster of one, its own controller. Besides 9092 it has the listeners of `more.listeners`;
 * `scram` are the users that it knows from its beginning.
 */
export async function startKafka(
  t: Test,
  more: Listeners = {},
  address = anyAddress(),
): Promise<BrokerProcess> {
  return startBroker(t, kafka(more, address, [`-XX:SharedArchiveFile=${await archivedClasses(t)}`]))
}

/** The classes of a broker that has begun and ended. Java does without when they are of another Java. */
async function archivedClasses(t: Test): Promise<string> {
  const { mtimeMs } = statSync(findProgram(['java'])!)
  const archive = path.join(FOLDER, `classes-${mtimeMs}.jsa`)
  if (existsSync(archive)) return archive
  const part = `${archive}.${process.pid}`
  const broker = await startBroker(t, kafka({}, anyAddress(), [`-XX:ArchiveClassesAtExit=${part}`]))
  await broker.end()
  if (existsSync(part)) renameSync(part, archive)
  return archive
}

function kafka(more: Listeners, address: string, options: string[]): BrokerQuestion {
  const at = Object.entries({ 'PLAINTEXT://9092': 'PLAINTEXT', ...more.listeners })
  const scram = (more.scram ?? []).flatMap((user) => ['--add-scram', user])
  return {
    ...{ program: 'java', port: 9092, address },
    args: (file) => [...java(options), 'kafka.Kafka', file],
    prepare: (file, data) => format(file, data, scram),
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
  }
}

/** Copies the files with which a broker begins: they depend on its users only. */
function format(file: string, data: string, scram: string[]): void {
  const mark = createHash('sha256')
    .update([FOLDER, ...scram].join('\n'))
    .digest('hex')
    .slice(0, 16)
  const kept = path.join(WORK, `kafka-${mark}`)
  if (existsSync(kept)) {
    cpSync(kept, data, { recursive: true })
    return
  }
  const args = ['format', '-t', 'Q29uY29yZGF0LXRlc3RzLQ', '-c', file, ...scram]
  execFileSync('java', [...java([]), 'kafka.tools.StorageTool', ...args], { stdio: 'ignore' })
  mkdirSync(WORK, { recursive: true })
  const part = mkdtempSync(path.join(WORK, 'kafka-'))
  cpSync(data, part, { recursive: true })
  try {
    renameSync(part, kept)
  } catch {
    // Another test process was faster.
    rmSync(part, { recursive: true })
  }
}

function java(options: string[]): string[] {
  return [...JVM, ...options, '-cp', jars().join(':')]
}
