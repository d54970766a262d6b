/** One use of a person's data that the tracker tells them of. */
import { Fault } from '#schemas/fault.ts'
import { type AskedTracker, questionFor } from './question-for.ts'
import type { PersonQuestion } from './read-question.ts'
import type { MeantUse, PersonUse, TrackerRooms } from './rooms.ts'

/**
 * `subjects`: the person, as each month of the index has them, the newest last. Throws `not_found` alike for
 * what is not there, not about the person, withheld, secret, and told in general terms.
 */
export async function toldUse(
  asked: AskedTracker,
  { period, ...person }: PersonQuestion,
  only: MeantUse,
  rooms: Pick<TrackerRooms, 'store' | 'clock' | 'personUses' | 'contentsOf'>,
): Promise<{ row: PersonUse; subjects: string[] }> {
  const question = await questionFor(asked, period, rooms)
  const { rows, entries } = await rooms.personUses.page(
    { ...person, client: asked.client },
    { ...question, givenOnly: false, offset: 0, only, limit: 1 },
  )
  const [row] = rows
  if (row === undefined || row.isGeneral)
    throw new Fault('not_found', { what: 'there is no such record among your uses' })
  return { row, subjects: entries }
}
