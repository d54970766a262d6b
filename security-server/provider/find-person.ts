/** Finds the people whom a request names at the places that its contract declares, as the index by person finds them in its record. */

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
  return readRequestSubjects(matching, { ...call, body })
}

async function inRest({ request, body }: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  const { method, servicePath, query, headers } = request
  const call = { method, path: checkServicePath(servicePath, { allowEncodedSlash: true }), query, headers }
  const matching = placesOf(places, call)
  const read = (bytes: Buffer | undefined): Found => readRequestSubjects(matching, { ...call, body: bytes })
  if (body === undefined || !matching.some((place) => place.in === 'body')) return read(undefined)
  const found = await withWhole(body, headers, async (bytes) =>
    hasNameTwice(bytes) ? UNREADABLE : read(bytes),
  )
  return 'unreadable' in found ? UNREADABLE : found
}

/** The system could take the other one of two members of one name, and with it another person. */
function hasNameTwice(bytes: Buffer): boolean {
  try {
    parseStrictJson(bytes, { maxLength: bytes.length, number: Number })
    return false
  } catch {
    return true
  }
}
