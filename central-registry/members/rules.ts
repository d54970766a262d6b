/** What holds for member classes, members, subsystems and groups; pure. */
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  checkCode,
  type MemberId,
  parseClientId,
  type SubsystemId,
} from '#schemas/identifiers.ts'

const MAX_NAME = 255
// XML cannot carry the noncharacters: one name with them would end every publication. Direction marks make a name look
// like another one.
const UNFIT = /[\ufffe\uffff\u202a-\u202e\u2066-\u2069]/

/** A name that people read: 1 to 255 characters, no control characters or direction marks. */
export function checkName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME || /\p{Cc}|\p{Cs}/u.test(name) || UNFIT.test(name)) {
    throw new Fault('invalid_input', {
      what: `a name has 1 to ${MAX_NAME} characters, no control characters and no direction marks`,
    })
  }
  return name
}

/** A code that may enter the register. */
export function checkNewCode(code: string): string {
  if (code.trim() !== code || UNFIT.test(code)) {
    throw new Fault('invalid_client_identifier', {
      what: 'a code has no space at its ends, no direction marks and only characters of XML',
    })
  }
  return checkCode(code)
}

/** The client id of "INSTANCE:CLASS:CODE[:SUBSYSTEM]", X-Road's form of an id in an API path; in our instance only. */
export function clientOf(encoded: string, instance: string): ClientId {
  const parts = encoded.split(':').map(checkCode)
  if (parts.length < 3 || parts.length > 4) {
    throw new Fault('invalid_client_identifier', {
      what: 'INSTANCE:CLASS:CODE or INSTANCE:CLASS:CODE:SUBSYSTEM is needed',
    })
  }
  const [given, memberClass, memberCode, subsystemCode] = parts as [string, string, string, string?]
  if (given !== instance)
    throw new Fault('invalid_input', { what: `this registry is of the instance ${instance}` })
  return subsystemCode === undefined
    ? { instance, memberClass, memberCode }
    : { instance, memberClass, memberCode, subsystemCode }
}

export function memberIdOf(encoded: string, instance: string): MemberId {
  const { subsystemCode, ...member } = clientOf(encoded, instance)
  if (subsystemCode !== undefined)
    throw new Fault('invalid_client_identifier', { what: 'a member id has three parts' })
  return member
}

export function subsystemIdOf(encoded: string, instance: string): SubsystemId {
  const { subsystemCode, ...member } = clientOf(encoded, instance)
  if (subsystemCode === undefined)
    throw new Fault('invalid_client_identifier', { what: 'a subsystem id has four parts' })
  return { ...member, subsystemCode }
}

/** "A:B:C" or "A:B:C:D" for an id in its text form: codes hold no colon. */
export function encodedId(text: string): string {
  const id = parseClientId(text)
  const parts = [id.instance, id.memberClass, id.memberCode]
  return [...parts, ...(id.subsystemCode === undefined ? [] : [id.subsystemCode])].join(':')
}

/** Throws `conflict` when something still refers to what is to be deleted, saying what. */
export function checkUnused(what: string, references: Record<string, number>): void {
  const used = Object.entries(references).filter(([, count]) => count > 0)
  if (used.length === 0) return
  const by = used.map(([name, count]) => `${count} ${name}`).join(', ')
  throw new Fault('conflict', { what: `${what} is still referred to by ${by}` })
}
