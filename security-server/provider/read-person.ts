/**
 * Reads the people out of a body or a SOAP message, on the thread on which it is called. Guarantees that no
 * other name stands beside which a system could take for the same one, and with it another person.
 */
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { SubjectPlace } from '#core/subject/place.ts'
import { placesOf, readRequestSubjects } from '#core/subject/read-subjects.ts'
import { soapBodyJson, soapHeaders } from '#core/subject/soap-body.ts'

type Call = Omit<Parameters<typeof readRequestSubjects>[1], 'body'>
export type Found = ReturnType<typeof readRequestSubjects>

/** A SOAP message, or the body of a call over REST whose places were chosen. */
export type PersonQuestion = { bytes: Uint8Array; places: SubjectPlace[] } & (
  | { protocol: 'SOAP' }
  | { protocol: 'REST'; call: Call }
)

export const UNREADABLE: Found = { subjects: [], fault: 'unreadable' }

export async function readPerson(question: PersonQuestion): Promise<Found> {
  const { bytes, places } = question
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return question.protocol === 'SOAP' ? inSoap(whole, places) : inBody(whole, places, question.call)
}

async function inSoap(message: Buffer, places: SubjectPlace[]): Promise<Found> {
  const headers = places.some((place) => place.in === 'header') ? await soapHeaders(message) : []
  const call = { method: 'POST', path: '', query: undefined, headers }
  const matching = placesOf(places, call)
  if (!matching.some((place) => place.in === 'body'))
    return readRequestSubjects(matching, { ...call, body: undefined })
  return inBody(await soapBodyJson(message), matching, call)
}

function inBody(body: Buffer, places: SubjectPlace[], call: Call): Found {
  return isDoubtfulBody(body, places) ? UNREADABLE : readRequestSubjects(places, { ...call, body })
}

/** Also where a member is there twice: the system could take the other one of the two. */
function isDoubtfulBody(bytes: Buffer, places: readonly SubjectPlace[]): boolean {
  try {
    const value = parseStrictJson(bytes, { maxLength: bytes.length, number: Number })
    return places.some((place) => place.in === 'body' && isDoubtfulAt(value, tokensOf(place.name)))
  } catch {
    return true
  }
}

/** Beside the members on the way to the place, and beside the whole way written as one name. */
function isDoubtfulAt(value: unknown, tokens: readonly string[]): boolean {
  const [token, ...rest] = tokens
  if (token === undefined || value === null || typeof value !== 'object') return false
  if (Array.isArray(value))
    return value.some((item) => isDoubtfulAt(item, tokens) || isDoubtfulAt(item, rest))
  const names = Object.keys(value)
  if (hasOther(names, token, token) || hasOther(names, tokens.join('.'), token)) return true
  return Object.hasOwn(value, token) && isDoubtfulAt((value as Record<string, unknown>)[token], rest)
}

function tokensOf(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Whether one of the names, other than `but`, may be read as `wanted`. */
export function hasOther(names: readonly string[], wanted: string, but: string): boolean {
  const folded = fold(wanted)
  return names.some((name) => name !== but && fold(name) === folded)
}

/**
 * What frameworks make of a name: without case, with dots, spaces and underscores alike, without brackets
 * behind it.
 */
function fold(name: string): string {
  return name
    .replace(/\0.*$/s, '')
    .normalize('NFKC')
    .toLowerCase()
    .trim()
    .replace(/\[.*$/s, '')
    .replace(/[. ]/g, '_')
}
