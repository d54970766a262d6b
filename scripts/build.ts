/**
 * `concordat build`: writes each server, each thread that it may start, and the command line as a program of
 * few files. A server has more than a thousand modules; to find and read them is half of its start.
 * `scripts/concordat` runs these programs while the sources are those of which they were made.
 */
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdir, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Plugin } from 'vite'
import { settingsChecks } from './build-checks.ts'

const USAGE = `Usage: concordat build

Writes the servers below .work/servers as programs of few files, which start in two thirds of the time. When a source has changed
since, servers run from the sources again, until this is called again.
`

const ROOT = path.join(import.meta.dirname, '..')
const FOLDER = path.join(ROOT, '.work/servers')
const PROGRAMS = ['{central-registry,security-server,certs,adapters}/**/main.ts', 'scripts/concordat.ts']
/** What they share with other programs is not split off, so that they load a third of the files. */
const OF_THEIR_OWN = ['security-server/main.ts', 'central-registry/main.ts']
/**
 * Threads that start often: on its own, each loads a sixth of the files. The log's, which every security
 * server and every test of its log starts, begins with 30 ms of a processor less; the one that reads
 * configuration documents, new for each refresh, takes 26 ms, not 33.
 */
const THREADS_OF_THEIR_OWN = [
  'security-server/log-thread.ts',
  'security-server/log-thread-fixture.ts',
  'platform/configuration-documents/parameters-worker.ts',
]
/** A module that another one starts as a thread or a process. */
const STARTED = /new URL\('((?:\.\/)?[\w/-]+\.ts)', import\.meta\.url\)/g
/** A process that a test starts, and kills. */
const STARTED_BY_PATH = /path\.join\(import\.meta\.dirname, '((?:\.\.\/)?[\w/-]+-child\.ts)'\)/g
const WRITES_CODE = /const lines = \[\][\s\S]*?return new Function\([^\n]*/
const BEYOND_ASCII = /(\\*)([\u0080-\uffff])/g
const RAW = /\bString\.raw`[^`]*[\u0080-\uffff]/
const PLACE = /\bimport\.meta\.(url|dirname|filename|main)\b|\b__(dirname|filename)\b/g

/** Exit code 0 when the programs are written, 2 for wrong usage. */
export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } })
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  await buildServers()
  process.stdout.write('The servers are built.\n')
  return 0
}

/**
 * A folder of programs never changes. The file `current` names the one to run, where its sources are, since
 * its programs contain their places, and the checksum of these sources.
 */
async function buildServers(): Promise<void> {
  const began = new Date()
  const name = `${began.getTime()}-${process.pid}`
  const sources = sourcesOf(ROOT)
  await writePrograms(name)
  const current = path.join(FOLDER, 'current')
  const part = `${current}.${process.pid}`
  await writeFile(part, `${ROOT}\n${name}\n${sources}\n`)
  // A source that was changed while it was read is newer.
  await utimes(part, began, began)
  await rename(part, current)
  // Running servers may still load parts of the programs before these.
  const older = (await readdir(FOLDER)).filter((one) => /^\d+-\d+$/.test(one) && one < name).sort()
  for (const one of older.slice(0, -1)) await rm(path.join(FOLDER, one), { recursive: true, force: true })
}

/** As `scripts/find-node.sh` compares it before each start. */
function sourcesOf(root: string): string {
  const script = '. "$1/scripts/find-node.sh" && sources_of "$1"'
  return execFileSync('sh', ['-c', script, 'sh', root], { encoding: 'utf8' }).trim()
}

async function writePrograms(name: string): Promise<void> {
  const outDir = path.join(FOLDER, name)
  const others = globSync(PROGRAMS, { cwd: ROOT }).filter((program) => !OF_THEIR_OWN.includes(program))
  for (const programs of [...OF_THEIR_OWN.map((program) => [program]), others])
    await writeBundle({ outDir, programs, plugins: [settingsChecks()] })
}

/**
 * Writes modules, and all that they import or start, in few files, and gives the folders of the packages that
 * went in. `external`: packages that stay where they are. `installed`: where the sources' files and `outDir`
 * will lie, if that is not where they lie now. `without`: sources that are left out; whoever loads one finds
 * no export. `plugins`: Vite's, before our own.
 */
