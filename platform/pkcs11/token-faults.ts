/** What a failure of a token means: for people as a fault, for us whether a new connection can mend it. */
import { Fault } from '#schemas/fault.ts'
import { ConnectionLost } from './connection.ts'
import { ModuleError, RETURN } from './constants.ts'
import { ProtocolError } from './message.ts'

const REFUSED_PIN: ReadonlySet<number> = new Set([
  RETURN.pinIncorrect,
  RETURN.pinInvalid,
  RETURN.pinLenRange,
  RETURN.pinExpired,
  RETURN.userPinNotInitialized,
])

/** What session, process or device have lost: a new connection finds it again when it is there. */
const LOST: ReadonlySet<number> = new Set([
  RETURN.generalError,
  RETURN.functionFailed,
  RETURN.deviceError,
  RETURN.deviceRemoved,
  RETURN.keyHandleInvalid,
  RETURN.objectHandleInvalid,
  RETURN.operationActive,
  RETURN.operationNotInitialized,
  RETURN.sessionClosed,
  RETURN.sessionHandleInvalid,
  RETURN.slotIdInvalid,
  RETURN.tokenNotPresent,
  RETURN.tokenNotRecognized,
  RETURN.userNotLoggedIn,
  RETURN.cryptokiNotInitialized,
])

/** Whether the connection is of no more use. */
export function isLoss(thrown: unknown): boolean {
  return (
    thrown instanceof ConnectionLost ||
    thrown instanceof ProtocolError ||
    (thrown instanceof ModuleError && LOST.has(thrown.code))
  )
}

/** Whether the token did not take the PIN: it must not be tried again. */
export function isRefusedPin(thrown: unknown): boolean {
  return thrown instanceof ModuleError && (REFUSED_PIN.has(thrown.code) || thrown.code === RETURN.pinLocked)
}

/** A fault of the catalogue for anything that a token's functions throw. */
export function tokenFault(thrown: unknown, name: string): Fault {
  if (thrown instanceof Fault) return thrown
  if (thrown instanceof ModuleError) {
    if (thrown.code === RETURN.pinLocked) return new Fault('pin_locked', { what: name, cause: thrown })
    if (isRefusedPin(thrown))
      return new Fault('pin_incorrect', { what: `${name}: ${thrown.message}`, cause: thrown })
    if (thrown.code === RETURN.mechanismInvalid)
      return new Fault('token_unavailable', { what: `${name} does not know the mechanism`, cause: thrown })
  }
  const message = thrown instanceof Error ? thrown.message : 'unknown'
  return new Fault('token_unavailable', { what: `${name}: ${message}`, cause: thrown })
}
