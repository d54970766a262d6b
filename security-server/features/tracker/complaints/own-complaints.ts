/**
 * What a person does about a strange use: complains of it, sees the course of it and the answers, adds to it,
 * takes it back. Who the person is stands here as in the index by person. What the tracker does not tell them
 * of is not there, and nobody can tell why.
 */
import { randomInt } from 'node:crypto'
import { asFault } from '#schemas/fault.ts'
import type { Complaint, Complaints } from '#schemas/find-usage.ts'
import { headOf, partyOf } from '../describe-use.ts'
import type { AskedTracker } from '../question-for.ts'
import type { PersonQuestion } from '../read-question.ts'
import type { TrackerRooms } from '../rooms.ts'
import { toldUse } from '../told-use.ts'
import { type GivenComplaint, readComplaint, readReply, readWithdrawal } from './read-complaint.ts'
import { openText, sealerOf } from './seal-text.ts'
import type { NewComplaint } from './store.ts'
import type { StoredComplaint, TextRow } from './tables.ts'

/** Who asks which tracker about whom, by which message. */
type Own = {
  asked: AskedTracker
  person: PersonQuestion
  message: { id: string; record: number }
  rooms: TrackerRooms
}

const DAY_MS = 86_400_000
/** Of Crockford's base 32: none looks like another. */
const SIGNS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Throws `invalid_request`, `not_found`, `conflict`, `too_many_requests`. */
export async function complain(own: Own, body: unknown): Promise<Complaint> {
  const { asked, rooms } = own
  const { store, settings } = rooms.complaints
  const given = readComplaint(body)
  const now = rooms.clock()
  const bounds = { ...settings, since: iso(now - DAY_MS) }
  try {
    await store.checkDay(asked.client, bounds)
    const { row, subjects } = await toldUse(asked, own.person, given.use, rooms)
    const complaint = rowOf(own, given, { row, subject: subjects.at(-1)!, now })
    const text = {
      ...{ written_by: 'person' as const, author: '', asked_id: own.message.id, written_at: iso(now) },
      sealed: sealerOf(complaint.number, given.text, rooms.complaints),
    }
    const target = `complaint ${complaint.number}`
    const data = { record: complaint.record, client: asked.client, reason: given.reason }
    const opened = await store.open(complaint, text, {
      ...{ ...bounds, subjects },
      opening: (within) => rooms.complaints.record({ operation: 'openedComplaint', target, data }, within),
    })
    if (opened.isNew) rooms.complaints.count('opened')
    return await viewOf(opened.complaint, rooms)
  } catch (thrown) {
    if (asFault(thrown).code === 'too_many_requests') {
      rooms.complaints.count('refused')
      await store.countRefused(iso(now).slice(0, 10), asked.client)
    }
    throw thrown
  }
}

export async function ownComplaints({ asked, person, rooms }: Own): Promise<Complaints> {
  const { store, settings } = rooms.complaints
  const found = await store.ofPerson(await ownerOf(asked, person, rooms))
  const texts = Map.groupBy(await store.textsOf(found.map(({ id }) => Number(id))), ({ complaint }) =>
    Number(complaint),
  )
  return {
    ...headOf(asked.subsystem, rooms),
    keepDays: settings.keepDays,
    complaints: found.map((one) => complaintView(one, texts.get(Number(one.id)) ?? [], rooms)),
  }
}

/** Adds a text. What was answered waits for an answer again. */
export async function reply({ asked, person, message, rooms }: Own, body: unknown): Promise<Complaint> {
  const { store, settings } = rooms.complaints
  const { number, text } = readReply(body)
  const found = await store.findOwn(number, await ownerOf(asked, person, rooms))
  const now = rooms.clock()
  const written = await store.write(
    Number(found.id),
    {
      ...{ written_by: 'person', author: '', asked_id: message.id, written_at: iso(now) },
      sealed: sealerOf(number, text, rooms.complaints),
    },
    ({ state }) => ({
      changed_at: iso(now),
      ...(state === 'answered' && { state: 'seen', due_at: iso(now + settings.dueDays * DAY_MS) }),
    }),
  )
  return viewOf(written, rooms)
}

/** Closes the case. It stays with the auditors as it is, for as long as others. */
export async function withdraw({ asked, person, rooms }: Own, body: unknown): Promise<Complaint> {
  const { store } = rooms.complaints
  const found = await store.findOwn(readWithdrawal(body).number, await ownerOf(asked, person, rooms))
  if (found.finding === 'withdrawn') return viewOf(found, rooms)
  const now = iso(rooms.clock())
  return viewOf(await store.withdraw(Number(found.id), now), rooms)
}

async function ownerOf(
  { client, subsystem }: AskedTracker,
  { type, identifier }: PersonQuestion,
  { personUses }: Pick<TrackerRooms, 'personUses'>,
): Promise<{ subsystem: string; subjects: string[] }> {
  return { subsystem, subjects: await personUses.entriesOf({ type, identifier, client }) }
}

function rowOf(
  { asked, message, rooms }: Own,
  { reason, wantsAnswer }: GivenComplaint,
  { row, subject, now }: { row: Awaited<ReturnType<typeof toldUse>>['row']; subject: string; now: number },
): NewComplaint {
  const { dueDays } = rooms.complaints.settings
  return {
    ...{ number: newNumber(), subsystem: asked.subsystem, subject },
    ...{ asked_by: asked.client, asked_id: message.id, record: row.idx, told_in: message.record },
    ...{ use_client: row.client, use_service: row.service, use_contract: row.contract },
    ...{ use_role: row.direction === 'in' ? 'provider' : 'consumer', use_at: row.time },
    ...{ message_id: row.query_id, request_id: row.request_id, reason, wants_answer: wantsAnswer ? 1 : 0 },
    ...{ state: 'received', opened_at: iso(now), changed_at: iso(now), due_at: iso(now + dueDays * DAY_MS) },
    ...{ seen_at: '', answered_at: '', closed_at: '', finding: '', assignee: null },
  }
}

async function viewOf(complaint: StoredComplaint, rooms: TrackerRooms): Promise<Complaint> {
  return complaintView(complaint, await rooms.complaints.store.textsOf([Number(complaint.id)]), rooms)
}

function complaintView(
  one: StoredComplaint,
  texts: TextRow[],
  rooms: Pick<TrackerRooms, 'complaints' | 'globalConfiguration'>,
): Complaint {
  return {
    ...{ number: one.number, messageId: one.message_id, requestId: one.request_id, usedAt: one.use_at },
    ...{
      client: partyOf(one.use_client, 'client', rooms),
      service: partyOf(one.use_service, 'service', rooms),
    },
    ...{ reason: one.reason, wantsAnswer: Number(one.wants_answer) === 1, state: one.state },
    ...{ receivedAt: one.opened_at, dueAt: one.due_at },
    ...(one.seen_at !== '' && { seenAt: one.seen_at }),
    ...(one.answered_at !== '' && { answeredAt: one.answered_at }),
    ...(one.closed_at !== '' && { closedAt: one.closed_at }),
    ...(one.finding !== '' && { finding: one.finding }),
    texts: texts
      .map((text) => openText(one.number, text, rooms.complaints))
      .filter(({ text, isLost }) => text !== '' || isLost),
  }
}

function newNumber(): string {
  const signs = Array.from({ length: 10 }, () => SIGNS[randomInt(SIGNS.length)]!)
  return `${signs.slice(0, 5).join('')}-${signs.slice(5).join('')}`
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
