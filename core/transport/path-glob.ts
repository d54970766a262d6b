/**
 * X-Road's path globs (PathGlob.java): `*` takes the rest of a segment, `**` anything, a backslash escapes
 * `*` and itself. No regular expression is built, so no pattern can make a match slow: at most path times
 * pattern steps.
 */
import { Fault } from '#schemas/fault.ts'

const STAR = -1
const ANY = -2
const MAX_PATTERN_LENGTH = 1_024
const MAX_CACHED = 1_000

type Glob = { tokens: Int32Array; starsAfterAny: boolean }
const compiled = new Map<string, Glob>()

/** Whether the whole `path` (as checkServicePath returns it) matches `pattern`. */
export function matchPathGlob(pattern: string, path: string): boolean {
  const { tokens, starsAfterAny } = compile(pattern)
  const slashes = starsAfterAny ? nextSlashes(path) : undefined
  let at = 0
  let token = 0
  let retryToken = -1
  let retryAt = 0
  for (;;) {
    const wanted = tokens[token]
    if (wanted === ANY) {
      retryToken = ++token
      retryAt = at
      if (token === tokens.length) return true
    } else if (wanted === STAR) {
      at = slashes?.[at] ?? slashFrom(path, at)
      token++
    } else if (
      wanted === undefined ? at === path.length : at < path.length && wanted === path.charCodeAt(at)
    ) {
      if (wanted === undefined) return true
      at++
      token++
    } else {
      // A `*` takes all it can, so every token moves forward only and just the last `**` needs another try.
      if (retryToken < 0 || retryAt >= path.length) return false
      at = ++retryAt
      token = retryToken
    }
  }
}

/**
 * Returns `pattern` when it can match something. X-Road's `*` never gives back what it took, so `*` before
 * anything but a slash or the end ("/a/*.json") grants nothing, silently: we refuse it when it is written
 * (`invalid_input`).
 */
export function checkPathGlob(pattern: string): string {
  const { tokens } = compile(pattern)
  const dead = tokens.some((token, i) => token === STAR && i + 1 < tokens.length && tokens[i + 1] !== SLASH)
  if (dead) throw new Fault('invalid_input', { what: 'in a path pattern a slash must follow a single *' })
  return pattern
}

const SLASH = 0x2f

function compile(pattern: string): Glob {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new Fault('invalid_input', {
      what: `a path pattern is longer than ${MAX_PATTERN_LENGTH} characters`,
    })
  }
  const tokens: number[] = []
  for (let i = 0; i < pattern.length; i++) {
    const next = pattern[i + 1]
    if (pattern[i] === '\\' && (next === '*' || next === '\\')) tokens.push(pattern.charCodeAt(++i))
    else if (pattern[i] !== '*') tokens.push(pattern.charCodeAt(i))
    else if (next !== '*') tokens.push(STAR)
    else {
      tokens.push(ANY)
      while (pattern[i + 1] === '*') i++
    }
  }
  const any = tokens.indexOf(ANY)
  const glob = {
    tokens: Int32Array.from(tokens),
    starsAfterAny: any >= 0 && tokens.indexOf(STAR, any) >= 0,
  }
  if (compiled.size >= MAX_CACHED) compiled.clear()
  compiled.set(pattern, glob)
  return glob
}

function slashFrom(path: string, at: number): number {
  const slash = path.indexOf('/', at)
  return slash < 0 ? path.length : slash
}

function nextSlashes(path: string): Int32Array {
  const next = new Int32Array(path.length + 1)
  next[path.length] = path.length
  for (let i = path.length - 1; i >= 0; i--) {
    next[i] = path.charCodeAt(i) === SLASH ? i : (next[i + 1] as number)
  }
  return next
}
