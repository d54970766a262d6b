/**
 * Identifiers in the form of the API, INSTANCE:CLASS:CODE[:SUBSYSTEM]. No code contains a colon, so nothing
 * is escaped.
 */
import { Fault } from './fault.ts'
import {
  type ClientId,
  checkCode,
  encodeSegment,
  type MemberId,
  parseClientId,
  type SubsystemId,
} from './identifiers.ts'
import { say } from './said.ts'

/**
 * Converts to the slash form of identifiers.ts; throws `invalid_client_identifier` unless there are `least`
 * to `most` codes.
 */
export function slashForm(text: string, least: number, most: number): string {
  const codes = text.split(':')
  if (codes.length < least || codes.length > most) {
    throw new Fault('invalid_client_identifier', {
      what: say`${least} to ${most} codes with colons are needed`,
    })
  }
  return codes.map((code) => encodeSegment(checkCode(code))).join('/')
}

/** Converts the slash form to the API's form. */
export function colonForm(text: string): string {
  return text.split('/').map(decodeURIComponent).join(':')
}

export function clientIdOf(text: string | undefined): ClientId {
  return parseClientId(slashForm(text ?? '', 3, 4))
}

export function subsystemIdOf(text: string | undefined): SubsystemId {
  return parseClientId(slashForm(text ?? '', 4, 4)) as SubsystemId
}

export function memberIdOf(text: string | undefined): MemberId {
  return parseClientId(slashForm(text ?? '', 3, 3))
}
