/**
 * The state of a verification: everything that it needs to know about the records before, so that it can
 * continue after an interruption or with new records. It must be stored where the log's owner cannot write.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Whole } from '#schemas/sent-values.ts'
import type { LogReport } from './source.ts'

export type VerifyState = {
  version: 1
  /** A hash of the question and the keys. A run with another question starts from the beginning. */
  question: string
  /** Whether the run was completed. If not, it stopped at `records`. */
  done: boolean
  /** The number of records that were checked. */
  records: Whole
  /** The peaks of the tree over these records, in base64. */
  peaks: string[]
  /** The incomplete tile of each level. `hashes` is in base64. */
  tiles: { number: Whole; hashes: string }[]
  /** Id of the last signature document that a time-stamp covers. */
  lastStamped: Whole
  /**
   * Digests of the rows of the search index in base64, one for each block. Absent in states of older
   * versions.
   */
  index?: string[]
  report: LogReport
}

const MAX_LENGTH = 4 * 1024 * 1024

/** Reads a stored state. Throws `invalid_input` for a text that is none. */
export function parseState(text: string): VerifyState {
  try {
    if (text.length > MAX_LENGTH) throw new Error('too long')
    const state = JSON.parse(text) as VerifyState
    const numbers = [state.records, state.lastStamped, ...state.tiles.map(({ number }) => number)]
    const { index = [] } = state
    const texts = [state.question, ...state.peaks, ...index, ...state.tiles.map(({ hashes }) => hashes)]
    const isWhole =
      state.version === 1 &&
      numbers.every(Number.isSafeInteger) &&
      Array.isArray(index) &&
      texts.every((one) => typeof one === 'string') &&
      typeof state.done === 'boolean' &&
      Array.isArray(state.report.problems)
    if (!isWhole) throw new Error('members')
    return state
  } catch (cause) {
    throw new Fault('invalid_input', { what: say`this is not the state of a verification`, cause })
  }
}

/**
 * Whether a run for `question` may continue from this state. If it contains problems, all records are checked
 * again.
 */
export function goesOn(state: VerifyState | undefined, question: string): state is VerifyState {
  return state !== undefined && state.question === question && state.report.problems.length === 0
}
