/** Asks the systems that tell who used a person's data where they send the person messages. */
import { NOTICES_PATH } from '#schemas/notices.ts'
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import type { System } from '../asking/find-systems.ts'
import type { Why } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { type ReadNotices, readNotices, type ShownChannel, type ShownNotice } from './read-notices.ts'

export type FoundNotices = {
  /** `titles`: of its channel, where that is one of its operator's own. */
  notices: { system: System; notice: ShownNotice; titles?: ShownChannel['titles'] }[]
  /** How many answered; one that sends no messages has none. */
  told: number
  /** Of what they told some was left out. */
  isCut: boolean
  notTold: { system: System; why: Why }[]
  silent: System[]
}

export async function askNotices(visit: Visit, rooms: Rooms): Promise<FoundNotices> {
  const { asked, silent } = await rooms.systems.offering(rooms.settings.asking.serviceCode)
  const found: FoundNotices = { notices: [], told: 0, isCut: false, notTold: [], silent }
  for await (const { system, answer } of askAll(asked, visit, rooms, { method: 'GET' })) {
    const told = noticesIn(answer)
    if (typeof told === 'string') found.notTold.push({ system, why: told })
    else {
      found.told++
      if (told.isCut) found.isCut = true
      for (const notice of told.notices) {
        const titles = told.channels.find(({ name }) => name === notice.channel)?.titles
        found.notices.push({ system, notice, ...(titles && { titles }) })
      }
    }
  }
  return found
}

/** The same question to each of them. */
export function askAll(
  systems: readonly System[],
  { reader, gone }: Pick<Visit, 'reader' | 'gone'>,
  { calls, asking, settings }: Pick<Rooms, 'calls' | 'asking' | 'settings'>,
  q: { method: 'GET' | 'POST' | 'DELETE'; json?: unknown },
): AsyncGenerator<{ system: System; answer: JsonAnswer | NotCalled }> {
  const query = { userCode: asking.userCode(reader.session) }
  return calls.each(reader.session, gone, {
    systems,
    ask: async (system, call) => {
      const service = `${system.id}/${settings.asking.serviceCode}`
      return { system, answer: await call({ ...q, service, path: NOTICES_PATH, query }) }
    },
  })
}

/** Whether the system knows nothing of messages, so that it refuses the address. */
export function isWithoutNotices({ status }: JsonAnswer): boolean {
  return status === 404 || status === 405
}

function noticesIn(answer: JsonAnswer | NotCalled): ReadNotices | Why {
  if ('why' in answer) return answer.why
  // One that knows Estonia's protocol alone refuses the address as a wrong request.
  if (isWithoutNotices(answer) || answer.status === 400) return { channels: [], notices: [], isCut: false }
  if (answer.status !== 200) return whyOfStatus(answer.status)
  return readNotices(answer.json) ?? 'unreadable'
}
