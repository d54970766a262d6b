/** Cuts the text of an expression into tokens, once from left to right. */
import { Fault } from '#schemas/fault.ts'

export type Token = {
  /** `name`: of a function only, since it has an underscore. `mark`: an operator, bracket or comma. */
  readonly kind: 'word' | 'name' | 'integer' | 'string' | 'mark' | 'end'
  /** Of a string: what stands between the quotes, with its escaped quotes undone. */
  readonly text: string
  readonly at: number
}

const SPACE = /[ \t\r\n]*/y
const WORD = /[A-Za-z0-9_]+/y
const MARK = /<>|<=|>=|!=|[()+\-*/%=<>,]/y
/**
 * In a string, a backslash always stands together with the character after it, so that it cannot hide the end
 * from one reader only.
 */
const STRING = { "'": /[^'\\]*(?:\\[\s\S][^'\\]*)*/y, '"': /[^"\\]*(?:\\[\s\S][^"\\]*)*/y } as const

/**
 * The tokens, the last of them `end`. Throws `invalid_filter` for a character that begins none, or a string
 * without an end.
 */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0] ?? ''
    at += found.length
    return found
  }
  for (;;) {
    take(SPACE)
    const from = at
    const quote = text[at]
    if (quote === undefined) return [...tokens, { kind: 'end', text: '', at }]
    if (quote === "'" || quote === '"') {
      at++
      const inner = take(STRING[quote])
      if (text[at] !== quote) throw notAnExpression('a string has no end', from)
      at++
      tokens.push({ kind: 'string', text: inner.replaceAll(`\\${quote}`, quote), at: from })
      continue
    }
    const word = take(WORD)
    const found = word === '' ? take(MARK) : word
    const kind = word === '' ? 'mark' : kindOf(word)
    if (found === '' || kind === undefined) throw notAnExpression('a character is not allowed', from)
    tokens.push({ kind, text: found, at: from })
  }
}

/** `invalid_filter` at a place of the text, counted from 1. */
export function notAnExpression(what: string, at: number): Fault {
  return new Fault('invalid_filter', { what: `${what}, at character ${at + 1}` })
}

function kindOf(word: string): Token['kind'] | undefined {
  if (/^[0-9]+$/.test(word)) return 'integer'
  if (/^[A-Za-z0-9]+$/.test(word)) return 'word'
  return /^[A-Za-z][A-Za-z_]*$/.test(word) ? 'name' : undefined
}
