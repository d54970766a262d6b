/**
 * Rooms take over the files that other nodes changed: each by itself, and again with the next look when one
 * could not.
 */

import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Changes, SharedFiles } from '#platform/shared-files/shared-files.ts'
import { asFault, type Fault } from '#schemas/fault.ts'

export type Following = {
  /** Takes over these files, and those that wait; never throws. */
  follow(changes: Changes): Promise<void>
  /** Takes over those that wait; never throws. */
  again(): Promise<void>
  /** When what was begun before is done. */
  settled(): Promise<void>
  /** Whether a room has to try again. */
  waits(): boolean
  /** Why a room does not use what another node changed. */
  trouble(): Fault | undefined
}

/** Takes over the files of one folder that another node has changed. */
export type FollowingRoom = [folder: string, follow: (names: ReadonlySet<string>) => Promise<unknown>]

/** `known` is told of files that their rooms have read, and of those that no room keeps in mind. */
export function createFollowing(
  { log, known }: { log: Pick<Log, 'error'>; known: SharedFiles['known'] },
  rooms: readonly FollowingRoom[],
): Following {
  const inTurn = createTurn()
  const waiting = new Map<string, { changes: Changes; fault: Fault }>()
  const one = async (
    folder: string,
    changes: Changes,
    act: (names: ReadonlySet<string>) => Promise<unknown>,
  ) => {
    if (changes.size === 0) return
    try {
      await act(new Set(changes.keys()))
      waiting.delete(folder)
      known(changes)
    } catch (thrown) {
      const fault = asFault(thrown)
      waiting.set(folder, { changes, fault })
      log.error({ err: fault, folder }, 'files of another node are not in use')
    }
  }
  const isOf = (folder: string, name: string): boolean => name.startsWith(`${folder}/`)
  const follow = (changes: Changes): Promise<void> =>
    inTurn(async () => {
      known(new Map([...changes].filter(([name]) => !rooms.some(([folder]) => isOf(folder, name)))))
      for (const [folder, act] of rooms) {
        const its = [...changes].filter(([name]) => isOf(folder, name))
        await one(folder, new Map([...(waiting.get(folder)?.changes ?? []), ...its]), act)
      }
    })
  return {
    follow,
    again: () => follow(new Map()),
    settled: () => inTurn(async () => undefined),
    waits: () => waiting.size > 0,
    trouble: () => [...waiting.values()][0]?.fault,
  }
}
