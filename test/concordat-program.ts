/**
 * The command line that tests start: this checkout's, or that of another version, which a drill names in
 * TEST_CONCORDAT.
 */
import path from 'node:path'

const OWN = path.join(import.meta.dirname, '../scripts/concordat')

export function concordatProgram(): string {
  return process.env['TEST_CONCORDAT'] ?? OWN
}
