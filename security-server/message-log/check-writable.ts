/** Whether the folders of bodies and log keys take files: the database may, on another disk, while these do not. */
import { constants } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Finding } from '#platform/health/create-health.ts'

/** Left behind by a crash it is written over, and swept from where bodies come in at the next start. */
const PROBE = 'write-probe'
/** A page: a full disk may take fewer octets. */
const BYTES = Buffer.alloc(4096)

/** One look serves all who ask for so long: it makes the disk sync. */
const LOOK_EVERY_MS = 10_000
/** A disk that is busy answers later; one that does not within this does not take files. */
const HANGS_MS = 30_000

/** Looks now and then; while a look is under way what the last one found holds. */
export function watchWritable(folders: Record<string, string>): () => Promise<Finding> | Finding {
  let found: Finding | undefined
  let look: { begunAt: number; ended: Promise<Finding> | undefined } | undefined
  return () => {
    const now = performance.now()
    if (look === undefined || (look.ended === undefined && now - look.begunAt >= LOOK_EVERY_MS)) {
      const begun: typeof look = { begunAt: now, ended: undefined }
      begun.ended = checkWritable(folders).then((finding) => {
        begun.ended = undefined
        found = finding
        return finding
      })
      look = begun
    }
    if (look.ended !== undefined && now - look.begunAt >= HANGS_MS)
      return { ok: false, reason: `writing to ${Object.keys(folders).join(' or ')} does not come to an end` }
    return found ?? look.ended!
  }
}

/** Writes, syncs and removes a small file in each folder; names the first that does not take it. */
export async function checkWritable(folders: Record<string, string>): Promise<Finding> {
  for (const [name, folder] of Object.entries(folders)) {
    try {
      await probe(path.join(folder, PROBE))
    } catch (cause) {
      const { code } = cause as { code?: string }
      return { ok: false, reason: `${name} cannot be written to (${code ?? 'unknown'}): ${folder}` }
    }
  }
  return { ok: true }
}

async function probe(file: string): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    await handle.writeFile(BYTES)
    await handle.datasync()
  } finally {
    await handle.close()
    await rm(file, { force: true })
  }
}
