/**
 * Writes the test files as programs of few files, as `concordat build` does with servers: each of them loads hundreds of modules, and to find
 * and read these is most of the processor time of a small test file. Tests that somebody runs by their names run from their sources.
 */
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeBundle } from '#scripts/build.ts'
import { BEFORE_FILE } from './run-files.ts'

// In the same bundle, so that there is one tap.
const BEFORE = 'scripts/test/escaped-errors'
/** They try how sources are run and built, and which modules are loaded. */
const FROM_SOURCES = [
  'scripts/build.test.ts',
  'scripts/concordat.test.ts',
  'scripts/verify.test.ts',
  'scripts/verify/page/page.test.ts',
  'platform/configuration-documents/read-parameters.test.ts',
]
/** These look for files of their own beside their modules. */
const EXTERNAL = ['playwright-core', 'axe-core', 'typescript', 'rolldown', 'oidc-provider']
// Always the same folder: Node's cache of compiled code has the names of files.
const FOLDER = path.join(import.meta.dirname, '../../.work/tests')

/** Returns what Node is called with for a test file. */
export async function buildTests(files: string[]): Promise<(file: string) => string[]> {
  await rm(FOLDER, { recursive: true, force: true })
  const built = files.filter((file) => !FROM_SOURCES.includes(file))
  await writeBundle({ outDir: FOLDER, programs: [...built, `${BEFORE}.ts`], external: EXTERNAL })
  const before = ['--import', pathToFileURL(path.join(FOLDER, `${BEFORE}.js`)).href]
  return (file) =>
    FROM_SOURCES.includes(file)
      ? [...BEFORE_FILE, file]
      : [...before, path.join(FOLDER, file.replace(/\.ts$/, '.js'))]
}
