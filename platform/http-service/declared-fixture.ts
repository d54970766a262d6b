/** For tests that have an API answer whatever it can: nothing of it is left undeclared. */
import { UNDECLARED } from './openapi.ts'

/** Throws Error when a line of the log tells of an answer that the API's document does not declare. */
export function checkDeclared(lines: string[]): void {
  const told = lines.filter((line) => line.includes(UNDECLARED))
  if (told.length > 0) throw new Error(told.join('\n'))
}
