/** Whether what is written to a place outlives the container in which this process runs. */
import { readFileSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'

/** Set in the image (scripts/package/write-image.ts), and nowhere else. */
const IN_IMAGE = 'IN_CONCORDAT_IMAGE'

type Mount = { point: string; root: string; kind: string }

/**
 * In a container of the image, throws `invalid_configuration` unless something is mounted at each place or
 * above it: what is written to the container's own files, or into its memory, ends with it, and keys and logs
 * would. Places are absolute paths or database URLs.
 */
export function requireLastingPlaces(
  places: string[],
  environment: Record<string, string | undefined>,
  readMounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8'),
): void {
  if (environment[IN_IMAGE] === undefined) return
  const mounts = readMounts().split('\n').flatMap(mountOf)
  for (const place of places.flatMap(fileOf)) {
    const at = mountAt(mounts, realPath(place))
    // A volume whose host keeps it in memory shows a folder of that, and not its root.
    const isMemory = at?.kind === 'tmpfs' && at.root === '/'
    if (at === undefined || at.point === '/' || isMemory)
      throw new Fault('invalid_configuration', {
        what: `${place} is among the container's own files, which end with it: mount a volume there or above it`,
      })
  }
}

/** Databases of a server of their own last elsewhere. */
function fileOf(place: string): string[] {
  if (path.isAbsolute(place)) return [place]
  const file = place.startsWith('sqlite:') ? place.slice('sqlite:'.length) : ''
  return path.isAbsolute(file) ? [file] : []
}

/** Of what is there already: the rest will be made below it. */
function realPath(place: string): string {
  for (let at = path.resolve(place); ; at = path.dirname(at)) {
    try {
      return path.join(realpathSync(at), path.relative(at, place))
    } catch (cause) {
      if (at === '/') throw cause
    }
  }
}

/** Of several mounts at one point the last is seen. */
function mountAt(mounts: Mount[], place: string): Mount | undefined {
  for (let at = place; ; at = path.dirname(at)) {
    const found = mounts.findLast(({ point }) => point === at)
    if (found !== undefined || at === '/') return found
  }
}

/**
 * A line of mountinfo (proc(5)): the fourth and fifth field, where blanks and backslashes are octal digits,
 * and the kind after the dash.
 */
function mountOf(line: string): Mount[] {
  const [before = '', after = ''] = line.split(' - ')
  const [root, point] = before.split(' ').slice(3, 5)
  const [kind] = after.split(' ')
  if (root === undefined || point === undefined || kind === undefined) return []
  return [{ root, kind, point: point.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => octal(digits)) }]
}

function octal(digits: string): string {
  return String.fromCodePoint(Number.parseInt(digits, 8))
}
