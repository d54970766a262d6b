/**
 * Builds the page that verifies: one HTML file with its whole program and style, which sends no request.
 * Parts of Node that core uses are replaced with browser/. The shapes of statements are compiled here,
 * because the page may not generate code. The same sources give the same file, octet for octet.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Plugin } from 'vite'
import { compileStatementShape } from './compile-shape.ts'
import { REASONS_MODULE, withReasons } from './reason-rows.ts'
import { CATALOGUES } from './shown/texts.ts'

const ROOT = path.join(import.meta.dirname, '../../..')
const HERE = import.meta.dirname
const BROWSER = path.join(HERE, 'browser')
const SHAPES = path.join(ROOT, 'security-server/features/reconciliation/shapes.ts')
const SERVERS_WORDS = path.join(ROOT, 'schemas/fault-languages.ts')
const YAUZL = path.join(ROOT, 'node_modules/yauzl')

/** The replacements for Node's modules and for yauzl's entry point. */
const COUNTERPARTS: Record<string, string> = {
  'node:buffer': 'buffer.ts',
  'node:crypto': 'crypto.ts',
  'node:zlib': 'zlib.ts',
  'node:stream/consumers': 'stream-consumers.ts',
  yauzl: 'zip.ts',
}
const ENGLISH = CATALOGUES['en']!.page
const IN_YAUZL = ['fs', 'zlib', 'util', 'events', 'stream']

type Page = {
  html: Buffer
  /** In lower-case hex. */
  sha256: string
  /** The program in the page, as a module that exports `judgeUpload` where there is no document. */
  program: string
}

export async function buildPage(): Promise<Page> {
  const [program, tokens, own, template] = await Promise.all([
    buildProgram(),
    readFile(path.join(ROOT, 'console/kit/tokens.css'), 'utf8'),
    readFile(path.join(HERE, 'shown/page.css'), 'utf8'),
    readFile(path.join(HERE, 'shown/page.html'), 'utf8'),
  ])
  const style = tokens + own
  const script = atOnce(program)
  const policy = [
    "default-src 'none'",
    // Allows only the page's own program, and WebAssembly for libxml2. A worker runs the same program, so
    // that the page stays responsive.
    `script-src '${hashOf(script)}' 'wasm-unsafe-eval'`,
    'worker-src blob:',
    `style-src '${hashOf(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const parts: Record<string, string> = {
    ...{ policy, style, script },
    title: ENGLISH.title,
    noScript: inEveryLanguage(({ page }) => page.noScript),
  }
  // Until the program begins, which takes a moment, the page is in English.
  const named = template
    .replace(
      / data-text="(\w+)">(?=<)/g,
      (found, key: keyof typeof ENGLISH) => `${found}${withCode(ENGLISH[key])}`,
    )
    .replace(
      / data-name="(\w+)"/g,
      (found, key: keyof typeof ENGLISH) => `${found} aria-label="${ENGLISH[key]}"`,
    )
  const html = Buffer.from(named.replace(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name]!))
  return { html, sha256: createHash('sha256').update(html).digest('hex'), program }
}

/** What stands between backquotes is for computers. */
const withCode = (said: string): string => said.replace(/`([^`]*)`/g, '<code>$1</code>')

/** Without its program the page cannot know the reader's language. The texts are our own, without markup. */
function inEveryLanguage(textOf: (of: (typeof CATALOGUES)[string]) => string): string {
  return Object.entries(CATALOGUES)
    .map(([tag, of]) => `<p class="note bad" lang="${tag}">${textOf(of)}</p>`)
    .join('')
}

/**
 * The module as a plain script: a page opened from a file can start a worker from a script but not from a
 * module. Errors are thrown where the browser reports them.
 */
function atOnce(program: string): string {
  const exported = /export\s*\{[^{}]*\};?\s*$/
  if (!exported.test(program)) throw new Error('the program does not end with what it gives')
  // An HTML parser changes these two characters, so the text would have another digest.
  if (/[\0\r]/.test(program)) throw new Error('the program holds a character that a page cannot')
  // Only libxml2's loader uses its own address. It does not need it, because the program contains what it
  // would fetch.
  const body = program.replace(exported, '').replaceAll('import.meta.url', '""')
  return `(async () => {'use strict';\n${body}\n})().catch((error) => setTimeout(() => { throw error }))`
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

async function buildProgram(): Promise<string> {
  // Loaded only when there is something to build.
  const { build } = await import('vite')
  const built = await build({
    configFile: false,
    root: HERE,
    logLevel: 'warn',
    plugins: [counterparts(), madeHere(), everythingAtOnce()],
    build: {
      write: false,
      target: 'es2023',
      minify: true,
      modulePreload: { polyfill: false },
      lib: { entry: path.join(HERE, 'shown/main.ts'), formats: ['es'], fileName: 'verify' },
      rolldownOptions: {
        output: { codeSplitting: false },
        transform: {
          inject: {
            Buffer: [path.join(BROWSER, 'buffer.ts'), 'Buffer'],
            setImmediate: [path.join(BROWSER, 'node-parts.ts'), 'setImmediate'],
          },
        },
      },
    },
  })
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    'output' in one ? one.output : [],
  )
  const [chunk, ...more] = outputs
  if (chunk?.type !== 'chunk' || more.length > 0) throw new Error('the page must be one program')
  // An end tag in a string of the program would end the script element.
  const program = await withReasons(chunk.code)
  return program.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
}

function counterparts(): Plugin {
  return {
    name: 'counterparts of Node',
    enforce: 'pre',
    resolveId(source, importer) {
      const fromYauzl = importer?.startsWith(YAUZL) === true
      if (fromYauzl && IN_YAUZL.includes(source)) return path.join(BROWSER, 'node-parts.ts')
      const isDoor = importer === path.join(BROWSER, 'zip.ts')
      const counterpart = isDoor ? undefined : COUNTERPARTS[source]
      if (counterpart !== undefined) return path.join(BROWSER, counterpart)
      if (source.startsWith('node:'))
        throw new Error(`${source} of ${importer} has no counterpart in a browser`)
      return undefined
    },
  }
}

/** Modules of which the page needs a small part: the shape of a statement, and the words of its reasons. */
function madeHere(): Plugin {
  return {
    name: 'made for the page',
    enforce: 'pre',
    load(id) {
      if (id === SERVERS_WORDS) return REASONS_MODULE
      return id === SHAPES ? compileStatementShape() : undefined
    },
  }
}

/**
 * core loads some modules at first use. In one file that is pointless, and the deferred modules of libxml2
 * would wait for each other for ever.
 */
function everythingAtOnce(): Plugin {
  return {
    name: 'everything at once',
    enforce: 'pre',
    transform(code, id) {
      if (!id.startsWith(path.join(ROOT, 'core/'))) return undefined
      const imports: string[] = []
      const changed = code.replace(/await import\(('[^']+')\)/g, (_, from: string) => {
        imports.push(`import * as atOnce${imports.length} from ${from}\n`)
        return `atOnce${imports.length - 1}`
      })
      return imports.length === 0 ? undefined : imports.join('') + changed
    },
  }
}
