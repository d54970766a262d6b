/**
 * Says of a file that could not be read which one it is, why, and what to do, in place of a fault's text that
 * has to fit every case.
 */
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { didYouMean } from './nearest-word.ts'

/** Names of a folder that are compared with a misspelt one. */
const MOST_NAMES = 1000
const DEEPEST = 5

/**
 * The text for people of what was thrown: where a file was the cause, its full path and the remedy; else the
 * message.
 */
export function faultInWords(thrown: Error): string {
  const cause = systemError(thrown)
  const file = cause?.path === undefined ? undefined : path.resolve(cause.path)
  if (file === undefined) return thrown.message
  switch (cause?.code) {
    case 'ENOENT':
      return missing(file, path.isAbsolute(cause.path!))
    case 'EACCES':
      return `${file} may not be opened by this user. Run the command as its owner, or let this user read it.`
    case 'EEXIST':
      return `${file} is there already, and is not overwritten. Name a new file.`
    default:
      return thrown.message
  }
}

function missing(file: string, isWhole: boolean): string {
  const folder = path.dirname(file)
  const names = namesIn(folder)
  if (names === undefined)
    return `There is no folder ${folder}, so ${path.basename(file)} is not in it. Correct the path.`
  const near = didYouMean(path.basename(file), names)
  const remedy = isWhole
    ? 'Correct the path.'
    : 'A path that does not begin with / counts from the current folder.'
  return `There is no file ${file}${near || '.'} ${remedy}`
}

function namesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder).slice(0, MOST_NAMES)
  } catch {
    return undefined
  }
}

/** The error of the operating system that is the cause of this one, however many stand between. */
function systemError(thrown: unknown): NodeJS.ErrnoException | undefined {
  let one = thrown
  for (let depth = 0; depth < DEEPEST && one instanceof Error; depth++, one = one.cause)
    if (typeof (one as NodeJS.ErrnoException).path === 'string') return one
  return undefined
}
