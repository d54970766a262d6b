/** When the server's own certificates end, for its metrics. */
import { collectFailures } from '#platform/collect-failures.ts'
import type { DeadlineRooms } from './rooms.ts'
import { certificatesInUse } from './things.ts'

/**
 * What fails is logged, and fails the job that writes letters; no end is missing for it. What one is for is
 * `signing` or `authentication`, with `_renewing` while it renews itself in time, or `systems`.
 */
export async function certificateEnds(
  rooms: Pick<DeadlineRooms, 'keys' | 'clock' | 'renewalOf' | 'log'>,
): Promise<{ of: string; endsAt: number }[]> {
  const inUse = await certificatesInUse(rooms, collectFailures(rooms.log))
  const own = inUse.map(({ one, renewsInTime }) => ({
    of: `${one.usage.toLowerCase()}${renewsInTime ? '_renewing' : ''}`,
    endsAt: Date.parse(one.notAfter),
  }))
  try {
    return [...own, { of: 'systems', endsAt: Date.parse(rooms.keys.internalTls.info().notAfter) }]
  } catch {
    return own // There is none yet.
  }
}
