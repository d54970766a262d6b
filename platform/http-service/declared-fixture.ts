/** For tests that provoke an API's answers: checks that the API's document declares all of them. */
import { UNDECLARED } from './openapi.ts'

/** Throws Error if a log line reports an answer that the API's document does not declare. */
export function checkDeclared(lines: string[]): void {
  const told = lines.filter((line) => line.includes(UNDECLARED))
  if (told.length > 0) throw new Error(told.join('\n'))
}
