/**
 * Which texts a console needs: those whose keys stand in its sources, as they are, as the beginning of a
 * template, or as a needed key with an ending. The build gives a console no others. `untraceable` finds what
 * would make this a guess.
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
 * The places in a source where a key could come from elsewhere than a literal, a template with a literal
 * beginning or a key with an ending: a cast of anything else, and another template that fits a key. The
 * compiler refuses every other string as a key.
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

/** What a source imports with its values, from beside it. */
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?'(\.[^']+)'/gm
/**
 * What it loads later: only a table of contents loads pages, and what others load is shown on the page where
 * they are.
 */
const LOADED = /\bimport\('(\.[^']+)'\)/g

/** The sources of the first page of a console: of its start and its overview, with all that they import. */
export async function firstSourcesOf(console: string): Promise<string[]> {
  const found = new Map<string, string>()
  const waiting = ['main.tsx', 'overview/page.tsx'].map((file) => path.join(ROOT, console, file))
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (found.has(file) || !/\.tsx?$/.test(file)) continue
    const source = await readFile(file, 'utf8')
    found.set(file, source)
    const loaded = path.basename(file) === 'pages.ts' ? [] : source.matchAll(LOADED)
    for (const [, to] of [...source.matchAll(IMPORT), ...loaded])
      waiting.push(path.join(path.dirname(file), to!))
  }
  return [...found.values()]
}

/**
 * Of each language, a console gets the texts that its pages can show: those of its first page in one file,
 * and all others in one that the other pages load, whose address has `?later`. The build fails where it could
 * not be known which texts a page shows.
 */
export function onlyNeededTexts(sources: string[], first: string[]): Plugin {
  return {
    name: 'only needed texts',
    enforce: 'pre',
    transform(code, id) {
      const [file = '', query] = id.split('?')
      if (path.dirname(file) !== import.meta.dirname) return undefined
      const all = JSON.parse(code) as Record<string, string>
      const keys = Object.keys(all)
      const hidden = sources.flatMap((source) => untraceable(source, keys))
      if (hidden.length > 0) throw new Error(`texts are named in a way that hides them: ${hidden.join(', ')}`)
      const atFirst = new Set(neededKeys(first, keys))
      const isLater = query === 'later'
      const needed = neededKeys(sources, keys).filter((key) => atFirst.has(key) !== isLater)
      const own = JSON.stringify(Object.fromEntries(needed.map((key) => [key, all[key]])))
      // The bundler takes a file with a query for a script.
      return { code: isLater ? `export default ${own}` : own, map: null }
    },
  }
}
