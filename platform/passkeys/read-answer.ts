/**
 * Reads the answer of `navigator.credentials.get` as a page sends it. Bounded, and nothing else in it, before
 * anything is verified.
 */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { Asserted, AssertedKnown } from './verify.ts'

/** The most characters of each field, all of them base64url. */
const FIELDS_OF_KNOWN = { id: 1400, clientDataJSON: 4096, authenticatorData: 2048, signature: 1024 }
const FIELDS = { ...FIELDS_OF_KNOWN, userHandle: 86 }
const MOST_IN_HEADER = 12_000

/** Throws `invalid_input`. */
export function answerIn(body: unknown): Asserted {
  return fieldsIn(body, FIELDS) as Asserted
}

/**
 * Of a passkey that the question named: its device may then say no handle (WebAuthn 6.3.3). Throws
 * `invalid_input`.
 */
export function answerOfKnownIn(body: unknown): AssertedKnown {
  return fieldsIn(body, FIELDS_OF_KNOWN) as AssertedKnown
}

function fieldsIn(body: unknown, fields: Record<string, number>): Record<string, unknown> {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(fields, name))
  const isWrong = Object.entries(fields).some(([name, most]) => {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    return typeof value !== 'string' || value.length > most || !/^[A-Za-z0-9_-]+$/.test(value)
  })
  if (unknown.length > 0 || isWrong)
    throw new Fault('invalid_input', {
      what: say`${Object.keys(fields).join(', ')} are needed, each as base64url`,
    })
  return given
}

/** The same from a header: base64url of the JSON. Throws `invalid_input`. */
export function answerInHeader(text: string): Asserted {
  if (text.length > MOST_IN_HEADER || !/^[A-Za-z0-9_-]+$/.test(text))
    throw new Fault('invalid_input', { what: say`X-Passkey-Assertion is base64url of JSON` })
  try {
    return answerIn(JSON.parse(Buffer.from(text, 'base64url').toString()))
  } catch (cause) {
    throw cause instanceof Fault
      ? cause
      : new Fault('invalid_input', { what: say`X-Passkey-Assertion is base64url of JSON`, cause })
  }
}
