/**
 * Proves once a day that the newest backup can be read: from beginning to end, with the secret of the
 * settings. Only the node that made it has the file. It does not prove that it can be restored on another
 * machine: people try that.
 */
import type { DailyBackups } from '#platform/backups/daily-backups.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
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
  signal?: AbortSignal
}): Promise<void> {
  const made = (await q.daily.newest())?.made
  if (made === undefined || !q.daily.isHere(made)) return
  const before = await q.proofs.of(made.name)
  if (before !== undefined && !hasPassed(q.clock(), Date.parse(before), DAY_MS)) return
  const at = (): string => new Date(q.clock()).toISOString()
  try {
    // First, so that reading one that never ends is late too.
    await q.proofs.try(made.name, { at: at(), ...lastFailure(await q.proofs.failureOf(made.name)) })
    await q.daily.readBack(made, q.secret, q.signal)
    await q.proofs.note(made.name, at())
    await q.proofs.try(made.name, { at: at() })
  } catch (thrown) {
    // The server ends; the next start reads it again.
    if (q.signal?.aborted === true) return
    // The job has done its work; it looks again in an hour, and letters about what ends tell people.
    const { code, detail } = asFault(thrown)
    await q.proofs.try(made.name, { at: at(), failure: code })
    q.log.error({ err: thrown, code, detail, name: made.name }, 'a backup cannot be read back')
  }
}

const lastFailure = (failure: string | undefined) => (failure === undefined ? {} : { failure })
