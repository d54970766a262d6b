/**
 * Which test files run one after the other in one process: those of a room, which share most of their
 * modules. To load these and to have V8 compile them anew is a third of the processor time of such a file.
 * And those that share a running world (shared-worlds.ts).
 */
import { existsSync, readFileSync } from 'node:fs'
import { SHARED_WORLDS } from './shared-worlds.ts'

const FILES_AT_MOST = 8
/** Rooms whose files were all seen to run well with more of them in one process. */
const MORE_AT_MOST: Record<string, number> = { 'central-registry': 16, core: 16 }
/** Rooms whose files were all seen to run well one after the other in one process. */
const TOGETHER = ['adapters', 'central-registry', 'certs', 'core', 'platform', 'scripts', 'security-server']
/** Its tests find the process's own tap (build-tests.ts). */
const OWN_TAP = 'scripts/test/'
const STARTS_SANDBOX =
  /(?:from '(?:\.\.\/(?:world|running-world|processes|fakes\/stage)|\.\/two-stores)|import '\.\/client-world)\.ts'/
/**
 * What they look at belongs to the whole process: its memory, its threads, its calls of the system, its
 * browser, its databases' dump.
 */
const NEEDS_PROCESS =
  /memoryUsage|heldMemory\.fits|\/proc\/self|setFlagsFromString|strace|browser\.ts|\.dump\(\)|process\.chdir/

/** In a random order within each group. A file is in exactly one. */
export function groupFiles(files: string[], isAlone: (file: string) => boolean): string[][] {
  const sharing = SHARED_WORLDS.map((group) => group.filter((file) => files.includes(file) && !isAlone(file)))
  const others = files.filter((file) => !sharing.flat().includes(file))
  const alone = others.filter(
    (file) => isAlone(file) || !runsWithOthers(file) || startsSandbox(file) || contains(file, NEEDS_PROCESS),
  )
  const rooms = Map.groupBy(
    others.filter((file) => !alone.includes(file)).toSorted(),
    (file) => file.split('/')[0]!,
  )
  const groups = [...rooms].flatMap(([name, room]) => {
    const number = Math.ceil(room.length / (MORE_AT_MOST[name] ?? FILES_AT_MOST))
    // Neighbours share most.
    return Array.from({ length: number }, (_, index) =>
      room.slice((index * room.length) / number, ((index + 1) * room.length) / number),
    )
  })
  const worlds = sharing.filter((group) => group.length > 0)
  return [...alone.map((file) => [file]), ...worlds.map(shuffled), ...groups.map(shuffled)]
}

/** Whether a whole sandbox runs in this test. */
export function startsSandbox(file: string): boolean {
  return contains(file, STARTS_SANDBOX)
}

function runsWithOthers(file: string): boolean {
  return !file.startsWith(OWN_TAP) && TOGETHER.some((folder) => file.startsWith(`${folder}/`))
}

function contains(file: string, pattern: RegExp): boolean {
  return existsSync(file) && pattern.test(readFileSync(file, 'utf8'))
}

function shuffled<T>(all: T[]): T[] {
  return all
    .map((one) => ({ one, place: Math.random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ one }) => one)
}
