/**
 * Writes the first API key into a file that only its owner can read, so that nobody has to create one in the
 * database.
 */
import { open, readFile } from 'node:fs/promises'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../../keys/write-durably.ts'
import { ROLES } from './roles.ts'

const NAME = 'initial'

/**
 * Makes the key if there is none at all, or if the file is empty. The file is created empty before the key.
 * If a crash left it empty, nobody could read the key: it is revoked and another one is made. The key is
 * written beside the file, which it replaces: an empty one that is there may be open to others.
 */
export async function writeInitialApiKey(file: string, apiKeys: ApiKeys): Promise<void> {
  const content = await readFile(file, 'utf8').catch(() => undefined)
  const existing = await apiKeys.list()
  if (content !== undefined ? content !== '' : existing.length > 0) return
  for (const { id, name, revokedAt } of existing) {
    if (name === NAME && revokedAt === null) await apiKeys.revoke(id)
  }
  try {
    if (content === undefined) await (await open(file, 'wx', 0o600)).close()
  } catch (cause) {
    throw new Fault('io_error', { what: `the file of the first API key, ${file}`, cause })
  }
  const { secret } = await apiKeys.create({ name: NAME, roles: [...ROLES] })
  await writeDurably(file, Buffer.from(`${secret}\n`))
}
