/**
 * Finds the words that sources say: the templates of say`...`, with {0}, {1} and so on for what is filled in.
 */
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

const ROOT = path.join(import.meta.dirname, '../..')
const ROOMS = '{schemas,core,platform,security-server,central-registry,adapters,certs,scripts/verify}/**/*.ts'
/** What stands before a use: in the middle of a sentence, `say` is followed by the end of its text. */
const BEFORE_A_USE = /(?:[([{,:?=>!&|]|\breturn)\s*$/

/** The files of servers, and of the program that verifies evidence, that say each template. */
export function wordsSaid(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const file of globSync(ROOMS, { cwd: ROOT })) {
    if (/\.test\.ts$|-fixture\.ts$|^schemas\/said\.ts$|node_modules/.test(file)) continue
    for (const template of wordsIn(readFileSync(path.join(ROOT, file), 'utf8')))
      found.set(template, [...(found.get(template) ?? []), file])
  }
  return found
}

/** In a hole no text may hold a brace: the scanner counts them. */
export function wordsIn(source: string): string[] {
  return [...source.matchAll(/\bsay`/g)].flatMap(({ index, 0: { length } }) => {
    if (!BEFORE_A_USE.test(source.slice(Math.max(0, index - 40), index))) return []
    return [templateAt(source, index + length)]
  })
}

function templateAt(source: string, start: number): string {
  let template = ''
  let holes = 0
  for (let at = start; at < source.length && source[at] !== '`'; at++) {
    if (source.startsWith('${', at)) {
      let depth = 1
      for (at += 2; depth > 0 && at < source.length; at++) {
        if (source[at] === '{') depth += 1
        if (source[at] === '}') depth -= 1
      }
      at -= 1
      template += `{${holes++}}`
    } else {
      if (source[at] === '\\') at += 1
      template += source[at]
    }
  }
  return template
}
