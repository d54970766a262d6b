/**
 * How far the log has come, stored with its keys and not in its database. So a database that was lost,
 * emptied or restored from a backup is detected before a second history begins under the same keys.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import { parseCheckpoint } from '#core/merkle/checkpoint.ts'
import { Fault } from '#schemas/fault.ts'

const FILE = 'newest-checkpoint'

type HighWater = { size: number; root: Buffer }

/** Undefined when the log has not begun. Throws `malformed_checkpoint`. */
export function readHighWater(folder: string): HighWater | undefined {
  const file = path.join(folder, FILE)
  if (!existsSync(file)) return undefined
  const { size, root } = parseCheckpoint(readFileSync(file, 'utf8'))
  return { size, root }
}

/** Replaces the mark, durably. */
export function writeHighWater(folder: string, note: string): void {
  const file = path.join(folder, FILE)
  const part = `${file}.${process.pid}.part`
  const handle = openSync(part, 'w', 0o600)
  try {
    writeSync(handle, note)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(part, file)
}

/** Throws `log_inconsistent` when the log is shorter than it was, or has another history. */
export function checkHighWater(
  folder: string,
  mark: HighWater,
  size: number,
  rootAt: Buffer | undefined,
): void {
  if (size < mark.size) {
    throw new Fault('log_inconsistent', {
      what: `the log holds ${size} records, but ${mark.size} were signed; if a backup was restored on purpose, remove ${path.join(folder, FILE)}`,
    })
  }
  if (rootAt !== undefined && !rootAt.equals(mark.root)) {
    throw new Fault('log_inconsistent', {
      what: `the first ${mark.size} records are not those that were signed`,
    })
  }
}
