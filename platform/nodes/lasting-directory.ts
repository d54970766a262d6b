/** Whether what is written to a directory outlives the container in which this process runs. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

/** Set in the image (scripts/package/write-image.ts), and nowhere else. */
const IN_IMAGE = 'IN_CONCORDAT_IMAGE'

/**
 * In a container of the image, throws `invalid_configuration` unless something is mounted at the directory or above it: what is written to the
 * container's own files ends with it, and keys and logs would.
 */
export function requireLastingDirectory(
  directory: string,
  environment: Record<string, string | undefined>,
  readMounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8'),
): void {
  if (environment[IN_IMAGE] === undefined) return
  const points = readMounts().split('\n').map(mountPoint)
  for (let at = path.resolve(directory); at !== '/'; at = path.dirname(at)) if (points.includes(at)) return
  throw new Fault('invalid_configuration', {
    what: `directory: ${directory} is among the container's own files, which end with it: mount a volume there`,
  })
}

/** The fifth field of a line (proc(5)), where blanks and backslashes are written in octal digits. */
function mountPoint(line: string): string | undefined {
  return line
    .split(' ')[4]
    ?.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)))
}
