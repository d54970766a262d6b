import { type FaultCode, textOfCode, textOfOutcome, toldBy } from '#schemas/fault.ts'
import { kept, say, type Word } from '#schemas/said.ts'

/**
 * What `describe` of initiate.ts writes of a fault that the other server sent: its code, or that there was
 * none to be read.
 */
const ANSWERED = /^it answered (?:([A-Za-z0-9_.]{1,100})|a fault)$/
const OURS = /^([a-z_.]+)(?:: (.+))?$/s

/**
 * Why a day could not be compared. The row has the code of a fault and its details, as the log line has them;
 * people get words.
 */
export function errorWords(error: string): Word | null {
  if (error === '') return null
  const answered = ANSWERED.exec(error)
  if (answered !== null) return answerWords(answered[1])
  const [, code = '', what] = OURS.exec(error) ?? []
  if (textOfCode(code) === null) return kept(error)
  return toldBy({ code: code as FaultCode, said: what === undefined ? undefined : kept(what) }).text
}

/** For programs: the code as this server has it, or as the other one sent it; null when there is none. */
export function errorCode(error: string): string | null {
  const answered = ANSWERED.exec(error)
  if (answered !== null) return answered[1] ?? null
  const code = OURS.exec(error)?.[1] ?? ''
  return textOfCode(code) === null ? null : code
}

function answerWords(code: string | undefined): Word {
  if (code === undefined) return say`the other server answered with a fault whose code cannot be read`
  const known = textOfOutcome(code)
  if (known === null) return say`the other server answered with a fault that is not known here: ${code}`
  return say`the other server answered: ${known}`
}
