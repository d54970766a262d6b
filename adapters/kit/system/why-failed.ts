/**
 * Why a call of the system failed, as the fault that the client gets: none says that nothing happened when
 * something may have.
 */
import { Fault } from '#schemas/fault.ts'

/** No connection came about, so no byte of the request left. */
export class NotConnected extends Error {
  constructor(cause: unknown) {
    super('no connection came about', { cause })
    this.name = 'NotConnected'
  }
}

const TOO_SLOW: ReadonlySet<unknown> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])
const BROKEN: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'])

/** Whether the connection ended before the answer began. */
export function isBroken(thrown: unknown): boolean {
  return BROKEN.has((thrown as { code?: unknown }).code)
}

export function faultOf(thrown: unknown, isSafe: boolean): Fault {
  if (thrown instanceof Fault) return thrown
  if (thrown instanceof NotConnected) return new Fault('source_unavailable', { cause: thrown })
  const { code, name } = thrown as { code?: unknown; name?: unknown }
  if (TOO_SLOW.has(code) || name === 'TimeoutError')
    return new Fault('source_timeout', {
      what: isSafe ? undefined : 'the request may have been carried out',
      cause: thrown,
    })
  if (!isBroken(thrown)) return new Fault('source_failed', { cause: thrown })
  return new Fault(isSafe ? 'source_unavailable' : 'source_interrupted', { cause: thrown })
}
