/**
 * Answers other security servers of the same subsystem, which ask for the consent of a call before they make
 * it. Guarantees that only the subsystem itself is answered, so its member has signed the question, and that
 * a one-time consent is given away once.
 */
import { demandedBy, demandHash } from '#core/contract/consent-demand.ts'
import type { ConsentCall, ConsentCallTaken, ConsentDemand, MadeCall } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { refuseKeptElsewhere } from './keeper.ts'
import type { Question } from './question.ts'
import { stretchOf } from './stretches.ts'
import type { ConsentRow, UseRow } from './tables.ts'

type Q = Pick<Question, 'sender' | 'rooms'>

/**
 * Throws `consent_missing`, `consent_ended`, `consent_used_up`, `consent_unknown`, `conflict`, `forbidden`.
 */
export async function takeForServer(asked: ConsentCall, { sender, rooms }: Q): Promise<ConsentCallTaken> {
  onlyItself(sender)
  const { person, client, service, contract, demand, messageId, requestId } = asked
  const terms = rooms
    .contracts()
    .find(({ content }) => content.contract === contract && content.provider === sender.subsystem)
  const demanded = terms && demandedBy(terms.content)
  // Both servers learn of a new version within a minute; until then nobody can say.
  if (demanded === undefined || demandHash(demanded) !== demand)
    throw new Fault('consent_unknown', {
      ...{ what: `${contract}: this server knows another version of the contract`, retryAfter: 30 },
    })
  const { rule } = demanded
  refuseKeptElsewhere({ subsystem: sender.subsystem, rule }, rooms, 'conflict')
  const found = await rooms.source.find({
    ...{ person, client, service, terms: { contract, demand, rule } },
    ids: { id: messageId, requestId },
  })
  const { number, digest } = found
  return 'counted' in found
    ? { number, digest, countedAt: found.counted.time }
    : { number, digest, until: new Date(found.until).toISOString() }
}

/**
 * Calls under standing consents, told afterwards. Those under consents that are not here any more are
 * nobody's to see: refused, they would be told for ever, and keep the others with them.
 */
export async function noteForServer(calls: readonly MadeCall[], { sender, rooms }: Q): Promise<object> {
  onlyItself(sender)
  const ofNumber = Map.groupBy(calls, ({ number }) => number)
  for (const number of ofNumber.keys())
    if ((await consentOf(number, { sender, rooms })) === undefined) ofNumber.delete(number)
  await rooms.source.addUses([...ofNumber.values()].flat().map(useOf))
  return {}
}

export async function giveBackForServer(call: MadeCall, { sender, rooms }: Q): Promise<object> {
  onlyItself(sender)
  const row = await consentOf(call.number, { sender, rooms })
  if (row === undefined) return {}
  const { frequency } = (JSON.parse(row.agreed) as ConsentDemand).rule
  const stretch = frequency === undefined ? '' : stretchOf(Date.parse(call.time), frequency.per)
  await rooms.store.giveBack(useOf(call), stretch)
  return {}
}

/** Of those to the subsystem that asks. */
async function consentOf(number: string, { sender, rooms }: Q): Promise<ConsentRow | undefined> {
  const row = await rooms.store.byNumber(number)
  return row?.subsystem === sender.subsystem ? row : undefined
}

function onlyItself({ client, subsystem }: Question['sender']): void {
  if (client !== subsystem)
    throw new Fault('forbidden', { what: 'only the subsystem itself asks this, by another security server' })
}

function useOf({ number, time, service, requestId, messageId }: MadeCall): UseRow {
  return { number, time, service, client: null, to_tell: null, request_id: requestId, message_id: messageId }
}
