/**
 * Guarantees that a request is sent to a server that is registered for its provider. Of several servers it
 * chooses the one that accepts a connection first. The choice is kept for an hour, and dropped when a request
 * to that server fails (pr-messtransp).
 */
import { connect } from 'node:net'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { type ClientId, idText, type ServerId } from '#schemas/identifiers.ts'
import { isServerSuspended } from '../global-configuration/check-suspended.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'

const CHOICE_KEPT_MS = 3600 * 1000
const CHOICES_KEPT = 10_000

export type ServerWithAddress = SecurityServerInfo & { address: string }

type ChooseServer = {
  /**
   * The servers to try, best first; never empty. Throws `unknown_server`, `invalid_security_server`,
   * `suspended` or `maintenance_mode`.
   */
  choose(q: {
    provider: ClientId
    wanted?: ServerId | undefined
    snapshot: ConfigurationSnapshot
  }): Promise<ServerWithAddress[]>
  /** Chooses `server` for the provider: it was ready before the one that was chosen. */
  keep(provider: ClientId, server: ServerId): void
  /** Forgets every choice of `server`. */
  drop(server: ServerId): void
}

/** Makes the chooser; `port` is the one on which peers accept messages. */
export function createServerChoice(settings: {
  port: number
  connectTimeoutMs: number
  clock: Clock
}): ChooseServer {
  const choices = new Map<string, { server: string; at: number }>()
  const races = new Map<string, Promise<ServerWithAddress>>()

  /** Runs one race at a time for a provider; concurrent callers share its result. */
  function winner(key: string, candidates: ServerWithAddress[]): Promise<ServerWithAddress> {
    const running = races.get(key)
    if (running !== undefined) return running
    const race = fastest(candidates, settings).finally(() => races.delete(key))
    races.set(key, race)
    return race
  }

  function keep(provider: ClientId, server: ServerId): void {
    if (choices.size >= CHOICES_KEPT) choices.clear()
    choices.set(idText(provider), { server: idText(server), at: settings.clock() })
  }

  return {
    async choose({ provider, wanted, snapshot }) {
      const candidates = candidatesFor(provider, wanted, snapshot)
      if (candidates.length === 1) return candidates
      const key = idText(provider)
      const kept = choices.get(key)
      const known = kept !== undefined && !hasPassed(settings.clock(), kept.at, CHOICE_KEPT_MS)
      const best = known && candidates.find((one) => idText(one.id) === kept.server)
      const first = best || (await winner(key, candidates))
      if (!best) keep(provider, first.id)
      return [first, ...candidates.filter((one) => idText(one.id) !== idText(first.id))]
    },
    keep,
    drop(server) {
      for (const [key, choice] of choices) if (choice.server === idText(server)) choices.delete(key)
    },
  }
}

/**
 * The servers that may receive a request for this provider now. Pure; also used for the early check before a
 * request is signed. Throws as `choose` does.
 */
export function candidatesFor(
  provider: ClientId,
  wanted: ServerId | undefined,
  snapshot: ConfigurationSnapshot,
): ServerWithAddress[] {
  const all = snapshot.indexFor(provider.instance)?.serversOf(provider) ?? []
  const withAddress = all.filter((server): server is ServerWithAddress => server.address !== undefined)
  if (withAddress.length === 0) throw new Fault('unknown_server', { what: idText(provider) })
  const named =
    wanted === undefined ? withAddress : withAddress.filter((one) => idText(one.id) === idText(wanted))
  if (named.length === 0) throw new Fault('invalid_security_server', { what: idText(wanted!) })
  const free = named.filter((server) => !isServerSuspended(server.id, snapshot))
  if (free.length === 0) throw new Fault('suspended', { what: `the security server ${idText(named[0]!.id)}` })
  const open = free.filter((server) => server.maintenance === undefined)
  if (open.length === 0) {
    throw new Fault('maintenance_mode', {
      what: free[0]!.maintenance?.message?.slice(0, 200) ?? idText(free[0]!.id),
    })
  }
  return open
}

/**
 * The first server that accepts a TCP connection. When none does it returns the first of the list: sending to
 * it then reports the failure.
 */
async function fastest(
  candidates: ServerWithAddress[],
  settings: { port: number; connectTimeoutMs: number },
): Promise<ServerWithAddress> {
  const sockets = candidates.map((one) => connect({ host: one.address, port: settings.port }))
  try {
    return await Promise.any(
      sockets.map(
        (socket, i) =>
          new Promise<ServerWithAddress>((resolve, reject) => {
            socket.setTimeout(settings.connectTimeoutMs, () => reject(new Fault('network_error')))
            socket.once('connect', () => resolve(candidates[i]!))
            socket.once('error', reject)
          }),
      ),
    )
  } catch {
    return candidates[0]!
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}
