/**
 * Proves once a day that the newest backup can be read: from beginning to end, with the secret of the settings. Only the node that made it
 * has the file. It does not prove that it can be restored on another machine: people try that.
 */
import type { DailyBackups } from '#platform/backups/daily-backups.ts'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault } from '#schemas/fault.ts'
import type { ProofStore } from './proofs-store.ts'

const DAY_MS = 86_400_000

export async function proveNewest(q: {
  daily: Pick<DailyBackups, 'newest' | 'isHere' | 'readBack'>
  proofs: ProofStore
  secret: string
  clock: Clock
  log: Log
}): Promise<void> {
  const made = (await q.daily.newest())?.made
  if (made === undefined || !q.daily.isHere(made)) return
  const before = await q.proofs.of(made.name)
  if (before !== undefined && q.clock() - Date.parse(before) < DAY_MS) return
  try {
    await q.daily.readBack(made, q.secret)
    await q.proofs.note(made.name, new Date(q.clock()).toISOString())
  } catch (thrown) {
    // The job has done its work; it looks again in an hour, and letters about what ends tell people.
    const { code, detail } = asFault(thrown)
    q.log.error({ err: thrown, code, detail, name: made.name }, 'a backup cannot be read back')
  }
}
