/** Writes folders as tar files whose bytes depend on names and contents alone. Needs GNU tar. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** `mode`, in tar's words, and `owner` of all that is named. Without `append` the file is new. */
export async function writeTar(q: {
  file: string
  folder: string
  names: string[]
  seconds: number
  mode?: string
  owner?: number
  append?: boolean
}): Promise<void> {
  const owner = String(q.owner ?? 0)
  await run(
    'tar',
    [
      ...[q.append === true ? '--append' : '--create', '--file', q.file, '--directory', q.folder],
      ...['--format=gnu', '--sort=name', '--numeric-owner', `--owner=${owner}`, `--group=${owner}`],
      ...[`--mtime=@${q.seconds}`, `--mode=${q.mode ?? 'u=rwX,go=rX'}`, '--', ...q.names],
    ],
    // Names are sorted alike whatever language the machine speaks.
    { env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 1024 * 1024 },
  )
}
