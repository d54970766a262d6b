/**
 * Workers of one machine ask the registry once for all of them: what one of them fetched lately the others
 * read from a folder. Nothing is trusted for that: each verifies every document as if it had come from the
 * registry.
 */
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ConfigurationClient } from './client.ts'

/**
 * A third of the pause between two fetches of a process (feature.ts), so that what it has is hardly older
 * than with a fetch of its own.
 */
const FRESH_MS = 10_000
/** Names of files change with each publication. */
const REMOVE_MS = 60_000
/**
 * What tells something of the registry's documents; any other answer is about this one question, and the next
 * may fare better.
 */
const KEPT: readonly number[] = [200, 404]

type Answer = { status: number; body: Buffer }

/**
 * Files in `folder` that cannot be read or written are as if there were none. The times are those of this
 * machine.
 */
export async function fetchedOnce(client: ConfigurationClient, folder: string): Promise<ConfigurationClient> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  let notBefore = 0

  const keep = async (file: string, { status, body }: Answer, askedAt: number): Promise<void> => {
    // A slow one: another worker has asked later, perhaps because it wanted it afresh. One of a time to come
    // is of a clock that was set back.
    const there = await stat(file).catch(() => undefined)
    if (there !== undefined && there.mtimeMs > askedAt && there.mtimeMs <= Date.now()) return
    const part = `${file}.${randomUUID()}`
    await writeFile(part, Buffer.concat([Buffer.from(`${status}\n`), body]), { mode: 0o600 })
    // The time at which it was asked for: what came of it may have been old by the time that it was here.
    await utimes(part, new Date(askedAt), new Date(askedAt))
    await rename(part, file)
    for (const name of await readdir(folder)) {
      const other = path.join(folder, name)
      const facts = await stat(other).catch(() => undefined)
      if (facts !== undefined && facts.mtimeMs < askedAt - REMOVE_MS) await rm(other, { force: true })
    }
  }

  return {
    async get(url, maxBytes, signal) {
      const file = path.join(folder, createHash('sha256').update(url).digest('hex'))
      const askedAt = Date.now()
      const kept = await readKept(file, Math.max(notBefore, askedAt - FRESH_MS), askedAt)
      if (kept !== undefined && kept.body.length <= maxBytes) return kept
      const answer = await client.get(url, maxBytes, signal)
      if (KEPT.includes(answer.status)) await keep(file, answer, askedAt).catch(() => undefined)
      return answer
    },
    afresh() {
      notBefore = Date.now()
    },
    close: () => client.close(),
  }
}

async function readKept(file: string, from: number, until: number): Promise<Answer | undefined> {
  try {
    const { mtimeMs } = await stat(file)
    // A clock that was set back makes what is kept later than now.
    if (mtimeMs < from || mtimeMs > until) return undefined
    const bytes = await readFile(file)
    const end = bytes.indexOf('\n')
    const status = Number(bytes.subarray(0, end).toString('latin1'))
    return end === 3 && Number.isInteger(status) ? { status, body: bytes.subarray(end + 1) } : undefined
  } catch {
    return undefined
  }
}
