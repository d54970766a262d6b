/**
 * Writes the test files as programs of few files, as `concordat build` does with servers: each of them loads
 * hundreds of modules, and to find and read these is most of the processor time of a small test file. Tests
 * that somebody runs by their names run from their sources.
 */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'vite'
import { writeBundle } from '#scripts/build.ts'
import { BEFORE_FILE, type Programs } from './run-files.ts'

// In the same bundle, so that there is one tap.
const BEFORE = 'scripts/test/escaped-errors'
const GROUP = 'scripts/test/run-group'
/**
 * They try how sources are run and built, which modules are loaded, and the page that verifies in a
 * browser.
 */
const FROM_SOURCES = [
  'scripts/build.test.ts',
  'scripts/concordat.test.ts',
  'scripts/verify.test.ts',
  'scripts/verify/page/page.test.ts',
  'scripts/verify/page/reasons.test.ts',
  'scripts/verify/page/use.test.ts',
  'test/journeys/prove-use.test.ts',
  'platform/configuration-documents/read-parameters.test.ts',
]
/** These look for files of their own beside their modules. */
const EXTERNAL = ['playwright-core', 'axe-core', 'typescript', 'rolldown', 'oidc-provider']
// Always the same folder: Node's cache of compiled code has the names of files.
const FOLDER = path.join(import.meta.dirname, '../../.work/tests')

/** Returns what Node is called with for one test file, and for several in one process. */
export async function buildTests(files: string[]): Promise<Programs> {
  await rm(FOLDER, { recursive: true, force: true })
  const built = files.filter((file) => !FROM_SOURCES.includes(file))
  const programs = [...built, `${BEFORE}.ts`, `${GROUP}.ts`]
  await writeBundle({ outDir: FOLDER, programs, external: EXTERNAL, plugins: [testsOfCurrentFile()] })
  const program = (file: string): string => path.join(FOLDER, file.replace(/\.ts$/, '.js'))
  const before = ['--import', pathToFileURL(program(`${BEFORE}.ts`)).href]
  return {
    one: (file) => (FROM_SOURCES.includes(file) ? [...BEFORE_FILE, file] : [...before, program(file)]),
    several: [...before, program(`${GROUP}.ts`)],
    isAlone: (file) => FROM_SOURCES.includes(file),
  }
}

function testsOfCurrentFile(): Plugin {
  const ours = path.join(import.meta.dirname, 'current-file.ts')
  return {
    name: 'tests-of-current-file',
    enforce: 'pre',
    resolveId: (id, importer) =>
      id === 'tap' && importer !== undefined && path.dirname(importer) !== import.meta.dirname ? ours : null,
  }
}
