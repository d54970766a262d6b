/**
 * Where a verification has come to: all that it has to know of the records before, so that it goes on there after a break, or
 * with what was logged since. Whoever keeps a state keeps it where the log's owner cannot write.
 */
import { Fault } from '#schemas/fault.ts'
import type { LogReport } from './source.ts'

export type VerifyState = {
  version: 1
  /** What was asked for and with which keys: another question begins anew. */
  question: string
  /** Whether the run came to its end; else it broke off at `records`. */
  done: boolean
  /** So many records were passed. */
  records: number
  /** Of the tree of these records, base64. */
  peaks: string[]
  /** Tiles that were growing there, by level; hashes in base64. */
  tiles: { number: number; hashes: string }[]
  /** The last signature document that a time-stamp covers. */
  lastStamped: number
  /** Of the rows of the search index, base64: one digest for so many records. Absent in what older versions kept. */
  index?: string[]
  report: LogReport
}

const MAX_LENGTH = 4 * 1024 * 1024

/** Reads a state that was kept as text; throws `invalid_input` for what is none. */
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
    throw new Fault('invalid_input', { what: 'this is not the state of a verification', cause })
  }
}

/** Whether a run for `question` may go on from there; what was found broken is looked at again from the first record. */
export function goesOn(state: VerifyState | undefined, question: string): state is VerifyState {
  return state !== undefined && state.question === question && state.report.problems.length === 0
}
