/** Rules for member classes, members, subsystems and groups; pure. */
import { Fault } from '#schemas/fault.ts'
import {
  type ClientId,
  checkCode,
  type MemberId,
  parseClientId,
  parseServerId,
  type ServerId,
  type SubsystemId,
} from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'

const MAX_NAME = 255
// XML cannot contain noncharacters: one name with them would make every publication fail. Direction marks can
// make a name look like another one.
const UNFIT = /[\ufffe\uffff\u202a-\u202e\u2066-\u2069]/

/**
 * Returns a name for people. Throws `invalid_input` unless it has 1 to 255 characters, without control
 * characters and direction marks.
 */
export function checkName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME || /\p{Cc}|\p{Cs}/u.test(name) || UNFIT.test(name)) {
    throw new Fault('invalid_input', {
      what: say`a name has 1 to ${MAX_NAME} characters, no control characters and no direction marks`,
    })
  }
  return name
}

/**
 * Parses "INSTANCE:CLASS:CODE[:SUBSYSTEM]", X-Road's form of a client id in an API path. Throws
 * `invalid_client_identifier`, or `invalid_input` for another instance.
 */
export function clientOf(encoded: string, instance: string): ClientId {
  const parts = encoded.split(':').map(checkCode)
  if (parts.length < 3 || parts.length > 4) {
    throw new Fault('invalid_client_identifier', {
      what: say`INSTANCE:CLASS:CODE or INSTANCE:CLASS:CODE:SUBSYSTEM is needed`,
    })
  }
  const [given, memberClass, memberCode, subsystemCode] = parts as [string, string, string, string?]
  if (given !== instance)
    throw new Fault('invalid_input', { what: say`this registry is of the instance ${instance}` })
  return subsystemCode === undefined
    ? { instance, memberClass, memberCode }
    : { instance, memberClass, memberCode, subsystemCode }
}

export function memberIdOf(encoded: string, instance: string): MemberId {
  const { subsystemCode, ...member } = clientOf(encoded, instance)
  if (subsystemCode !== undefined)
    throw new Fault('invalid_client_identifier', { what: say`a member id has three parts` })
  return member
}

export function subsystemIdOf(encoded: string, instance: string): SubsystemId {
  const { subsystemCode, ...member } = clientOf(encoded, instance)
  if (subsystemCode === undefined)
    throw new Fault('invalid_client_identifier', { what: say`a subsystem id has four parts` })
  return { ...member, subsystemCode }
}

/** "A:B:C" or "A:B:C:D" for an id in its text form. This is unambiguous, because codes contain no colon. */
export function encodedId(text: string): string {
  const id = parseClientId(text)
  const parts = [id.instance, id.memberClass, id.memberCode]
  return [...parts, ...(id.subsystemCode === undefined ? [] : [id.subsystemCode])].join(':')
}

/**
 * Parses the server id "INSTANCE:CLASS:CODE:SERVERCODE". Throws `invalid_input`, also for another instance.
 */
export function serverOf(encoded: string, instance: string): ServerId {
  const parts = encoded.split(':').map(checkCode)
  if (parts.length !== 4 || parts[0] !== instance) {
    throw new Fault('invalid_input', { what: say`a server id is ${instance}:CLASS:CODE:SERVERCODE` })
  }
  const [, memberClass, memberCode, serverCode] = parts as [string, string, string, string]
  return { instance, memberClass, memberCode, serverCode }
}

/** "A:B:C:D" for a server's id in its text form. */
export function encodedServer(text: string): string {
  const { instance, memberClass, memberCode, serverCode } = parseServerId(text)
  return [instance, memberClass, memberCode, serverCode].join(':')
}

/** ABSENT: not in the register. UNUSED: nothing in the register refers to it. USED: something does. */
export type Standing = 'ABSENT' | 'UNUSED' | 'USED'
/** `refer`: something that refers to it is registered, or is listed. */
export type StandingAct = 'add' | 'rename' | 'refer' | 'delete'

const NEXT: Record<Standing, Partial<Record<StandingAct, Standing>>> = {
  ABSENT: { add: 'UNUSED' },
  UNUSED: { rename: 'UNUSED', refer: 'USED', delete: 'ABSENT' },
  USED: { rename: 'USED', refer: 'USED' },
}

/** `references`: how many rows of each kind refer to it. */
export type StandingFacts = { exists: boolean; references?: Record<string, number> }

export function standingOf({ exists, references = {} }: StandingFacts): Standing {
  if (!exists) return 'ABSENT'
  return Object.values(references).some((count) => count > 0) ? 'USED' : 'UNUSED'
}

/**
 * The life of everything that others refer to: member classes, members, subsystems, global groups,
 * certificate profiles. Returns the standing after the act. Throws `not_found`, or `conflict` when it exists
 * already or something still refers to it; the text says what.
 */
export function nextStanding(what: string, act: StandingAct, facts: StandingFacts): Standing {
  const standing = standingOf(facts)
  const next = NEXT[standing][act]
  if (next !== undefined) return next
  if (standing === 'ABSENT') throw new Fault('not_found', { what })
  if (act === 'add') throw new Fault('conflict', { what: say`${what} exists already` })
  const by = Object.entries(facts.references ?? {}).filter(([, count]) => count > 0)
  const named = by.map(([name, count]) => `${count} ${name}`)
  throw new Fault('conflict', {
    what: say`${what} is still referred to by ${named.join(', ')}`,
  })
}

/** Throws `invalid_input` when the register does not have the member's class. */
export function checkClassKnown({ memberClass, isKnown }: { memberClass: string; isKnown: boolean }): void {
  if (!isKnown) throw new Fault('invalid_input', { what: say`there is no member class ${memberClass}` })
}
