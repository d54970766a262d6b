/**
 * Makes a text by a regular expression, as far as it is of literals, classes, groups, alternatives and
 * repetitions. Anchors and word boundaries are passed over: whoever asks tests the text.
 */
import { type Choices, cannotMake } from './choices.ts'

/** A part of an expression: what it writes. Undefined parts make the whole undefined. */
type Part =
  | { kind: 'set'; characters: string }
  | { kind: 'either'; options: Part[][] }
  | { kind: 'repeat'; part: Part; least: number; most: number }

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const WORD = `${LOWER}${LOWER.toUpperCase()}${DIGITS}_`
/** What a dot or a negated class is made of. */
const USUAL = `${WORD} -.,`
const PRINTABLE = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('')
const MAX_DEPTH = 30
const MAX_LENGTH = 10_000
const MAX_PATTERN = 2_000
/** How often more than the least a part is repeated. */
const MORE = 3
const CLASSES: Record<string, string> = { d: DIGITS, w: WORD, s: ' ' }
const CONTROLS: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' }
const PROPERTIES: Record<string, string> = {
  L: LOWER,
  Ll: LOWER,
  Lu: LOWER.toUpperCase(),
  N: DIGITS,
  Nd: DIGITS,
  Letter: LOWER,
}

class NotRead extends Error {}

/**
 * Undefined for an expression that is not read. Throws `answer_not_makeable` when the text would be too long.
 */
export function makeByPattern(pattern: string, at: string, choices: Choices): string | undefined {
  if (pattern.length > MAX_PATTERN) return undefined
  try {
    return write(read(pattern), at, choices)
  } catch (cause) {
    if (cause instanceof NotRead) return undefined
    throw cause
  }
}

function write(whole: Part, at: string, choices: Choices): string {
  let text = ''
  const visit = (part: Part): void => {
    choices.spend(1, at)
    if (text.length > MAX_LENGTH) throw cannotMake(at, 'the text of its pattern would be too long')
    if (part.kind === 'set') text += part.characters[choices.choose(part.characters.length)]!
    else if (part.kind === 'either')
      for (const one of part.options[choices.choose(part.options.length)]!) visit(one)
    else {
      const more = Math.min(part.most - part.least, MORE)
      const times = part.least + choices.choose(more + 1)
      for (let count = 0; count < times; count++) visit(part.part)
    }
  }
  visit(whole)
  return text
}

function read(pattern: string): Part {
  let at = 0

  function alternatives(depth: number): Part {
    if (depth > MAX_DEPTH) throw new NotRead()
    const options: Part[][] = [[]]
    while (at < pattern.length && pattern[at] !== ')') {
      if (pattern[at] === '|') {
        at++
        options.push([])
        continue
      }
      const part = atom(depth)
      if (part !== undefined) options.at(-1)!.push(quantified(part))
    }
    return { kind: 'either', options }
  }

  /** Undefined for what writes nothing. */
  function atom(depth: number): Part | undefined {
    const character = pattern[at++]!
    if (character === '^' || character === '$') return undefined
    if (character === '.') return { kind: 'set', characters: USUAL }
    if (character === '(') return group(depth)
    if (character === '[') return { kind: 'set', characters: characterClass() }
    if (character === '\\') return boundaryOrEscape()
    return { kind: 'set', characters: character }
  }

  function group(depth: number): Part {
    const [start] = /^\?(?::|<[A-Za-z_]\w*>)/.exec(pattern.slice(at, at + 100)) ?? []
    // The others look ahead or behind.
    if (start === undefined && pattern[at] === '?') throw new NotRead()
    at += start?.length ?? 0
    const inner = alternatives(depth + 1)
    if (pattern[at++] !== ')') throw new NotRead()
    return inner
  }

  function boundaryOrEscape(): Part | undefined {
    if (pattern[at] === 'b' || pattern[at] === 'B') {
      at++
      return undefined
    }
    return { kind: 'set', characters: escaped() }
  }

  /** The characters of an escape, of which `at` is the sign behind the backslash. */
  function escaped(): string {
    const letter = pattern[at++] ?? ''
    if (Object.hasOwn(CLASSES, letter)) return CLASSES[letter]!
    if (Object.hasOwn(CLASSES, letter.toLowerCase()) && letter !== letter.toLowerCase())
      return without(CLASSES[letter.toLowerCase()]!)
    if (Object.hasOwn(CONTROLS, letter)) return CONTROLS[letter]!
    const rest = pattern.slice(at, at + 30)
    if (letter === 'p') {
      const [all, name = ''] = /^\{(?:General_Category=|gc=)?(\w+)\}/.exec(rest) ?? []
      if (all === undefined || !Object.hasOwn(PROPERTIES, name)) throw new NotRead()
      at += all.length
      return PROPERTIES[name]!
    }
    const [all, hex] =
      (letter === 'x' && /^([0-9A-Fa-f]{2})/.exec(rest)) ||
      (letter === 'u' && /^([0-9A-Fa-f]{4})/.exec(rest)) ||
      []
    if (all !== undefined && hex !== undefined) {
      at += all.length
      return String.fromCharCode(Number.parseInt(hex, 16))
    }
    if (/[A-Za-z1-9]/.test(letter) || letter === '') throw new NotRead()
    return letter
  }

  function characterClass(): string {
    const isNegated = pattern[at] === '^'
    if (isNegated) at++
    let characters = ''
    while (pattern[at] !== ']') {
      if (at >= pattern.length) throw new NotRead()
      const from = classMember()
      if (pattern[at] !== '-' || pattern[at + 1] === ']' || from.length !== 1) {
        characters += from
        continue
      }
      at++
      characters += between(from, classMember())
    }
    at++
    const found = isNegated ? without(characters) : characters
    if (found === '') throw new NotRead()
    return found
  }

  function classMember(): string {
    const character = pattern[at++] ?? ''
    return character === '\\' ? escaped() : character
  }

  function quantified(part: Part): Part {
    const [all, sign, least, comma, most] =
      /^(?:([*+?])|\{(\d{1,9})(,?)(\d{0,9})\})\??/.exec(pattern.slice(at, at + 30)) ?? []
    if (all === undefined) return part
    at += all.length
    if (sign !== undefined)
      return {
        kind: 'repeat',
        part,
        least: sign === '+' ? 1 : 0,
        most: sign === '?' ? 1 : Number.POSITIVE_INFINITY,
      }
    const from = Number(least)
    const to = comma === '' ? from : most === '' ? Number.POSITIVE_INFINITY : Number(most)
    return { kind: 'repeat', part, least: from, most: to }
  }

  const whole = alternatives(0)
  if (at < pattern.length) throw new NotRead()
  return whole
}

/** At most a few of many. */
function between(from: string, to: string): string {
  const [first, last] = [from.charCodeAt(0), to.charCodeAt(0)]
  if (to.length !== 1 || last < first) throw new NotRead()
  return Array.from({ length: Math.min(last - first + 1, 100) }, (_, index) =>
    String.fromCharCode(first + index),
  ).join('')
}

function without(characters: string): string {
  const usual = [...USUAL].filter((one) => !characters.includes(one)).join('')
  return usual === '' ? [...PRINTABLE].filter((one) => !characters.includes(one)).join('') : usual
}
