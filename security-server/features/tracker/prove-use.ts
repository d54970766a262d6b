/**
 * Evidence of one use, for the person: that the records of the exchange stand in the log, under a tree head
 * that the server's owner signed. It opens nothing; the leaf forms show when that was, on which side, under
 * which contract and how it ended.
 */
import { buffer } from 'node:stream/consumers'
import { placesOnly } from '../../reading/evidence/places-only.ts'
import { writeBundle } from '../../reading/evidence/write-bundle.ts'
import type { AskedTracker } from './question-for.ts'
import type { PersonQuestion } from './read-question.ts'
import type { TrackerRooms } from './rooms.ts'
import { toldUse } from './told-use.ts'

/**
 * Throws `not_found` alike for what is not there, not about the person, withheld, and told in general terms.
 */
export async function proveUse(
  asked: AskedTracker,
  person: PersonQuestion,
  record: number,
  rooms: TrackerRooms,
): Promise<Buffer> {
  const { row } = await toldUse(asked, person, { record }, rooms)
  const indexes = [row.idx, ...(row.answer === undefined ? [] : [row.answer.index])]
  const erasures: number[] = []
  for (const index of indexes) {
    const { erasureIndex, proofErasureIndex } = await rooms.log.read(index)
    for (const by of [erasureIndex, proofErasureIndex]) if (by !== undefined) erasures.push(Number(by))
  }
  const all = [...new Set([...indexes, ...erasures])].sort((a, b) => a - b)
  return buffer(await writeBundle(rooms.bundle(placesOnly(rooms.log)), all))
}
