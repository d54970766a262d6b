/**
 * Writes the first API key into a file that only its owner can read, so that nobody has to create one in the
 * database.
 */
import { readFile, rename, rm } from 'node:fs/promises'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../../keys/write-durably.ts'
import { ROLES } from './roles.ts'

const NAME = 'initial'

/**
 * Makes the key if there is none at all: of nodes that start at once one makes it. Its secret lies beside the
 * file before the database has the key, so a start after a crash completes the work. Throws `io_error`.
 */
export async function writeInitialApiKey(file: string, apiKeys: ApiKeys): Promise<void> {
  const content = await readIfThere(file)
  if (content === '') return replaceLost(file, apiKeys)
  if (content !== undefined) return
  const begun = `${file}.begun`
  let secret = await readIfThere(begun)
  if (secret === undefined) {
    if ((await apiKeys.list()).length > 0) return
    secret = `${apiKeys.draw()}\n`
    await writeDurably(begun, Buffer.from(secret))
  }
  const key = { name: NAME, roles: [...ROLES], secret: secret.trim() }
  const isFirst = await apiKeys.createFirst(key, async () => undefined)
  await (isFirst ? rename(begun, file) : rm(begun, { force: true })).catch(unlessAbsent)
}

/**
 * A version before this one made the file empty, then the key, then wrote its secret. Where a crash left the
 * file empty nobody can read the key: it is revoked and another one is made. The file is replaced, because
 * an empty one that is there may be open to others.
 */
async function replaceLost(file: string, apiKeys: ApiKeys): Promise<void> {
  for (const { id, name, revokedAt } of await apiKeys.list()) {
    if (name === NAME && revokedAt === null) await apiKeys.revoke(id)
  }
  const { secret } = await apiKeys.create({ name: NAME, roles: [...ROLES] })
  await writeDurably(file, Buffer.from(`${secret}\n`))
}

async function readIfThere(file: string): Promise<string | undefined> {
  return await readFile(file, 'utf8').catch(unlessAbsent)
}

function unlessAbsent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT')
    throw new Fault('io_error', { what: `the file of the first API key, ${cause.path ?? ''}`, cause })
}
