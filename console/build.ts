/**
 * Builds the consoles into console/dist when their sources have changed since the last build. The operations
 * that a console may call, with their roles, are read from the OpenAPI file of its API.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip as gzipCompress } from 'node:zlib'
import type { Plugin } from 'vite'
import { parse } from 'yaml'
import { catalogue } from '#schemas/fault-catalogue.ts'
import { type Answers, type ApiDocument, addAnswers, METHODS } from './reference/add-answers.ts'
import { API_PAGES, type ApiPage } from './reference/pages.ts'
import { writePage } from './reference/write-page.ts'
import { firstSourcesOf, onlyNeededTexts, sourcesOf } from './texts/needed-texts.ts'

const ROOT = import.meta.dirname
const CONSOLES = [
  { name: 'registry', api: 'central-registry', base: '/console/' },
  { name: 'agency', api: 'security-server', base: '/console/' },
]
const PAGE_FOLDER = /[\\/]console[\\/](?!kit)\w+[\\/]([\w-]+)[\\/][^\\/]+\.tsx?$/
// What all pages share is one file, and so are the pages of a folder: few files, which a browser keeps.
const CHUNKS = [
  { name: 'kit', test: /[\\/]console[\\/]kit[\\/]|[\\/]node_modules[\\/]preact[\\/]/, priority: 3 },
  // With what it shows of other folders: the first page loads none of their other pages.
  { name: 'overview', test: /[\\/]console[\\/]\w+[\\/]overview[\\/]/, priority: 2 },
  {
    ...{ debugName: 'pages', test: PAGE_FOLDER, priority: 1 },
    name: (module: string) => PAGE_FOLDER.exec(module)?.[1] ?? null,
    includeDependenciesRecursively: false,
  },
]
const PACKED = ['.js', '.css', '.html', '.svg', '.json']
const LEAST_PACKED = 1024
// All scripts take 1.6 s of a processor, 0.3 with 9 and 3.9 with 11; they are a twentieth smaller than with 9
// and a fiftieth larger than with 11.
const BY_BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }
const brotli = promisify<Buffer, object, Buffer>(brotliCompress)
const gzip = promisify<Buffer, object, Buffer>(gzipCompress)
const STAMP = '.sources.sha256'

/** Returns the consoles that had to be built. */
export async function buildConsoles(): Promise<string[]> {
  const built: string[] = []
  for (const console of CONSOLES) {
    const pages = await Promise.all(
      API_PAGES.filter((page) => page.console === console.name).map(async (page) => ({
        ...{ page, texts: await textsOf(page.api) },
      })),
    )
    const digest = await digestOfSources(...pages.flatMap(({ texts }) => texts), JSON.stringify(catalogue))
    const output = path.join(ROOT, 'dist', console.name)
    if ((await readFile(path.join(output, STAMP), 'utf8').catch(() => '')) === digest) continue
    const temporary = `${output}.${process.pid}`
    const described = pages.map(({ page, texts }) => ({ page, ...documentIn(texts) }))
    const { document } = described.find(({ page }) => page.api === console.api)!
    await build({ ...console, output: temporary, operations: operationsOf(document) })
    await writeReference(described, { base: console.base, output: temporary })
    await pack(temporary)
    await writeFile(path.join(temporary, STAMP), digest)
    await putInPlace(temporary, output)
    built.push(console.name)
  }
  return built
}

async function build(q: { name: string; base: string; output: string; operations: object }): Promise<void> {
  // Loaded only when there is something to build.
  const { build } = await import('vite')
  await build({
    configFile: false,
    root: path.join(ROOT, q.name),
    base: q.base,
    logLevel: 'warn',
    define: { OPERATIONS: JSON.stringify(q.operations) },
    plugins: [firstPaint(q.base), onlyNeededTexts(await sourcesOf(q.name), await firstSourcesOf(q.name))],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: q.output,
      emptyOutDir: true,
      target: 'es2023',
      modulePreload: { polyfill: false },
      // All assets are files: data: URLs would need a wider content security policy.
      assetsInlineLimit: 0,
      rolldownOptions: { output: { codeSplitting: { groups: CHUNKS } } },
    },
  })
}

/**
 * kit/first-paint.ts as a file of its own that is run before the page paints: a module would run after it,
 * and a script in the page is refused by the content security policy.
 */
