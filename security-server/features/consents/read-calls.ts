/** Reads what other security servers of a subsystem send about calls: bounded, exactly its fields. */
import { normaliseIdentifier } from '#core/subject/identifier.ts'
import type { ConsentCall, MadeCall } from '#schemas/consents.ts'
import { idText, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'
import { objectIn, only, plainIn, SHA256, textIn, timeIn, UUID } from './read-request.ts'
import { refused } from './who-acts.ts'

const MOST_CALLS = 500
/** Of them, with long identifiers. */
export const MOST_MADE = 1_048_576

/** Throws `invalid_request`, as all of these. */
export function consentCall(fields: Record<string, unknown>): ConsentCall {
  only(fields, ['person', 'client', 'service', 'contract', 'demand', 'messageId', 'requestId'])
  const person = objectIn(fields['person'], 'person')
  only(person, ['type', 'identifier'])
  const identifier = plainIn(person, 'identifier', 255)
  if (normaliseIdentifier(identifier) !== identifier) throw refused('identifier is not in its plain form')
  return {
    person: { type: plainIn(person, 'type', 64), identifier },
    client: idIn(fields, 'client', (text) => idText(parseSubsystemId(text))),
    service: idIn(fields, 'service', (text) => idText(parseServiceId(text))),
    contract: textIn(fields, 'contract', UUID),
    demand: textIn(fields, 'demand', SHA256),
    ...idsIn(fields),
  }
}

export function madeCalls(fields: Record<string, unknown>): MadeCall[] {
  only(fields, ['calls'])
  const { calls } = fields
  if (!Array.isArray(calls) || calls.length === 0 || calls.length > MOST_CALLS)
    throw refused(`calls has 1 to ${MOST_CALLS} of them`)
  return calls.map((one) => madeCall(objectIn(one, 'a call')))
}

export function callGivenBack(fields: Record<string, unknown>): MadeCall {
  only(fields, ['call'])
  return madeCall(objectIn(fields['call'], 'call'))
}

function madeCall(fields: Record<string, unknown>): MadeCall {
  only(fields, ['number', 'time', 'service', 'messageId', 'requestId'])
  return {
    number: textIn(fields, 'number', UUID),
    time: timeIn(fields, 'time'),
    service: idIn(fields, 'service', (text) => idText(parseServiceId(text))),
    ...idsIn(fields),
  }
}

function idsIn(fields: Record<string, unknown>): { messageId: string; requestId: string } {
  return { messageId: plainIn(fields, 'messageId', 255), requestId: plainIn(fields, 'requestId', 255) }
}

function idIn(fields: Record<string, unknown>, name: string, canonical: (text: string) => string): string {
  const text = plainIn(fields, name, 1400)
  try {
    if (canonical(text) === text) return text
  } catch {
    // Said below.
  }
  throw refused(`${name} is no identifier in its text form`)
}
