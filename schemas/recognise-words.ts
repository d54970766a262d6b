/**
 * Finds in an English sentence the template that it was made of, and the values that stand in it: for words
 * that were kept, or came from another thread, and are read by somebody with another language. A text of
 * another program stays as it is: a template counts only if it has enough of its own to be known by. Of
 * several that fit, the one by which most of the text is known is meant.
 */
import { Said, type Word } from './said.ts'

/** Longer ones are no sentences of ours. */
const MOST_CHARACTERS = 1_000
/** What stands in a value may be a sentence again. */
const MOST_NESTED = 4
/**
 * Each is one template held against one text. Sentences of ours within such sentences take a third of this;
 * hostile ones took 360,000.
 */
const MOST_STEPS = 10_000
/** Who has so many characters of its own fits no text of others, whatever they begin with. */
const KNOWN_BY_ALL = 24
/** Who begins with so many is looked for by these; then two thirds of the text have to be known. */
const KNOWN_BY_START = 7
/** A single word in a value may be the name of something. */
const LEAST_IN_VALUE = 12

const HOLE = /\{\d+\}/

/** `parts`: what stands between the values; `weight`: how many characters that is. */
type Pattern = { template: string; parts: string[]; weight: number; holes: number[] }

/**
 * `weight`: how many characters are of templates. `known`: with names in a value that is known by all, which
 * are ours then.
 */
type Recognised = { word: Word; weight: number; known: number }

/**
 * `templates`: the English of the catalogues. What none of them fits is returned as it is, and so is what
 * takes too many steps. `onStep`: is told of each.
 */
export function createRecognition(templates: Iterable<string>, onStep?: () => void): (text: string) => Word {
  const exact = new Set<string>()
  const byStart = new Map<string, Pattern[]>()
  const others: Pattern[] = []
  for (const template of templates) {
    if (!HOLE.test(template)) {
      exact.add(template)
      continue
    }
    const pattern = patternOf(template)
    const start = pattern.parts[0]!.slice(0, KNOWN_BY_START)
    if (start.length === KNOWN_BY_START) byStart.set(start, [...(byStart.get(start) ?? []), pattern])
    else if (pattern.weight >= KNOWN_BY_ALL) others.push(pattern)
  }

  let left = 0
  const recognise = (text: string, nested: number): Recognised => {
    const isWhole = nested === MOST_NESTED || (text.length >= LEAST_IN_VALUE && text.includes(' '))
    if (isWhole && exact.has(text)) return { word: new Said(text), weight: text.length, known: text.length }
    let best: Recognised = { word: text, weight: 0, known: 0 }
    if (nested === 0 || !isWhole || text.length > MOST_CHARACTERS) return best
    for (const pattern of [...(byStart.get(text.slice(0, KNOWN_BY_START)) ?? []), ...others]) {
      if (left === 0) break
      left -= 1
      onStep?.()
      const found = valuesIn(text, pattern.parts)
      if (found === undefined) continue
      const values: Word[] = []
      let { weight } = pattern
      let known = weight
      for (const [at, hole] of pattern.holes.entries()) {
        const value = recognise(found[at]!, nested - 1)
        values[hole] = value.word
        weight += value.weight
        known += value.known
      }
      const isKnownByAll = pattern.weight >= KNOWN_BY_ALL
      if (weight <= best.weight || !(isKnownByAll || known * 3 >= text.length * 2)) continue
      best = { word: new Said(pattern.template, values), weight, known: isKnownByAll ? text.length : known }
    }
    return best
  }
  return (text) => {
    left = MOST_STEPS
    const { word } = recognise(text, MOST_NESTED)
    return left === 0 ? text : word
  }
}

/**
 * Each value is as short as it can be. The first place of each part leaves most to those behind it, so none
 * is sought twice.
 */
function valuesIn(text: string, parts: string[]): string[] | undefined {
  const [before, ...between] = parts
  const after = between.pop()!
  if (!text.startsWith(before!) || !text.endsWith(after)) return undefined
  const values: string[] = []
  const end = text.length - after.length
  let at = before!.length
  for (const part of between) {
    const next = text.indexOf(part, at)
    if (next === -1) return undefined
    values.push(text.slice(at, next))
    at = next + part.length
  }
  return at > end ? undefined : [...values, text.slice(at, end)]
}

function patternOf(template: string): Pattern {
  const parts = template.split(HOLE)
  return {
    ...{ template, parts, weight: parts.join('').length },
    holes: [...template.matchAll(/\{(\d+)\}/g)].map(([, index]) => Number(index)),
  }
}
