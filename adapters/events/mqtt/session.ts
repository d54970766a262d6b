/**
 * A named session at the broker. Guarantees that it has a connection again whenever the broker can be
 * reached, until it is closed.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Packet } from 'mqtt-packet'
import type { Finding } from '#platform/health/create-health.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { type Connection, openConnection } from './connection.ts'

export type Session = {
  /** The connection that stands. */
  current(): Connection | undefined
  finding(): Finding
  close(): Promise<void>
}

type SessionQuestion = Omit<Parameters<typeof openConnection>[0], 'onPacket'> & {
  log: Log
  /**
   * Before any packet of this connection: what the session remembers is told by `connection.connack`. Throws
   * to end it.
   */
  onConnect(connection: Connection): Promise<void>
  onPacket(packet: Packet, isCut: boolean, connection: Connection): void
  /** Why the connection has ended. */
  onEnd(why: string): void
}

const FIRST_MS = 500
const LONGEST_MS = 30_000

export function openSession(q: SessionQuestion): Session {
  const ended = new AbortController()
  const { signal } = ended
  let current: Connection | undefined
  let reason: string | undefined = 'no connection to the broker yet'

  async function once(): Promise<void> {
    let connection: Connection | undefined
    // Packets may come in one piece with the broker's answer to CONNECT.
    const early: [Packet, boolean][] = []
    const onPacket = (packet: Packet, isCut: boolean): void => {
      if (connection === undefined) early.push([packet, isCut])
      else q.onPacket(packet, isCut, connection)
    }
    const opened = await openConnection({ ...q, onPacket })
    if (signal.aborted) return opened.destroy('closed')
    connection = opened
    const connected = q.onConnect(opened)
    for (const [packet, isCut] of early) q.onPacket(packet, isCut, opened)
    current = opened
    await Promise.race([connected, opened.ended])
    reason = undefined
    q.log.info({ client: q.clientId, isKnown: opened.connack.sessionPresent }, 'connected to the broker')
    const why = await opened.ended
    throw new Error(why)
  }

  async function run(): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      const began = performance.now()
      try {
        await once()
      } catch (thrown) {
        const why = `MQTT: ${(thrown as Error).message}`
        current?.destroy(why)
        current = undefined
        q.onEnd(why)
        if (signal.aborted) return
        if (why !== reason) q.log.warn({ client: q.clientId, reason: why }, 'no connection to the broker')
        reason = why
      }
      failures = performance.now() - began > LONGEST_MS ? 0 : failures + 1
      const pauseMs = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 10), LONGEST_MS)
      await wait(Math.max(pauseMs, FIRST_MS), undefined, { signal }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    current: () => current,
    finding: () => ({ ok: reason === undefined, reason }),
    async close() {
      ended.abort()
      await current?.end()
      await running
    },
  }
}
