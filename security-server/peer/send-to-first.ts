/**
 * Guarantees that of several servers exactly one gets the request, and that servers which keep silent,
 * however many, cost no more than `HEAD_START_MS` together: then all others are tried beside them, and the
 * request goes over the connection that is ready first. The others never see a byte of it.
 */
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { NotSent } from './not-sent.ts'

/** Several times what a handshake takes between two continents. */
const HEAD_START_MS = 500

export type Race = {
  /** Asked right before the first byte, once: true to one server alone. */
  mayStart(): boolean
  /** Whether a server has the request: then nobody else need wait for its turn. */
  isDecided(): boolean
}

/**
 * `send` sends to one server, as the race allows. Resolves with what the server that got the request answers,
 * rejects with its failure; with the first NotSent when none could get it. `onFailure` hears of each server
 * that failed.
 */
export function sendToFirst<Server extends SecurityServerInfo, Reply>(q: {
  servers: readonly Server[]
  send(server: Server, race: Race): Promise<Reply>
  onFailure(server: Server): void
}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { servers } = q
    let next = 0
    let running = 0
    let started: Server | undefined
    let failure: NotSent | undefined
    let timer: NodeJS.Timeout | undefined

    const tryNext = (): void => {
      const server = servers[next++]!
      running += 1
      const race: Race = {
        mayStart() {
          if (started !== undefined) return false
          clearTimeout(timer)
          started = server
          return true
        },
        isDecided: () => started !== undefined,
      }
      q.send(server, race).then(resolve, (cause: unknown) => failed(server, cause))
    }

    const wait = (): void => {
      clearTimeout(timer)
      if (next === servers.length) return
      timer = setTimeout(() => {
        while (started === undefined && next < servers.length) tryNext()
      }, HEAD_START_MS)
    }

    const failed = (server: Server, cause: unknown): void => {
      running -= 1
      if (started !== undefined && started !== server) return
      q.onFailure(server)
      if (!(cause instanceof NotSent)) {
        clearTimeout(timer)
        reject(cause)
        return
      }
      failure ??= cause
      const hadStarted = started === server
      started = undefined
      if (next < servers.length) tryNext()
      else if (running === 0) reject(failure)
      if (hadStarted) wait()
    }

    tryNext()
    wait()
  })
}
