/**
 * What each worker of a machine has of its own, and what they share. A worker is a node with its own name,
 * marks and copies of shared files. The first one has the directory itself: a server with one worker goes on
 * as it was, and one that had several does so with one.
 */
import path from 'node:path'
import { Fault } from '#schemas/fault.ts'
import type { Settings } from './config.ts'

/**
 * Several processes write to these, each under the name of its node, as nodes do that share them by a file
 * system.
 */
const OF_THE_MACHINE = ['bodies', 'exports']
const WORKERS = 'workers'

export function settingsOfWorker(settings: Settings, number: number): Settings {
  const { directory, archives } = settings
  if (number === 1) return settings
  return {
    ...settings,
    directory: path.join(directory, WORKERS, String(number)),
    ...(settings.nodes?.files === 'folders' && {
      archives: { ...archives, path: archives.path ?? path.join(directory, 'archives') },
    }),
  }
}

/** Where a folder of this worker is; `machine` is the directory of the first one. */
export function placeOfFolder(name: string, { own, machine }: { own: string; machine: string }): string {
  return path.join(OF_THE_MACHINE.includes(name) ? machine : own, name)
}

/** What one worker fetched of the registry, for all of them. */
export function fetchedFolder(machine: string): string {
  return path.join(machine, WORKERS, 'fetched')
}

/**
 * What a further worker says at its start when its node has left the server. Its folder is only moved, since
 * archives may lie in it; the first worker is the machine, which joins again as any other does.
 */
export function leftWorker(cause: unknown, q: { number: number; node: string; directory: string }): unknown {
  const { number, node, directory } = q
  if (number === 1) return cause
  return new Fault('conflict', {
    what: `worker ${number} was made to leave its server, as the node ${node}: move ${directory} away, and it begins as a new node`,
    cause,
  })
}
