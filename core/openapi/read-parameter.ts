/**
 * What a parameter may be, from its text: a text is also a number, a truth value or nothing where its schema
 * has these types. One text with two meanings is refused. Other styles than those of lists and plain values
 * are not judged.
 */
import { parseJson } from '#core/canonical/parse-json.ts'
import type { Parameter } from './read-operations.ts'

/** Each way to read it; `absent`: not given; `unjudged`: given, in a form that is not read. */
type ReadParameter = { values: unknown[] } | 'absent' | 'unjudged' | { wrong: string }

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const SEPARATORS: Record<string, string> = { form: ',', simple: ',', spaceDelimited: ' ', pipeDelimited: '|' }

/** `given` are the texts that the message has for it, as they stand there. */
export function readParameter(parameter: Parameter, given: readonly string[]): ReadParameter {
  const { style, explode, types, isJson, allowsEmpty } = parameter
  const [first, ...more] = given
  if (first === undefined) return 'absent'
  if (isJson) return more.length > 0 ? { wrong: 'it is there twice' } : readContent(first)
  const isList = types.includes('array')
  if (types.includes('object') || !(style in SEPARATORS)) return 'unjudged'
  const isRepeated = isList && explode && parameter.in === 'query'
  if (more.length > 0 && !isRepeated) return { wrong: 'it is there twice' }
  const decode = parameter.in === 'header' ? (text: string) => text.trim() : decoded
  if (first === '' && allowsEmpty) return 'unjudged'
  const separator = SEPARATORS[style]!
  const pieces = isRepeated ? [...given] : isList ? splitAt(first, separator) : [first]
  const texts = pieces.map(decode)
  if (texts.some((text) => text === undefined)) return { wrong: 'an escape is not UTF-8' }
  const known = texts as string[]
  const read = isList ? known : known[0]!
  const typed = isList ? known.map(typedOf) : typedOf(known[0]!)
  return { values: [read, typed] }
}

/** A separator that is written as an escape may be one, too, where it is no comma. */
function splitAt(text: string, separator: string): string[] {
  if (separator === ' ') return text.split(/%20|\+| /)
  return separator === '|' ? text.split(/\||%7C/i) : text.split(separator)
}

function readContent(text: string): ReadParameter {
  try {
    return { values: [parseJson(decoded(text) ?? '')] }
  } catch {
    return { wrong: 'it is not JSON' }
  }
}

function typedOf(text: string): unknown {
  if (NUMBER.test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  return text === '' || text === 'null' ? null : text
}

export function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** The texts of a query by name. A plus sign is a space there, as forms write it. */
export function readQuery(query: string | undefined): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const pair of (query ?? '').split('&')) {
    if (pair === '') continue
    const at = pair.indexOf('=')
    const spaced = (text: string): string => text.replaceAll('+', '%20')
    const name = decoded(spaced(at < 0 ? pair : pair.slice(0, at)))
    if (name === undefined) continue
    const value = at < 0 ? '' : spaced(pair.slice(at + 1))
    const known = found.get(name)
    if (known === undefined) found.set(name, [value])
    else known.push(value)
  }
  return found
}
