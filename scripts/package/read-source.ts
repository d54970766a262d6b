/** Says of which commit a package is made. */
import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { VERSION } from '#platform/process/version.ts'
import { Fault } from '#schemas/fault.ts'

export const ROOT = path.join(import.meta.dirname, '../..')

/** `changed`: files differ from the commit. `seconds`: since 1970, of the commit; every time in a package. */
export type Source = { version: string; commit: string; changed: boolean; seconds: number; files: string[] }

const run = promisify(execFile)

/** `files`: those of the commit, and of changes that git knows. Fails outside a git clone. */
export async function readSource(): Promise<Source> {
  try {
    const [commit = '', seconds = ''] = (await git('log', '-1', '--format=%H %ct')).trim().split(' ')
    const changed = (await git('status', '--porcelain', '--untracked-files=no')) !== ''
    const files = (await git('ls-files', '-z')).split('\0').filter(Boolean)
    return { version: VERSION, commit, changed, seconds: Number(seconds), files }
  } catch (thrown) {
    throw new Fault('invalid_input', { what: 'a package is made in a git clone', cause: thrown })
  }
}

async function git(...args: string[]): Promise<string> {
  const { stdout } = await run('git', ['-C', ROOT, ...args], { maxBuffer: 64 * 1024 * 1024 })
  return stdout
}
