/** Reads the folder of servers that run, and make and delete files meanwhile. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * The files below a folder that are wanted, with what they hold; without those that were deleted since they
 * were listed.
 */
export function* filesBelow(
  directory: string,
  isWanted: (file: string) => boolean = () => true,
): Generator<{ file: string; bytes: Buffer }> {
  for (const entry of ifThere(() => readdirSync(directory, { withFileTypes: true })) ?? []) {
    const file = path.join(directory, entry.name)
    if (entry.isDirectory()) yield* filesBelow(file, isWanted)
    if (!entry.isFile() || !isWanted(file)) continue
    const bytes = ifThere(() => readFileSync(file))
    if (bytes !== undefined) yield { file, bytes }
  }
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}
