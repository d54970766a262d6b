/** Makes a new log key when the newest one has been in use for as many days as the settings say. */
import { type Clock, hasPassed } from '#platform/clock.ts'
import type { MessageLog } from '../message-log.ts'

type Rotating = Pick<MessageLog, 'logKeys' | 'rotateLogKey'>

const DAY_MS = 86_400_000

/**
 * For a job that no two nodes run at once. Resolves to whether there is a new key. A clock that was set back
 * by as many days makes one, and no more: a key that was made while the clock was ahead must not be used
 * until then.
 */
export async function rotateWhenDue(log: Rotating, days: number, clock: Clock): Promise<boolean> {
  const [newest] = await log.logKeys()
  if (newest === undefined || !hasPassed(clock(), Date.parse(newest.since), days * DAY_MS)) return false
  await log.rotateLogKey()
  return true
}
