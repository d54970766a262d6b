/**
 * What lies in the folder of a sandbox: which version made it, whether it lives, and whether it was finished.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Increased when a sandbox of an older version can no longer be used. */
export const SANDBOX_VERSION = '22'

/** A living one has a past and a fourth agency; a lean one is what tests begin with. */
export type Kind = 'lean' | 'living'

type Kept = { version: string; kind: Kind; isFinished: boolean }

const STAMP = 'sandbox-version'
const FORM = /^(unfinished )?(\d{1,6})( living)?$/

/**
 * Undefined if there is nothing. Throws for a folder with other files, which must not be deleted for a
 * sandbox.
 */
export function keptIn(directory: string): Kept | undefined {
  if (!existsSync(directory)) return undefined
  const stamp = path.join(directory, STAMP)
  if (!existsSync(stamp)) {
    if (readdirSync(directory).length === 0) return undefined
    throw new Error(`${directory} has files, but no sandbox: name an empty folder, or one that is not there`)
  }
  const [, unfinished, version, living] = FORM.exec(readFileSync(stamp, 'utf8').trim()) ?? []
  return {
    version: version ?? 'unknown',
    kind: living === undefined ? 'lean' : 'living',
    isFinished: unfinished === undefined,
  }
}

/** Makes the folder and notes what is begun in it, so that a later start recognises a half-made one. */
export function beginVersion(directory: string, kind: Kind): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeFileSync(path.join(directory, STAMP), `unfinished ${stampOf(kind)}\n`)
}

export function writeVersion(directory: string, kind: Kind): void {
  writeFileSync(path.join(directory, STAMP), `${stampOf(kind)}\n`)
}

const stampOf = (kind: Kind): string => `${SANDBOX_VERSION}${kind === 'living' ? ' living' : ''}`

/** Gives the folder a name that nobody uses, and returns it. */
export function setAside(directory: string, version: string): string {
  const name = `${directory}.version-${version}`
  const free = (at: number): string => {
    const aside = at === 1 ? name : `${name}-${at}`
    return existsSync(aside) ? free(at + 1) : aside
  }
  const aside = free(1)
  renameSync(directory, aside)
  return aside
}
