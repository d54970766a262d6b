import { type FaultCode, textOfCode, toldBy } from '#schemas/fault.ts'
import { kept, type Word } from '#schemas/said.ts'

/** Why a day could not be compared. The row has the code of a fault and its details, as the log line has them; people get words. */
export function errorWords(error: string): Word | null {
  if (error === '') return null
  const [, code = '', what] = /^([a-z_.]+)(?:: (.+))?$/s.exec(error) ?? []
  if (textOfCode(code) === null) return kept(error)
  return toldBy({ code: code as FaultCode, said: what === undefined ? undefined : kept(what) }).text
}
