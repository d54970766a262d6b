/**
 * Makes a trust service misbehave on purpose, for tests: one fault at a time, and a clock that can be moved.
 */
import { Fault } from '#schemas/fault.ts'

const SERVICES = ['ca', 'ocsp', 'tsa'] as const
export type Service = (typeof SERVICES)[number]

/**
 * down: connections break without an answer. slow: answers come late. stale: answers are a week old (a CA's
 * certificates have expired). malformed: answers are truncated. revoked, unknown: the OCSP responder reports
 * this for every certificate; the TSA and the CA refuse. wrong-signer: answers are signed with a key that is
 * not authorised (not for the CA).
 */
export const FAULT_MODES = [
  'none',
  'down',
  'slow',
  'stale',
  'malformed',
  'revoked',
  'unknown',
  'wrong-signer',
] as const
export type FaultMode = (typeof FAULT_MODES)[number]

export type Switch = { mode: FaultMode; delayMs: number; clockOffsetMs: number }

/** The time for an answer, and the fault that it should have. */
export type Conditions = { at: Date; mode: FaultMode }

const DEFAULT_DELAY_MS = 30_000
const MAX_DELAY_MS = 600_000
/** How old answers in mode 'stale' are. */
export const STALE_MS = 7 * 86_400_000

export function newSwitch(): Switch {
  return { mode: 'none', delayMs: DEFAULT_DELAY_MS, clockOffsetMs: 0 }
}

/** Applies the changes in a request's body. Throws `invalid_input`. */
export function changeSwitch(state: Switch, change: unknown): Switch {
  if (typeof change !== 'object' || change === null) throw refused('an object is needed')
  for (const [key, value] of Object.entries(change)) {
    if (key === 'mode' && FAULT_MODES.includes(value as FaultMode)) state.mode = value as FaultMode
    else if (key === 'delayMs' && isWhole(value) && value >= 0 && value <= MAX_DELAY_MS) state.delayMs = value
    else if (key === 'clockOffsetMs' && isWhole(value)) state.clockOffsetMs = value
    else throw refused(`${key} is unknown or has a value that is not allowed`)
  }
  return state
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

function refused(what: string): Fault {
  return new Fault('invalid_input', { what })
}

/** A malformed answer: the correct one, cut in half. */
export function cut(answer: Buffer): Buffer {
  return answer.subarray(0, answer.length >> 1)
}
