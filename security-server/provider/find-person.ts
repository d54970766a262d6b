/**
 * Finds the people whom a request names at the places that its contract declares, as the index by person
 * finds them in its record, without stopping exchanges: a large message is read on a thread, a few at a time.
 */
import type { SubjectPlace } from '#core/subject/place.ts'
import { placesOf, readRequestSubjects } from '#core/subject/read-subjects.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import { createSharedPlaces } from '#platform/in-turn.ts'
import { askThread, type ThreadLimits } from '#platform/threads/ask-thread.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import type { RequestMessage } from '../message/codec.ts'
import { withWhole } from '../message/read-whole.ts'
import { type Found, hasOther, type PersonQuestion, readPerson, UNREADABLE } from './read-person.ts'

type Asked = Pick<RequestMessage, 'request' | 'message' | 'body'>

/** What is read at once takes some 50 ms at worst; a thread takes 100 ms to start. */
const AT_ONCE = 256 * 1024
const LIMITS: ThreadLimits = { timeMs: 10_000, oldGenerationMb: 512 }
const RETRY_SECONDS = 10
/** Each client has one of them at most: whoever sends many large messages lets nobody else wait. */
const inPlace = createSharedPlaces({
  ...{ places: 2, mostWaiting: 4 },
  refuse: () =>
    new Fault('too_many_requests', {
      what: say`as many large messages of this client wait as may`,
      retryAfter: RETRY_SECONDS,
    }),
})

/**
 * `fault`: nobody stands there, or not everybody could be read. Throws `too_many_requests`, and
 * `invalid_soap` for a message that is none.
 */
export async function findPerson(asked: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  return asked.request.protocol === 'SOAP' ? inSoap(asked, places) : inRest(asked, places)
}

async function inSoap({ request, message }: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  const act = (): Promise<Found> => read({ protocol: 'SOAP', bytes: message, places: [...places] })
  return message.length > AT_ONCE ? inPlace(idText(request.client), act) : act()
}

async function inRest({ request, body }: Asked, places: readonly SubjectPlace[]): Promise<Found> {
  const { method, servicePath, query, headers } = request
  const call = { method, path: checkServicePath(servicePath, { allowEncodedSlash: true }), query, headers }
  const matching = placesOf(places, call)
  if (matching.some((place) => isDoubtful(place, call))) return UNREADABLE
  if (body === undefined || !matching.some((place) => place.in === 'body'))
    return readRequestSubjects(matching, { ...call, body: undefined })
  const act = () =>
    withWhole(body, headers, (bytes) => read({ protocol: 'REST', bytes, places: matching, call }))
  // What is coded may be large without its coding. The turn comes first, so that nobody waits with a body in
  // memory.
  const mayBeLarge =
    body.size > AT_ONCE || headers.some(([name]) => name.toLowerCase() === 'content-encoding')
  const found = await (mayBeLarge ? inPlace(idText(request.client), act) : act())
  return 'unreadable' in found ? UNREADABLE : found
}

async function read(question: PersonQuestion): Promise<Found> {
  if (question.bytes.length <= AT_ONCE) return readPerson(question)
  const script = new URL('./person-worker.ts', import.meta.url)
  const refuse = (what: string, cause?: unknown): Fault => new Fault('invalid_soap', { what, cause })
  const asked = askThread({ script, question, limits: LIMITS, refuse }) as Promise<Found>
  // A body that cannot be read within the bounds names nobody; a message that cannot is none.
  return question.protocol === 'SOAP' ? asked : asked.catch(() => UNREADABLE)
}

/**
 * Query: frameworks part it at semicolons too. Header: those that hand them on as variables write dashes as
 * underscores.
 */
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
