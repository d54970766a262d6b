/**
 * Counts wrong PINs of the software token, in a file, so that a restart does not begin anew. After five in a
 * row each further try has to wait: 30 seconds, doubled with each wrong one up to an hour. The next right PIN
 * ends that.
 */
import { unlink } from 'node:fs/promises'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { readPrivate } from './read-private.ts'
import type { WriteFile } from './write-durably.ts'

const FREE = 5
const FIRST_MS = 30_000
const LONGEST_MS = 3_600_000

type PinTries = {
  /** Throws `pin_incorrect` while tries have to wait. */
  check(): void
  wrong(): Promise<void>
  right(): Promise<void>
  state(): { wrong: number; pausedUntil?: string | undefined }
}

export async function openPinTries(q: { file: string; clock: Clock; write: WriteFile }): Promise<PinTries> {
  let { count, last } = read(await readPrivate(q.file).catch(() => undefined))

  const restMs = (): number =>
    count < FREE ? 0 : Math.min(FIRST_MS * 2 ** Math.min(count - FREE, 20), LONGEST_MS)
  const waits = (): boolean => count >= FREE && !hasPassed(q.clock(), last, restMs())

  return {
    check() {
      if (!waits()) return
      const seconds = Math.ceil(Math.min(last + restMs() - q.clock(), restMs()) / 1000)
      throw new Fault('pin_incorrect', { what: say`too many wrong PINs, wait ${seconds} s` })
    },
    async wrong() {
      count += 1
      last = q.clock()
      // A full disk does not stop the counting in memory, and the fault that people see is the wrong PIN.
      await q.write(q.file, Buffer.from(JSON.stringify({ count, last }))).catch(() => undefined)
    },
    async right() {
      if (count === 0) return
      count = 0
      await unlink(q.file).catch(() => undefined)
    },
    state: () => ({ wrong: count, ...(waits() && { pausedUntil: new Date(last + restMs()).toISOString() }) }),
  }
}

/** A damaged file, or one that others can read, counts as none: it guards, and must not lock anybody out. */
function read(text: string | undefined): { count: number; last: number } {
  try {
    const { count, last } = JSON.parse(text ?? '{}') as { count?: unknown; last?: unknown }
    if (Number.isSafeInteger(count) && (count as number) > 0 && Number.isFinite(last))
      return { count: count as number, last: last as number }
  } catch {
    // As if there was none.
  }
  return { count: 0, last: Number.NEGATIVE_INFINITY }
}