function firstPaint(base: string): Plugin {
  let fileName = ''
  return {
    name: 'first paint',
    async buildStart() {
      const { build } = await import('vite')
      const built = await build({
        configFile: false,
        root: ROOT,
        publicDir: false,
        logLevel: 'warn',
        build: {
          write: false,
          target: 'es2023',
          lib: { entry: path.join(ROOT, 'kit/first-paint.ts'), formats: ['iife'], name: 'firstPaint' },
        },
      })
      const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
        'output' in one ? one.output : [],
      )
      const [chunk] = outputs
      if (chunk?.type !== 'chunk') throw new Error('kit/first-paint.ts must be one program')
      const digest = createHash('sha256').update(chunk.code).digest('base64url')
      fileName = `assets/first-paint-${digest.slice(0, 8)}.js`
      this.emitFile({ type: 'asset', fileName, source: chunk.code })
    },
    transformIndexHtml: () => [{ tag: 'script', attrs: { src: base + fileName }, injectTo: 'head-prepend' }],
  }
}

/** The API's description, the examples of its answers, and their schemas. */
async function textsOf(api: string): Promise<string[]> {
  const files = [`${api}-api.yaml`, `answers/${api}.json`, `answers/${api}.schemas.json`]
  return Promise.all(files.map((file) => readFile(path.join(ROOT, '../schemas', file), 'utf8')))
}

/** The description, and the same with an example for each answer. */
function documentIn([api, examples, schemas]: string[]) {
  // Our own file: its many aliases are no attack.
  const document = parse(api!, { maxAliasCount: -1 }) as ApiDocument
  const answers = { examples: JSON.parse(examples!), schemas: JSON.parse(schemas!) } as Answers
  return { document, described: addAnswers(document, answers).document }
}

/** The pages of the API that the console uses and of those beside it, and the descriptions themselves. */
async function writeReference(
  all: { page: ApiPage; described: ApiDocument }[],
  { base, output }: { base: string; output: string },
): Promise<void> {
  const [tokens, own] = await Promise.all(
    ['kit/tokens.css', 'reference/reference.css'].map((file) => readFile(path.join(ROOT, file), 'utf8')),
  )
  await writeFile(path.join(output, 'api.css'), `${tokens}${own}`)
  for (const { page, described } of all) {
    const others = all
      .filter((one) => one.page !== page)
      .map((one) => ({ name: one.page.name, title: one.described.info.title }))
    await writeFile(path.join(output, `${page.name}.html`), writePage(described, { base, page, others }))
    await writeFile(path.join(output, `${page.name}.json`), JSON.stringify(described))
  }
}

/** Compresses what is worth it, once and well, so that the server does not compress each time. */
async function pack(directory: string): Promise<void> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && PACKED.includes(path.extname(entry.name)))
  for (const entry of files) {
    const file = path.join(entry.parentPath, entry.name)
    const content = await readFile(file)
    if (content.length < LEAST_PACKED) continue
    await writeFile(`${file}.br`, await brotli(content, BY_BROTLI))
    await writeFile(`${file}.gz`, await gzip(content, { level: constants.Z_BEST_COMPRESSION }))
  }
}

/** Replaces the output as a whole, also when two builds run at the same time: both have the same result. */
async function putInPlace(temporary: string, output: string): Promise<void> {
  await rm(output, { recursive: true, force: true })
  await rename(temporary, output).catch(async (cause: NodeJS.ErrnoException) => {
    await rm(temporary, { recursive: true, force: true })
    if (cause.code !== 'ENOTEMPTY' && cause.code !== 'EEXIST') throw cause
  })
}

/**
 * Method, path and roles of each operation by its name, whether it needs two people, and its time limit when
 * that is longer than usual.
 */
function operationsOf({ paths }: ApiDocument): object {
  const found = Object.entries(paths).flatMap(([at, item]) =>
    METHODS.flatMap((method) => {
      const operation = item[method]
      if (operation === undefined) return []
      const { operationId, 'x-roles': roles, 'x-four-eyes': fourEyes = false } = operation
      const byTwoWhen = operation['x-four-eyes-when'] !== undefined || undefined
      const passkey = operation['x-passkey']
      const answerSeconds = operation['x-answer-seconds']
      const own = { roles, fourEyes, passkey, byTwoWhen, answerSeconds }
      return [[operationId, { method: method.toUpperCase(), path: at, ...own }]]
    }),
  )
  return Object.fromEntries(found) as object
}

async function digestOfSources(...more: string[]): Promise<string> {
  const hash = createHash('sha256')
  const entries = await readdir(ROOT, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))
    .filter((file) => !file.startsWith('dist'))
    .sort()
  for (const file of files) hash.update(`${file}\0`).update(await readFile(path.join(ROOT, file)))
  hash.update(await readFile(path.join(ROOT, '../package-lock.json')))
  for (const text of more) hash.update(text)
  return hash.digest('hex')
}
