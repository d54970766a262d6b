/**
 * Writes the claim code of a new server into a file that only its owner can read, so that the first
 * administrator comes in by name and nobody passes an API key on. A crash in between is made good at the next
 * start.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFile, rename, rm } from 'node:fs/promises'
import type { Clock } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { writeDurably } from '../../../keys/write-durably.ts'
import type { ClaimStore } from './store.ts'

const OPEN_MS = 24 * 3_600_000

/**
 * Returns until when the code in `file` can be redeemed, undefined when this server has or had an
 * administrator. A code that is void is replaced. Throws `invalid_configuration` for a file whose code this
 * database never had, `io_error`.
 */
export async function writeClaimCode(q: {
  file: string
  store: Pick<ClaimStore, 'isOver' | 'code' | 'put'>
  clock: Clock
}): Promise<string | undefined> {
  const { file, store } = q
  const begun = `${file}.begun`
  const now = new Date(q.clock()).toISOString()
  if (await store.isOver()) return undefined
  const code = await store.code(now)
  if (code !== undefined && !code.isVoid) {
    const text = await textOf(begun)
    const isOurs = text !== undefined && digestOf(text.trim()).equals(code.digest)
    if (isOurs) await rename(begun, file)
    else await rm(begun, { force: true })
    return code.endsAt
  }
  if (code === undefined && (await textOf(file)) !== undefined)
    throw new Fault('invalid_configuration', {
      what: `${file} exists, but the database has no claim code: the file belongs to another database, remove it`,
    })
  const endsAt = new Date(q.clock() + OPEN_MS).toISOString()
  const text = randomBytes(32).toString('base64url')
  await writeDurably(begun, Buffer.from(`${text}\n`))
  // Another node may have been faster; then that node's file has the code.
  if (await store.put(digestOf(text), endsAt, now)) await rename(begun, file)
  else await rm(begun)
  return (await store.code(now))?.endsAt
}

export function digestOf(code: string): Buffer {
  return createHash('sha256').update(code).digest()
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Fault('io_error', { what: `the file of the claim code, ${file}`, cause })
  }
}
