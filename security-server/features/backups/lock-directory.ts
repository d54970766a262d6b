/**
 * No process of the server works with its directory while a backup is restored: neither the server itself nor
 * one of its workers.
 */
import { globSync } from 'node:fs'
import path from 'node:path'

/**
 * Holds what each process that ever worked with `directory` locks, until the returned function is called.
 * Throws the `conflict` of `lock` when one works with it.
 */
export function lockDirectory(
  directory: string,
  lock: (file: string, what: string) => () => void,
): () => void {
  const held: (() => void)[] = []
  const release = (): void => {
    for (const unlock of held) unlock()
  }
  try {
    for (const name of globSync(['node.lock', 'workers/*/node.lock'], { cwd: directory })) {
      const file = path.join(directory, name)
      const what = `a process of this server works with ${path.dirname(file)}: stop the server, then restore`
      held.push(lock(file, what))
    }
  } catch (cause) {
    release()
    throw cause
  }
  return release
}
