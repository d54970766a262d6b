/**
 * Which texts a console needs: those whose keys stand in its sources, as they are, as the beginning of a template, or as a needed key
 * with an ending. The build gives a console no others. `untraceable` finds what would make this a guess.
 */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Plugin } from 'vite'

const ROOT = path.join(import.meta.dirname, '..')
const LITERAL = /'([\w.-]+)'|"([\w.-]+)"/g
const TEMPLATE = /`((?:[^`\\$]|\\.|\$(?!\{))*)\$\{/g
/** A key with something after it, such as the words of a field's title when the field is missing. */
const ENDING = /`\$\{[^{}`]*\}(\.[\w.]+)`/g
const PLURAL = /_(?:zero|one|two|few|many|other)$/
// A type that is given by force: only what is scanned may get it.
const CAST = /(\S+) as TextKey\b/g
const LEADING_HOLE = /`\$\{[^`]*`/g

/** The keys of the catalogue that these sources can ask for. */
export function neededKeys(sources: string[], keys: string[]): string[] {
  const literals = new Set<string>()
  const beginnings = new Set<string>()
  for (const source of sources) {
    for (const [, single, double] of source.matchAll(LITERAL)) literals.add(single ?? double ?? '')
    for (const [, beginning = ''] of source.matchAll(TEMPLATE))
      if (beginning.includes('.')) beginnings.add(beginning)
  }
  const endings = new Set(
    sources.flatMap((source) => [...source.matchAll(ENDING)].map(([, ending]) => ending!)),
  )
  const isNeeded = (key: string): boolean => {
    const base = key.replace(PLURAL, '')
    if (literals.has(key) || literals.has(base)) return true
    if ([...beginnings].some((beginning) => key.startsWith(beginning))) return true
    const ending = [...endings].find((one) => base.endsWith(one) && base.length > one.length)
    return ending !== undefined && isNeeded(base.slice(0, -ending.length))
  }
  return keys.filter(isNeeded)
}

/**
 * The places in a source where a key could come from elsewhere than a literal, a template with a literal beginning or a key with an
 * ending: a cast of anything else, and another template that fits a key. The compiler refuses every other string as a key.
 */
export function untraceable(source: string, keys: string[]): string[] {
  const casts = [...source.matchAll(CAST)]
    .map(([whole]) => whole)
    .filter((whole) => !/[`]\)? as /.test(whole))
  const templates = [...source.replace(ENDING, '').matchAll(LEADING_HOLE)]
    .map(([whole]) => whole)
    .filter((whole) => {
      const fixed = whole.slice(1, -1).split(/\$\{[^}]*\}/)
      if (!fixed.some((part) => part.includes('.'))) return false
      const literally = fixed.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      const pattern = new RegExp(`^${literally.join('[\\w.]+')}$`)
      return keys.some((key) => pattern.test(key.replace(PLURAL, '')))
    })
  return [...casts, ...templates]
}

/** The sources of a console and of the kit. */
export async function sourcesOf(console: string): Promise<string[]> {
  const files = await Promise.all(
    ['kit', console].map(async (folder) => {
      const names = await readdir(path.join(ROOT, folder), { recursive: true })
      return names.filter((name) => /\.tsx?$/.test(name)).map((name) => path.join(ROOT, folder, name))
    }),
  )
  return Promise.all(files.flat().map((file) => readFile(file, 'utf8')))
}

/** Of each language, a console gets the texts that its pages can show. The build fails where that could not be known. */
export function onlyNeededTexts(sources: string[]): Plugin {
  return {
    name: 'only needed texts',
    enforce: 'pre',
    transform(code, id) {
      if (path.dirname(id) !== import.meta.dirname) return undefined
      const all = JSON.parse(code) as Record<string, string>
      const keys = Object.keys(all)
      const hidden = sources.flatMap((source) => untraceable(source, keys))
      if (hidden.length > 0) throw new Error(`texts are named in a way that hides them: ${hidden.join(', ')}`)
      const needed = neededKeys(sources, keys).map((key) => [key, all[key]])
      return { code: JSON.stringify(Object.fromEntries(needed)), map: null }
    },
  }
}
