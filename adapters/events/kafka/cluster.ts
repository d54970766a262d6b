/**
 * The brokers of a cluster. Guarantees that one of them is asked again until it answers, and that without TLS
 * nothing leaves this machine, whatever addresses the brokers announce.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import type { Credentials } from '../credentials.ts'
import type { BrokerSettings } from '../settings.ts'
import { type Connection, openConnection } from './connection.ts'
import { check } from './error-codes.ts'
import { FIND_COORDINATOR } from './group-requests.ts'
import { METADATA, type Node } from './requests.ts'

export type Topic = {
  name: string
  /** Another topic that is made later under the same name has another one. */
  id: string
  partitions: { index: number; leader: Node | undefined }[]
}

export type Cluster = {
  /** Throws when it is not there, and when no broker answers. */
  topic(name: string): Promise<Topic>
  /** A connection to the broker that coordinates the group. */
  coordinator(group: string): Promise<Connection>
  connect(node: Pick<Node, 'host' | 'port'>): Promise<Connection>
  finding(): Finding
  close(): Promise<void>
}

const DEFAULT_PORT = 9092
const FIRST_MS = 500
const LONGEST_MS = 2000
/** Brokers end connections that are idle for longer, and a frozen one has to be noticed. */
const LOOK_MS = 5000

export function openCluster(q: { broker: BrokerSettings; credentials: Credentials; log: Log }): Cluster {
  const { broker } = q
  const isTls = broker.urls[0]!.startsWith('kafkas:')
  const ended = new AbortController()
  const { signal } = ended
  const open = new Set<Connection>()
  let reason: string | undefined = 'no connection to Kafka yet'
  let standing: Connection | undefined

  async function connect({ host, port }: Pick<Node, 'host' | 'port'>): Promise<Connection> {
    signal.throwIfAborted()
    if (!isTls && !isLoopback(host))
      throw new Error('the broker announces an address off this machine, and the connection has no TLS')
    const connection = await openConnection({ host, port, isTls, ...q })
    open.add(connection)
    void connection.ended.then(() => open.delete(connection))
    if (signal.aborted) connection.close('closed')
    return connection
  }

  async function connectToAny(): Promise<Connection> {
    const failures: string[] = []
    for (const url of broker.urls) {
      const { hostname, port } = new URL(url)
      const at = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) }
      try {
        return await connect(at)
      } catch (thrown) {
        failures.push((thrown as Error).message)
      }
    }
    throw new Error([...new Set(failures)].join('; '))
  }

  async function look(): Promise<void> {
    standing = await connectToAny()
    await standing.ask(METADATA, [])
    reason = undefined
    q.log.info('connected to Kafka')
    for (;;) {
      const why = await Promise.race([standing.ended, wait(LOOK_MS, undefined, { signal })])
      if (why !== undefined) throw new Error(why)
      await standing.ask(METADATA, [])
    }
  }

  async function run(): Promise<void> {
    let pauseMs = FIRST_MS
    while (!signal.aborted) {
      await look().catch((thrown: unknown) => {
        if (signal.aborted) return
        const why = `Kafka: ${(thrown as Error).message}`
        // A connection that stood is tried again soon.
        pauseMs = reason === undefined ? FIRST_MS : Math.min(pauseMs * 2, LONGEST_MS)
        if (why !== reason) q.log.warn({ reason: why }, 'no connection to the broker')
        reason = why
      })
      await wait(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  function current(): Connection {
    if (standing === undefined || !standing.isOpen()) throw new Error(reason ?? 'Kafka: no connection')
    return standing
  }

  const running = run()
  return {
    connect,
    async topic(name) {
      const { nodes, topics } = await current().ask(METADATA, [name])
      const topic = topics.find((one) => one.name === name)
      if (topic === undefined) throw new Error(`the broker says nothing of ${name}`)
      check(topic.error, `: ${name}`)
      const byId = new Map(nodes.map((node) => [node.id, node]))
      const partitions = topic.partitions.map(({ index, leader }) => ({ index, leader: byId.get(leader) }))
      return { name, id: topic.id, partitions: partitions.toSorted((a, b) => a.index - b.index) }
    },
    async coordinator(group) {
      const { error, message, node } = await current().ask(FIND_COORDINATOR, group)
      check(error, message === undefined ? '' : `: ${message.slice(0, 200)}`)
      return connect(node)
    },
    finding: () => ({ ok: reason === undefined, reason }),
    async close() {
      ended.abort()
      for (const connection of open) connection.close('closed')
      await running
    },
  }
}