export async function writeBundle(q: {
  outDir: string
  programs: string[]
  external?: string[]
  installed?: { root: string; programs: string }
  without?: string[]
  plugins?: Plugin[]
}): Promise<string[]> {
  // Loaded only when there is something to build.
  const { build } = await import('vite')
  await mkdir(q.outDir, { recursive: true })
  await writeFile(path.join(q.outDir, 'package.json'), '{"type":"module"}\n')
  const apart = new Set<string>()
  const left = new Set(q.without?.map((file) => path.join(ROOT, file)))
  const written = await build({
    configFile: false,
    root: ROOT,
    logLevel: 'error',
    plugins: [
      ...(q.plugins ?? []),
      { name: 'without', enforce: 'pre', load: (id) => (left.has(id) ? 'export {}' : null) },
      places(q.installed ?? { root: ROOT, programs: q.outDir }, apart),
      routesWithoutCode(),
      inAscii(),
    ],
    ssr: { noExternal: true, external: q.external ?? [] },
    build: {
      ssr: true,
      outDir: q.outDir,
      emptyOutDir: false,
      copyPublicDir: false,
      target: 'es2024',
      minify: false,
      rolldownOptions: {
        input: Object.fromEntries(
          q.programs.map((file) => [file.replace(/\.ts$/, ''), path.join(ROOT, file)]),
        ),
        // Drivers look for these and do without them; Vite and its parts build pages, and this.
        external: ['pg-native', 'cpu-features', /\.node$/, 'vite', ...(q.external ?? [])],
        output: {
          entryFileNames: '[name].js',
          chunkFileNames: 'parts/[name]-[hash].js',
          // Every start reads them.
          comments: { legal: true, annotation: false, jsdoc: false },
        },
        treeshake: false,
      },
    },
  })
  const modules = [written].flat().flatMap((one) => ('output' in one ? one.output : []))
  const packages = modules.flatMap((one) => (one.type === 'chunk' ? one.moduleIds : [])).map(folderOfPackage)
  for (const program of apart) packages.push(...(await writeBundle({ ...q, programs: [program] })))
  return [...new Set(packages.filter((folder) => folder !== undefined))].sort()
}

function folderOfPackage(module: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module.replace(/^\0/, ''))?.[0]
}

/**
 * find-my-way writes a function's text for each piece of a route and has V8 compile it: 30 ms of each start
 * of a security server, which no cache of compiled code spares. Here a closure compares the piece.
 */
function routesWithoutCode(): Plugin {
  return {
    name: 'routes-without-code',
    transform: (code, id) => {
      if (!id.endsWith('/find-my-way/lib/node.js')) return null
      const parts = code.split(WRITES_CODE)
      if (parts.length !== 2)
        throw new Error('find-my-way compares routes in another way: see scripts/build.ts')
      return parts.join('return (path, i) => path.startsWith(prefix, i)')
    },
  }
}

/**
 * V8 keeps a program as two octets a character if one is outside of Latin-1: 6 MB of a security server, and
 * slower to read.
 */
function inAscii(): Plugin {
  return {
    name: 'in-ascii',
    // At the very end: what is printed once more would have the characters again.
    generateBundle: (_options, files) => {
      for (const file of Object.values(files)) if (file.type === 'chunk') file.code = asciiOf(file.code)
    },
  }
}

function asciiOf(code: string): string {
  if (RAW.test(code)) throw new Error('String.raw would not give the characters that this program has')
  return code.replace(BEYOND_ASCII, (_all, escapes: string, character: string) => {
    // A backslash that this character needs no longer.
    const before = escapes.slice(escapes.length % 2)
    return `${before}\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/**
 * A module finds the files beside its source, as it would when run itself; only what it starts is a program
 * as well. What is to be built on its own is added to `apart`.
 */
function places(installed: { root: string; programs: string }, apart: Set<string>): Plugin {
  return {
    name: 'places',
    enforce: 'pre',
    transform(code, id) {
      const source = path.resolve(ROOT, id.replace(/\?.*$/, ''))
      const file = path.join(installed.root, path.relative(ROOT, source))
      // Without the prefix: this very file is also built, and its keys would be replaced.
      const values: Record<string, string | boolean> = {
        // It may share a file with the module that is run.
        main: false,
        url: pathToFileURL(file).href,
        filename: file,
        dirname: path.dirname(file),
      }
      const started = (relative: string): string => {
        const script = path.resolve(path.dirname(source), relative)
        const program = path.relative(ROOT, script)
        const fileName = program.replace(/\.ts$/, '.js')
        if (THREADS_OF_THEIR_OWN.includes(program)) apart.add(program)
        else this.emitFile({ type: 'chunk', id: script, fileName })
        return path.join(installed.programs, fileName)
      }
      return code
        .replaceAll(STARTED, (_all, script: string) => `new URL('${pathToFileURL(started(script)).href}')`)
        .replaceAll(STARTED_BY_PATH, (_all, script: string) => JSON.stringify(started(script)))
        .replaceAll(PLACE, (_all, meta?: string, own?: string) => JSON.stringify(values[meta ?? own ?? '']))
    },
  }
}
