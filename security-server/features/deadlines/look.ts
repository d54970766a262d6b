/**
 * Finds what ends soon, and makes the letters that are due. Letters about something that was replaced
 * meanwhile are taken back.
 */

import { thresholdOf } from '#core/mail/threshold.ts'
import { collectFailures } from '#platform/collect-failures.ts'
import type { LetterRooms } from './rooms.ts'
import { keyOf, thingsThatEnd } from './things.ts'

/**
 * Each node looks at its own keys, and at what all share; the table makes each letter once. Throws at the end
 * when something could not be looked at or written.
 */
export async function lookForDeadlines(rooms: LetterRooms, signal?: AbortSignal): Promise<void> {
  const { store, clock, node, settings, log } = rooms
  const now = clock()
  const failures = collectFailures(log)
  const { things, looked } = await thingsThatEnd(rooms, settings, failures)
  await failures.each(
    things,
    ({ kind, id }) => `${kind} ${id}`,
    async (thing) => {
      const threshold = thresholdOf(thing, now)
      if (threshold === undefined || signal?.aborted === true) return
      const made = await store.write(
        { ...thing, id: keyOf(thing) },
        { threshold, node: thing.isOfNode ? node : '', to: settings.to, now },
      )
      if (made > 0)
        log.warn({ kind: thing.kind, thing: keyOf(thing), threshold, letters: made }, 'something ends')
    },
  )
  const present = new Set(things.map(keyOf))
  for (const letter of await store.waiting()) {
    const isSeenHere = (letter.node === '' || letter.node === node) && looked.has(letter.kind)
    const isWanted = settings.to.includes(letter.recipient)
    if ((isSeenHere && !present.has(letter.thing)) || !isWanted)
      await store.end(letter.id, 'SETTLED', { error: null, now })
  }
  failures.end()
}
