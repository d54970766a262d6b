/**
 * Reads JSON by RFC 8259 and refuses everything that two readers could read differently: duplicate member
 * names, byte order marks, lone surrogates and whole numbers that a double cannot hold exactly. Size and
 * depth are bounded.
 */
import { isUtf8 } from 'node:buffer'
import { Fault } from '#schemas/fault.ts'

type JsonLimits = {
  maxLength?: number
  maxDepth?: number
  /** Makes the value of a number of its text, for those who need all its digits. Of any size, then. */
  number?: (text: string) => unknown
  /** Lone surrogates stay, for those to whom they are characters as others. */
  mayBeIllFormed?: boolean
}

const MAX_LENGTH = 4_194_304
const MAX_DEPTH = 64
const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPE = /\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4}))/y
const LITERAL = /true|false|null/y
const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
const VALUES: Record<string, boolean | null> = { true: true, false: false, null: null }

/**
 * Returns the value; `__proto__` is a member like any other. `maxLength` counts bytes of a Buffer or UTF-16
 * units of a string. Throws `malformed_json`, which never quotes the text.
 */
export function parseStrictJson(source: string | Buffer, limits: JsonLimits = {}): unknown {
  const maxDepth = limits.maxDepth ?? MAX_DEPTH
  if (source.length > (limits.maxLength ?? MAX_LENGTH)) throw malformed('it is too long')
  if (typeof source !== 'string' && !isUtf8(source)) throw malformed('it is not UTF-8')
  const text = source.toString('utf8')
  let at = 0

  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at += found[0].length
    return found
  }
  const accept = (mark: string): boolean => {
    take(SPACE)
    if (text[at] !== mark) return false
    at++
    return true
  }
  const need = (mark: string): void => {
    if (!accept(mark)) throw malformed(`${mark} is missing at ${at}`)
  }

  const checkDepth = (depth: number): void => {
    if (depth > maxDepth) throw malformed(`it is deeper than ${maxDepth} levels`)
  }

  const value = (depth: number): unknown => {
    if (accept('{')) return object(depth + 1)
    if (accept('[')) return array(depth + 1)
    if (text[at] === '"') return string()
    const literal = take(LITERAL)
    return literal === null ? number() : VALUES[literal[0]]
  }
  const object = (depth: number): object => {
    checkDepth(depth)
    const result = {}
    if (accept('}')) return result
    do {
      take(SPACE)
      const name = string()
      if (Object.hasOwn(result, name)) throw malformed(`a member is doubled at ${at}`)
      need(':')
      // Plain assignment to __proto__ would change the prototype.
      Object.defineProperty(result, name, {
        value: value(depth),
        writable: true,
        enumerable: true,
        configurable: true,
      })
    } while (accept(','))
    need('}')
    return result
  }
  const array = (depth: number): unknown[] => {
    checkDepth(depth)
    const result: unknown[] = []
    if (accept(']')) return result
    do result.push(value(depth))
    while (accept(','))
    need(']')
    return result
  }
  const string = (): string => {
    if (text[at] !== '"') throw malformed(`a string is missing at ${at}`)
    at++
    let result = ''
    for (;;) {
      result += take(PLAIN)?.[0] ?? ''
      if (text[at] === '"') break
      const escaped = take(ESCAPE)
      if (escaped === null) throw malformed(`a string is broken off at ${at}`)
      const [, short, code] = escaped
      result +=
        code === undefined
          ? (ESCAPED[short as string] ?? short)
          : String.fromCharCode(Number.parseInt(code, 16))
    }
    at++
    if (limits.mayBeIllFormed !== true && !result.isWellFormed())
      throw malformed(`a lone surrogate before ${at}`)
    return result
  }
  const number = (): unknown => {
    const found = take(NUMBER)
    if (found === null) throw malformed(`no value at ${at}`)
    if (limits.number !== undefined) return limits.number(found[0])
    const result = Number(found[0])
    const whole = found[1] === undefined && found[2] === undefined
    if (!Number.isFinite(result) || (whole && !Number.isSafeInteger(result))) {
      throw malformed(`a number before ${at} is too large`)
    }
    return result
  }

  const result = value(0)
  take(SPACE)
  if (at < text.length) throw malformed(`something follows the value at ${at}`)
  return result
}

function malformed(what: string): Fault {
  return new Fault('malformed_json', { what })
}
