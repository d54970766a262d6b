/**
 * Software tokens whose PIN is quick to check, for tests that are not about the PIN: each start of a server
 * checks it.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTokenFile, openTokenFile, readTokenFile } from './token-file.ts'

const QUICK = { N: 2 ** 10, r: 8, p: 1 }

/**
 * Makes the token in `directory` (a server's folder of keys), or rewrites the one that is there with its own
 * token key, so that all its private keys stay readable.
 */
export async function quickToken(directory: string, pin: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = join(directory, 'token.json')
  const known = await readFile(file, 'utf8').catch(() => undefined)
  const tokenKey = known === undefined ? undefined : await openTokenFile(readTokenFile(known, file), pin)
  const made = await makeTokenFile(pin, tokenKey, QUICK)
  await writeFile(file, JSON.stringify(made.file), { mode: 0o600 })
}
