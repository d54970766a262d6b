/**
 * Finds in an English sentence the template that it was made of, and the values that stand in it: for words that were kept, or came from
 * another thread, and are read by somebody with another language. Of several templates that fit, the one by which most of the text is known
 * is meant.
 */
import { Said, type Word } from './said.ts'

/** Longer ones are no sentences, and cost time. */
const MOST_CHARACTERS = 2_000
/** What stands in a value may be a sentence again. */
const MOST_NESTED = 4

const HOLE = /\{\d+\}/

type Pattern = { template: string; before: string; after: string; weight: number; holes: number[] }

/** `weight`: how many of the characters are known. */
type Recognised = { word: Word; weight: number }

/** `templates`: the English of the catalogues. What none of them fits is returned as it is. */
export function createRecognition(templates: Iterable<string>): (text: string) => Word {
  const exact = new Set<string>()
  const patterns: Pattern[] = []
  for (const template of templates)
    if (/\{\d+\}/.test(template)) patterns.push(patternOf(template))
    else exact.add(template)

  const recognise = (text: string, nested: number): Recognised => {
    if (exact.has(text)) return { word: new Said(text), weight: text.length }
    let best: Recognised = { word: text, weight: 0 }
    if (nested === 0 || text.length > MOST_CHARACTERS) return best
    for (const pattern of patterns) {
      const found = valuesIn(text, pattern)
      if (found === undefined) continue
      const values: Word[] = []
      let { weight } = pattern
      for (const [at, hole] of pattern.holes.entries()) {
        const value = recognise(found[at]!, nested - 1)
        values[hole] = value.word
        weight += value.weight
      }
      if (weight > best.weight) best = { word: new Said(pattern.template, values), weight }
    }
    return best
  }
  return (text) => recognise(text, MOST_NESTED).word
}

function valuesIn(text: string, { template, before, after }: Pattern): string[] | undefined {
  if (!text.startsWith(before) || !text.endsWith(after)) return undefined
  return matching(template).exec(text)?.slice(1)
}

function patternOf(template: string): Pattern {
  const parts = template.split(HOLE)
  return {
    ...{ template, before: parts[0]!, after: parts.at(-1)!, weight: parts.join('').length },
    holes: [...template.matchAll(/\{(\d+)\}/g)].map(([, index]) => Number(index)),
  }
}

function matching(template: string): RegExp {
  return new RegExp(`^${template.split(HOLE).map(escaped).join('(.*?)')}$`, 's')
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}
