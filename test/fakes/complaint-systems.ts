/** The complaints of a tracker, as schemas/find-usage.yaml says, for one person and in memory. */
import type { Complaint, NewComplaint } from '#schemas/find-usage.ts'
import { type Answering, type FakeSystem, send } from './usage-systems.ts'

const PATH = '/concordat/v1/complaints'
const NUMBERS = ['K7QM2-9XWTA', 'B2B2B-C3C3C', 'D4D4D-E5E5E']
const colon = (id: string): string => id.replaceAll('/', ':')

type Keeper = { answers: Answering; complaints: Complaint[] }

/** `record` is the one use that may be complained of; everything else goes to `others`. */
export function keepComplaints(q: {
  system: FakeSystem
  client: FakeSystem
  person: string
  record: number
  others: Answering
}): Keeper {
  const { system, client, person, record, others } = q
  const complaints: Complaint[] = []
  const at = '2026-11-29T14:00:00.000Z'
  const refused = (type: string): object => ({ type, message: type, detail: 'a-detail' })
  const opened = ({ reason, text = '', wantsAnswer = true }: NewComplaint): Complaint => ({
    ...{ number: NUMBERS[complaints.length]!, messageId: 'DEV-1', requestId: 'request-1', usedAt: at },
    client: { id: colon(client.id), name: client.owner },
    service: { id: `${colon(system.id)}:persons`, name: system.owner },
    ...{ reason, wantsAnswer, state: 'received', receivedAt: at, dueAt: '2026-12-29T14:00:00.000Z' },
    texts: text === '' ? [] : [{ by: 'person', at, text }],
  })

  const answers: Answering = (asked, response) => {
    const { method, path, userId, body } = asked
    if (!path.startsWith(PATH)) return others(asked, response)
    const isMine = userId === person
    if (method === 'GET') {
      const of = { subsystem: colon(system.id), server: 'DEV:GOV:1001:SS', keepDays: 365 }
      return send(response, { ...of, complaints: isMine ? complaints : [] })
    }
    if (path === PATH) {
      const given = body as NewComplaint
      if (!isMine || given.record !== record) return send(response, refused('not_found'), 404)
      if (complaints.some(({ state }) => state !== 'closed')) return send(response, refused('conflict'), 409)
      const complaint = opened(given)
      complaints.unshift(complaint)
      return send(response, complaint)
    }
    const { number, text = '' } = body as { number: string; text?: string }
    const found = complaints.find((one) => isMine && one.number === number)
    if (found === undefined) return send(response, refused('not_found'), 404)
    if (path === `${PATH}/reply`) found.texts.push({ by: 'person', at, text })
    else Object.assign(found, { state: 'closed', closedAt: at, finding: 'withdrawn' })
    return send(response, found)
  }
  return { answers, complaints }
}
