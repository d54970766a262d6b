/**
 * Rooms take over the files that other nodes changed: each by itself, and again with the next look when one
 * could not.
 */

import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { asFault, type Fault } from '#schemas/fault.ts'

export type Following = {
  /** Takes over these files and those that wait; never throws. */
  follow(names: readonly string[]): Promise<void>
  /** When what was begun before is done. */
  settled(): Promise<void>
  /** Whether a room has to try again. */
  waits(): boolean
  /** Why a room does not use what another node changed. */
  trouble(): Fault | undefined
}

/** Takes over the files of one folder that another node has changed. */
export type FollowingRoom = [folder: string, follow: (names: ReadonlySet<string>) => Promise<unknown>]

export function createFollowing(log: Pick<Log, 'error'>, rooms: readonly FollowingRoom[]): Following {
  const inTurn = createTurn()
  const waiting = new Map<string, { names: Set<string>; fault: Fault }>()
  const one = async (
    folder: string,
    names: Set<string>,
    act: (names: ReadonlySet<string>) => Promise<unknown>,
  ) => {
    if (names.size === 0) return
    try {
      await act(names)
      waiting.delete(folder)
    } catch (thrown) {
      const fault = asFault(thrown)
      waiting.set(folder, { names, fault })
      log.error({ err: fault, folder }, 'files of another node are not in use')
    }
  }
  return {
    follow: (names) =>
      inTurn(async () => {
        for (const [folder, act] of rooms) {
          const its = names.filter((name) => name.startsWith(`${folder}/`))
          await one(folder, new Set([...(waiting.get(folder)?.names ?? []), ...its]), act)
        }
      }),
    settled: () => inTurn(async () => undefined),
    waits: () => waiting.size > 0,
    trouble: () => [...waiting.values()][0]?.fault,
  }
}
