/** What holds for member classes, members, subsystems and groups; pure. */
import { Fault } from '#schemas/fault.ts'
import { type ClientId, checkCode } from '#schemas/identifiers.ts'

const MAX_NAME = 255

/** A name that people read: 1 to 255 characters, no control characters. */
export function checkName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME || /\p{Cc}/u.test(name)) {
    throw new Fault('invalid_input', {
      what: `a name has 1 to ${MAX_NAME} characters and no control characters`,
    })
  }
  return name
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

/** Throws `conflict` when something still refers to what is to be deleted, saying what. */
export function checkUnused(what: string, references: Record<string, number>): void {
  const used = Object.entries(references).filter(([, count]) => count > 0)
  if (used.length === 0) return
  const by = used.map(([name, count]) => `${count} ${name}`).join(', ')
  throw new Fault('conflict', { what: `${what} is still referred to by ${by}` })
}
