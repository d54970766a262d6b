/** Complaints for auditors. Each look at one is recorded before it is answered (reading/looks.ts). */

import { answer } from '#platform/http-service/answer.ts'
import type { Handlers, OperationInput } from '#platform/http-service/openapi.ts'
import { colonForm, subsystemIdOf } from '#schemas/colon-identifiers.ts'
import type { ComplaintFinding } from '#schemas/find-usage.ts'
import { idText, memberOf, parseClientId } from '#schemas/identifiers.ts'
import { wholeNumber } from '#schemas/sent-values.ts'
import { partyOf } from '../describe-use.ts'
import type { TrackerRooms } from '../rooms.ts'
import { answerComplaint, closeComplaint } from './handle-complaint.ts'
import { openText } from './seal-text.ts'
import type { Told } from './store.ts'
import type { StoredComplaint } from './tables.ts'

type Query = Omit<Parameters<TrackerRooms['complaints']['list']['list']>[0], 'now' | 'subsystem'> & {
  clientId?: string
}

const MOST_STORMS = 20

export function complaintHandlers(rooms: TrackerRooms): Handlers {
  const { complaints } = rooms
  const { list, store } = complaints
  const now = (): string => new Date(rooms.clock()).toISOString()
  const told: Told = async (complaint, within) => {
    await rooms.notices()?.answeredComplaint(complaint, within)
  }
  const byOf = ({ caller }: Pick<OperationInput, 'caller'>) => ({ author: caller.name, now: now(), told })
  const whole = async (found: StoredComplaint) => {
    const texts = await store.textsOf([Number(found.id)])
    return {
      ...complaintView(found, now(), rooms),
      texts: texts.map((text) => ({
        ...openText(found.number, text, complaints),
        author: text.author === '' ? null : text.author,
      })),
      askAt: await askAt(found, rooms),
    }
  }

  return {
    getComplaints: async ({ query }) => {
      const { clientId, ...filter } = query as Query
      const subsystem = clientId === undefined ? undefined : idText(subsystemIdOf(clientId))
      const found = await list.list({ ...filter, subsystem, now: now() })
      return found.map((one) => complaintView(one, now(), rooms))
    },
    getComplaintCounts: async () => ({
      ...(await list.counts(now())),
      storms: (await list.storms(MOST_STORMS)).map(({ day, client, refused }) => ({
        ...{ day, clientId: colonForm(client), refused: Number(refused) },
      })),
    }),
    getComplaint: async ({ params }) => {
      const { id } = await list.find(params['id']!)
      await store.see(Number(id), now())
      return whole(await list.find(params['id']!))
    },
    assignComplaint: async ({ params, body }) => {
      const { id } = await list.find(params['id']!)
      await list.assign(Number(id), (body as { assignee: string | null }).assignee?.trim() ?? null)
      return complaintView(await list.find(params['id']!), now(), rooms)
    },
    answerComplaint: async (input) => {
      const { text } = input.body as { text: string }
      const answered = await answerComplaint(input.params['id']!, text.trim(), byOf(input), complaints)
      return answer(await whole(answered), { status: 201 })
    },
    closeComplaint: async (input) => {
      const { finding, text } = input.body as { finding: ComplaintFinding; text?: string }
      const given = { finding, text: text?.trim() }
      const closed = await closeComplaint(input.params['id']!, given, byOf(input), complaints)
      return whole(closed)
    },
  }
}

function complaintView(one: StoredComplaint, now: string, rooms: Pick<TrackerRooms, 'globalConfiguration'>) {
  const isWaiting = one.state === 'received' || one.state === 'seen'
  const orNull = <Text extends string>(text: Text | ''): Text | null => (text === '' ? null : text)
  return {
    ...{
      id: wholeNumber(one.id),
      number: one.number,
      clientId: colonForm(one.subsystem),
      role: one.use_role,
    },
    ...{ record: wholeNumber(one.record), toldIn: wholeNumber(one.told_in), usedAt: one.use_at },
    ...{ messageId: one.message_id, requestId: one.request_id },
    consumer: partyOf(one.use_client, 'client', rooms),
    service: partyOf(one.use_service, 'service', rooms),
    contract: orNull(one.use_contract),
    broughtBy: colonForm(one.asked_by),
    ...{ reason: one.reason, wantsAnswer: Number(one.wants_answer) === 1, state: one.state },
    ...{ receivedAt: one.opened_at, seenAt: orNull(one.seen_at), answeredAt: orNull(one.answered_at) },
    ...{ closedAt: orNull(one.closed_at), dueAt: one.due_at, isLate: isWaiting && one.due_at < now },
    ...{ finding: one.finding === '' ? null : one.finding, assignee: one.assignee },
  }
}

/**
 * Whom an auditor can ask at the member that used the data: the contacts of the contract. Nothing is sent to
 * them from here.
 */
async function askAt(
  { use_contract: contract, use_client: client, use_service: service, use_role: role }: StoredComplaint,
  { contractOf }: Pick<TrackerRooms, 'contractOf'>,
) {
  const other = role === 'provider' ? client : service.split('/').slice(0, 4).join('/')
  const member = idText(memberOf(parseClientId(other)))
  const content = contract === '' ? undefined : await contractOf(contract)
  return (content?.contacts ?? [])
    .filter((one) => one.member === member)
    .map(({ name, email }) => ({ memberId: colonForm(member), name, email }))
}
