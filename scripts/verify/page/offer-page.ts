/** Puts the page that verifies beside the auditors' console, from where they take it with them; built when its sources changed. */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { buildPage } from './build-page.ts'

const ROOT = path.join(import.meta.dirname, '../../..')
/** What the page is made of, as far as it is ours; the lock file stands for the rest. */
const SOURCES = [
  'core',
  'schemas',
  'scripts/verify',
  'security-server/features/reconciliation',
  'console/kit',
]
const STAMP = '.verify.sha256'

/** `directory` exists. Returns whether the page had to be built. */
export async function offerPage(directory: string): Promise<boolean> {
  const file = path.join(directory, 'verify.html')
  const [digest, html, stamp] = await Promise.all([
    digestOfSources(),
    readFile(file).catch(() => undefined),
    readFile(path.join(directory, STAMP), 'utf8').catch(() => ''),
  ])
  if (html !== undefined && stamp === digest) return false
  const built = await buildPage()
  // Whole or not at all, also when two build at the same time.
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
