/**
 * Whether files can be written to the folders of bodies and log keys. They may be on another disk than the
 * database.
 */
import { constants } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Finding } from '#platform/health/create-health.ts'
import { say } from '#schemas/said.ts'

/**
 * The name of the test file. One that a crash left is overwritten; the next start also sweeps it from the
 * incoming folder.
 */
const PROBE = 'write-probe'
/** A page: a full disk may still accept fewer bytes. */
const BYTES = Buffer.alloc(4096)

/** All callers within this time share one check, because it makes the disk sync. */
const LOOK_EVERY_MS = 10_000
/** A check that takes longer counts as a failure; a disk that is only busy answers sooner. */
const HANGS_MS = 30_000

/**
 * Returns the check. It runs at most once per LOOK_EVERY_MS; while it runs, callers get the previous finding.
 */
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
      return {
        ok: false,
        reason: say`writing to ${Object.keys(folders).join(' or ')} does not come to an end`,
      }
    return found ?? look.ended!
  }
}

/**
 * Writes, syncs and removes a small file in each folder. The finding names the first folder where that fails.
 */
export async function checkWritable(folders: Record<string, string>): Promise<Finding> {
  for (const [name, folder] of Object.entries(folders)) {
    try {
      await probe(path.join(folder, PROBE))
    } catch (cause) {
      const { code } = cause as { code?: string }
      return { ok: false, reason: say`${name} cannot be written to (${code ?? 'unknown'}): ${folder}` }
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
