/**
 * Finds the people whom a request names at the places that its contract declares, as the index by person finds them in its record. Guarantees
 * that no other name stands beside which a system could take for the same one, and with it another person.
 */

import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { SubjectPlace } from '#core/subject/place.ts'
import { placesOf, readRequestSubjects } from '#core/subject/read-subjects.ts'
import { soapBodyJson, soapHeaders } from '#core/subject/soap-body.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import type { RequestMessage } from '../message/codec.ts'
import { withWhole } from '../message/read-whole.ts'

type Asked = Pick<RequestMessage, 'request' | 'message' | 'body'>
type Found = ReturnType<typeof readRequestSubjects>

const UNREADABLE: Found = { subjects: [], fault: 'unreadable' }

/** `fault`: nobody stands there, or not everybody could be read. */
export async function findPerson(asked: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  return asked.request.protocol === 'SOAP' ? inSoap(asked, places) : inRest(asked, places)
}

async function inSoap({ message }: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  const headers = places.some((place) => place.in === 'header') ? await soapHeaders(message) : []
  const call = { method: 'POST', path: '', query: undefined, headers }
  const matching = placesOf(places, call)
  const body = matching.some((place) => place.in === 'body') ? await soapBodyJson(message) : undefined
  if (body !== undefined && isDoubtfulBody(body, matching)) return UNREADABLE
  return readRequestSubjects(matching, { ...call, body })
}

async function inRest({ request, body }: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  const { method, servicePath, query, headers } = request
  const call = { method, path: checkServicePath(servicePath, { allowEncodedSlash: true }), query, headers }
  const matching = placesOf(places, call)
  if (matching.some((place) => isDoubtful(place, call))) return UNREADABLE
  const read = (bytes: Buffer | undefined): Found => readRequestSubjects(matching, { ...call, body: bytes })
  if (body === undefined || !matching.some((place) => place.in === 'body')) return read(undefined)
  const found = await withWhole(body, headers, async (bytes) =>
    isDoubtfulBody(bytes, matching) ? UNREADABLE : read(bytes),
  )
  return 'unreadable' in found ? UNREADABLE : found
}

/** Query: frameworks part it at semicolons too. Header: those that hand them on as variables write dashes as underscores. */
function isDoubtful(
  { in: where, name }: SubjectPlace,
  { query = '', headers }: Pick<RequestMessage['request'], 'query' | 'headers'>,
): boolean {
  if (where === 'query')
    return query.includes(';') || hasOther([...new URLSearchParams(query).keys()], name, name)
  if (where !== 'header') return false
  const variable = (text: string): string => text.toLowerCase().replaceAll('-', '_')
  return headers.some(([one]) => variable(one) === variable(name) && one.toLowerCase() !== name.toLowerCase())
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
function hasOther(names: readonly string[], wanted: string, but: string): boolean {
  const folded = fold(wanted)
  return names.some((name) => name !== but && fold(name) === folded)
}

/** What frameworks make of a name: without case, with dots, spaces and underscores alike, without brackets behind it. */
function fold(name: string): string {
  return name
    .replace(/\0.*$/s, '')
    .normalize('NFKC')
    .toLowerCase()
    .trim()
    .replace(/\[.*$/s, '')
    .replace(/[. ]/g, '_')
}
