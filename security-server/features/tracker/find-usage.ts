/**
 * Estonia's data tracker protocol v2: what this subsystem gave of a person, the span of its answers, and its
 * state.
 */
import type { FindUsageResponse, FoundUsage } from '#schemas/find-usage.ts'
import { parseClientId } from '#schemas/identifiers.ts'
import { spanOf } from './coverage.ts'
import { describeUse, purposeIn } from './describe-use.ts'
import { type AskedTracker, questionFor } from './question-for.ts'
import type { PersonQuestion } from './read-question.ts'
import type { PersonUse, TellingRooms, TrackerRooms } from './rooms.ts'
import type { ServiceRule } from './store.ts'

/**
 * The protocol has no largest page, and whoever asks takes a shorter one for the last: a page is as large as
 * was asked for. There are never more uses than the index tells of one person.
 */
export const MOST_INT32 = 2 ** 31 - 1
/** For a use that is told in general terms: the protocol wants a receiver. */
const NOBODY = '-'

type SaidOfUse = Omit<FoundUsage, 'logtime'>

/** All uses in which the subsystem was asked and did not refuse, newest first. */
export async function findUsage(
  asked: AskedTracker,
  { period, ...person }: PersonQuestion,
  { offset, limit }: { offset: number; limit: number },
  rooms: TellingRooms,
): Promise<FindUsageResponse> {
  const question = await questionFor(asked, period, rooms)
  const { total, rows } = await rooms.personUses.page(
    { ...person, client: asked.client },
    { ...question, givenOnly: true, offset, limit },
  )
  const rules = await rooms.store.rules(asked.subsystem)
  const usages: FoundUsage[] = []
  // A thousand uses are of a few services by a few clients.
  const known = new Map<string, SaidOfUse>()
  for (const row of rows) {
    const { client, service, contract, purpose } = row
    const call = `${client} ${service} ${contract} ${purpose}`
    const said = known.get(call) ?? (await saidOf(row, rules, rooms))
    known.set(call, said)
    usages.push({ logtime: row.told, ...said })
  }
  return { totalUsages: total, usages }
}

async function saidOf(
  row: PersonUse,
  rules: ReadonlyMap<string, ServiceRule>,
  rooms: TellingRooms,
): Promise<SaidOfUse> {
  const { isGeneral } = row
  const { purposes, client, service } = await describeUse(row, rules, rooms)
  const { memberCode, subsystemCode } = parseClientId(row.client)
  const action = purposeIn(purposes, rooms.settings.language)
  return {
    action: action ?? (isGeneral ? NOBODY : (service?.id.split(':').slice(4).join(' ') ?? NOBODY)),
    receiverCode: isGeneral ? NOBODY : memberCode,
    ...(client?.name !== undefined && { receiverName: client.name }),
    receiverSystem: isGeneral ? NOBODY : (subsystemCode ?? NOBODY),
  }
}

export async function usagePeriod(rooms: TrackerRooms) {
  return spanOf(await rooms.personUses.coverage(), rooms)
}

export async function heartbeat({ personUses }: TrackerRooms) {
  return (await personUses.isAnswering())
    ? { status: 'OK' }
    : { status: 'FAIL', message: 'the holder of the keys of the index by person does not answer' }
}
