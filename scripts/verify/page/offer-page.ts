/**
 * Puts the page that verifies next to the auditors' console, so that auditors can download it. Builds it when
 * its sources have changed.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buildPage } from './build-page.ts'

const ROOT = path.join(import.meta.dirname, '../../..')
/** The page's own sources; the lock file represents all others. */
const SOURCES = [
  'core',
  'schemas',
  'scripts/verify',
  'security-server/features/reconciliation',
  'console/kit',
]
const STAMP = '.verify.sha256'

/** `directory` must exist. Returns whether the page had to be built. */
export async function offerPage(directory: string): Promise<boolean> {
  const file = path.join(directory, 'verify.html')
  const [digest, html, stamp] = await Promise.all([
    digestOfSources(),
    readFile(file).catch(() => undefined),
    readFile(path.join(directory, STAMP), 'utf8').catch(() => ''),
  ])
  if (html !== undefined && stamp === digest) return false
  const built = await buildPage()
  // Replaces the file completely or not at all, also when two processes build at the same time.
  const temporary = `${file}.${process.pid}`
  await writeFile(temporary, built.html)
  await rename(temporary, file)
  await writeFile(path.join(directory, STAMP), digest)
  return true
}

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(path.join(ROOT, 'package-lock.json')))
  for (const source of SOURCES) {
    const entries = await readdir(path.join(ROOT, source), { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
    const names = files.map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name))).sort()
    for (const name of names) hash.update(`${name}\0`).update(await readFile(path.join(ROOT, name)))
  }
  return hash.digest('hex')
}
