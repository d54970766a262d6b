/** Builds the servers that a bench starts, unless they are built already. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * The servers that a bench starts are the built ones afterwards, as packages have them. Those that run from
 * sources keep the text of more than a thousand modules: some 60 MB more for each.
 * @param root the checkout whose servers are measured
 */
export async function buildServersOf(root: string): Promise<void> {
  // A version that cannot build its servers runs them from sources everywhere.
  if (!existsSync(path.join(root, 'scripts/build.ts'))) return
  const isBuilt = '. "$1/scripts/find-node.sh" && built_program "$1" security-server/main.ts'
  const built = await run('sh', ['-c', isBuilt, 'sh', path.resolve(root)]).catch(() => undefined)
  if (built === undefined) await run(path.resolve(root, 'scripts/concordat'), ['build'])
}
