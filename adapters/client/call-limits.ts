/** The bounds of a call: how long it may take, how often it is sent, what it may keep in memory. */
import { ExchangeError } from './exchange-error.ts'

export type LimitOptions = {
  /** Gives the call up. */
  signal?: AbortSignal
  /** For the whole call: its repetitions, and its answer's body to the end. Two minutes when absent. */
  deadlineMs?: number
  /** How often a GET or HEAD of which certainly nothing was carried out is sent again. Twice when absent. */
  retries?: number
  /**
   * The most that json(), text() and bytes() keep in memory, and the document of a SOAP answer. 16 MiB when
   * absent.
   */
  maxAnswerBytes?: number
}

type Limits = { signal: AbortSignal; deadlineAt: number; retries: number; maxAnswerBytes: number }

const DEADLINE_MS = 120_000
const MAX_NUMBER = 2 ** 31 - 1
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const RETRIES = 2

/** The time runs from now on. Throws `invalid_argument`. */
export function readLimits(o: LimitOptions): Limits {
  const deadlineMs = wholeNumber('deadlineMs', o.deadlineMs ?? DEADLINE_MS, 1)
  const retries = wholeNumber('retries', o.retries ?? RETRIES, 0)
  const maxAnswerBytes = wholeNumber('maxAnswerBytes', o.maxAnswerBytes ?? MAX_ANSWER_BYTES, 1)
  const deadline = AbortSignal.timeout(deadlineMs)
  const signal = o.signal === undefined ? deadline : AbortSignal.any([o.signal, deadline])
  return { signal, deadlineAt: Date.now() + deadlineMs, retries, maxAnswerBytes }
}

export function wholeNumber(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= MAX_NUMBER) return value
  throw new ExchangeError('invalid_argument', { what: `${name} is not a whole number from ${least}` })
}
