/**
 * Guarantees that a verified call which names a represented party has the mandate that its contract asks for,
 * before it is logged and before our system hears of it; what a mandate service is asked is a question,
 * nothing more.
 */
import { Fault } from '#schemas/fault.ts'
import { codesOf, judgeRepresentation, type Represented } from '../peer/check-representation.ts'
import type { AllowedRequest } from './check-contract.ts'
import type { ProviderRooms } from './rooms.ts'

/** A later year has more digits, so it would sort before all others, and no reader of our times takes it. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Throws `representation_refused`, `mandate_service_unavailable` and `contracts_outdated`. */
export async function checkRepresentation<T extends AllowedRequest>(
  allowed: T,
  rooms: ProviderRooms,
): Promise<T & Represented> {
  const { request, terms } = allowed
  const { client, actors } = request
  const judged = judgeRepresentation(allowed, rooms)
  const { representedParty: party, userId } = actors
  const rule = terms.representation
  if (party === undefined || rule?.check !== 'mandateService') return { ...allowed, representation: judged }
  const delegate = rule.delegate === 'user' ? userId : client.memberCode
  const { memberClass: partyClass, memberCode: representee } = codesOf(party)
  const { isMandated, id, answer, at, until } = await rooms.mandateServices.ask({
    ...{ rule, userId, partyClass, representee },
    delegate: delegate ?? '',
  })
  if (!isMandated)
    throw new Fault('representation_refused', {
      what: `${terms.contract}: ${rule.service}, asked as ${id}, has no such mandate`,
    })
  return {
    ...allowed,
    representation: {
      ...{ representation: 'checked', representationBy: rule.service, representationId: id },
      ...{ representationAnswer: answer, representationAt: at },
    },
    ...(Number.isFinite(until) && { mandateUntil: new Date(Math.min(until, LAST_MS)).toISOString() }),
  }
}
