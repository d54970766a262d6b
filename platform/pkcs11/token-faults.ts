/** Interprets failures of a token: as a fault for people, and whether a new connection could help. */
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

/**
 * Codes that mean a lost session, process or device: a new connection can find the token again if it is
 * there.
 */
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

/** Whether the connection cannot be used any more. */
export function isLoss(thrown: unknown): boolean {
  return (
    thrown instanceof ConnectionLost ||
    thrown instanceof ProtocolError ||
    (thrown instanceof ModuleError && LOST.has(thrown.code))
  )
}

/** Whether the token refused the PIN: it must not be tried again. */
export function isRefusedPin(thrown: unknown): boolean {
  return thrown instanceof ModuleError && (REFUSED_PIN.has(thrown.code) || thrown.code === RETURN.pinLocked)
}

/** Converts any error of a token's functions into a fault of the catalogue. */
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
