/**
 * The open connections to one peer. Guarantees that each was verified as that server's connection, against
 * the current configuration or the last one that a contract may still use, before a request is sent on it. It
 * is verified again when the configuration changed or a certificate status expired. A connection that fails
 * is closed at once.
 */
import type { TLSSocket } from 'node:tls'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type {
  ConfigurationSnapshot,
  GlobalConfiguration,
} from '../global-configuration/global-configuration.ts'
import { ANY_GRACE } from '../global-configuration/snapshot.ts'

export type PeerSockets = {
  /** Opens a connection and verifies it. */
  open(): Promise<TLSSocket>
  /**
   * Returns undefined when the verdicts on all open connections are still valid. Otherwise resolves when all
   * have been verified again; those that failed are closed then.
   */
  recheck(): Promise<void> | undefined
}

type Held = { chain: Certificate[]; version: string; validUntil: number; checking: Promise<void> | undefined }

export function createPeerSockets(q: {
  globalConfiguration: Pick<GlobalConfiguration, 'currentWithin'>
  clock: Clock
  connect(): Promise<TLSSocket>
  chainOf(socket: TLSSocket): Certificate[]
  /** Throws unless the chain is the peer's. Resolves with the time (ms) until which the verdict is valid. */
  verify(chain: Certificate[], snapshot: ConfigurationSnapshot): Promise<number>
}): PeerSockets {
  const sockets = new Map<TLSSocket, Held>()
  /**
   * The version and earliest expiry of all verdicts, cached: every request asks, and nearly always nothing
   * has changed.
   */
  let common: { version: string; validUntil: number } | undefined
  const current = (): ConfigurationSnapshot => q.globalConfiguration.currentWithin(ANY_GRACE)

  /** Verifies again until the configuration did not change in the meantime. */
  async function judge(chain: Certificate[]): Promise<{ version: string; validUntil: number }> {
    for (;;) {
      const snapshot = current()
      const validUntil = await q.verify(chain, snapshot)
      if (current().version === snapshot.version) return { version: snapshot.version, validUntil }
    }
  }

  async function judgeAgain(socket: TLSSocket, held: Held): Promise<void> {
    try {
      Object.assign(held, await judge(held.chain))
    } catch {
      sockets.delete(socket)
      socket.destroy()
    } finally {
      held.checking = undefined
    }
  }

  return {
    async open() {
      const socket = await q.connect()
      try {
        const chain = q.chainOf(socket)
        const held: Held = { chain, ...(await judge(chain)), checking: undefined }
        if (socket.destroyed) throw new Fault('network_error', { what: 'the connection did not last' })
        sockets.set(socket, held)
        common = undefined
        socket.once('close', () => sockets.delete(socket))
        return socket
      } catch (cause) {
        socket.destroy()
        throw cause
      }
    },
    recheck() {
      const { version } = current()
      const now = q.clock()
      if (common !== undefined && common.version === version && now < common.validUntil) return undefined
      common = undefined
      const checks: Promise<void>[] = []
      let validUntil = Number.POSITIVE_INFINITY
      for (const [socket, held] of sockets) {
        validUntil = Math.min(validUntil, held.validUntil)
        if (held.version === version && now < held.validUntil) continue
        held.checking ??= judgeAgain(socket, held)
        checks.push(held.checking)
      }
      if (checks.length > 0) return Promise.all(checks).then(() => undefined)
      common = { version, validUntil }
      return undefined
    },
  }
}
