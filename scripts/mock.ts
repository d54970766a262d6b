/**
 * `concordat mock --help`: what the mock takes. The mock itself is a server, which scripts/concordat runs.
 */
import { USAGE } from '#adapters/mock/options.ts'

export async function run(): Promise<number> {
  process.stdout.write(USAGE)
  return 0
}
