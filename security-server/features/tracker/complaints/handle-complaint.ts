/**
 * What auditors do about a complaint: they take it on, answer it, and close it with what they found of the
 * use. Nobody deletes one.
 */
import { Fault } from '#schemas/fault.ts'
import type { ComplaintFinding } from '#schemas/find-usage.ts'
import { say } from '#schemas/said.ts'
import type { ComplaintRooms } from './rooms.ts'
import { sealerOf } from './seal-text.ts'
import type { Told } from './store.ts'
import type { StoredComplaint } from './tables.ts'

type Rooms = Pick<ComplaintRooms, 'store' | 'list' | 'keys' | 'count'>
/** `told` runs in the transaction of what is done. */
type By = { author: string; now: string; told: Told }

/** Throws `not_found`, `conflict`. */
export async function answerComplaint(
  number: string,
  text: string,
  by: By,
  rooms: Rooms,
): Promise<StoredComplaint> {
  const { id } = await rooms.list.find(number)
  const { now, told } = by
  const answered = await rooms.store.write(
    Number(id),
    textOf(number, text, by, rooms),
    (before) => ({
      ...{ state: 'answered', answered_at: now, changed_at: now },
      ...(before.seen_at === '' && { seen_at: now }),
    }),
    told,
  )
  rooms.count('answered')
  return answered
}

/** Throws `not_found`; `conflict` for who wished an answer and has none. */
export async function closeComplaint(
  number: string,
  { finding, text }: { finding: ComplaintFinding; text: string | undefined },
  by: By,
  rooms: Rooms,
): Promise<StoredComplaint> {
  const { id } = await rooms.list.find(number)
  const { now, told } = by
  const written = text === undefined ? undefined : textOf(number, text, by, rooms)
  const change = (before: StoredComplaint): Partial<StoredComplaint> => {
    const isUnanswered = before.state === 'received' || before.state === 'seen'
    if (isUnanswered && text === undefined && Number(before.wants_answer) === 1)
      throw new Fault('conflict', { what: say`the person wishes an answer: write one with it` })
    return {
      ...{ state: 'closed', closed_at: now, changed_at: now, finding },
      ...(before.seen_at === '' && { seen_at: now }),
      ...(text !== undefined && { answered_at: now }),
    }
  }
  const closed = await rooms.store.write(Number(id), written, change, told)
  rooms.count('closed')
  return closed
}

function textOf(number: string, text: string, { author, now }: Omit<By, 'told'>, rooms: Rooms) {
  return {
    ...{ written_by: 'agency' as const, author, asked_id: '', written_at: now },
    sealed: sealerOf(number, text, rooms),
  }
}
