/** Whom one record is about, as its service or contract says; or the one reason why nobody knows. */

import type { SubjectPlace } from '#core/subject/place.ts'
import {
  placesOf,
  readReplySubjects,
  readRequestSubjects,
  type Subject,
} from '#core/subject/read-subjects.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import type { SubjectReason } from './looked-at.ts'
import type { SubjectFacts, SubjectSource } from './read-sources.ts'

/** What is declared of a service: by this server's own administrators, and by the contract of the exchange. */
export type Declared = {
  own: readonly SubjectPlace[]
  /** Undefined when there is no contract or it says nothing; `unknown` when nobody here knows it. */
  contract: readonly SubjectPlace[] | 'not_personal' | 'unknown' | undefined
}

/** `reason` is undefined when there is nothing to count: a reply about nobody in particular. */
export type FoundSubjects = { subjects: Subject[]; reason: SubjectReason | undefined }

/** Undefined where a message has none; `unreadable` when its file is missing or damaged. */
export type ReadBody = () => Promise<Buffer | 'too_large' | 'unreadable' | undefined>

type Readers = {
  body: ReadBody
  /** The message of the request that a reply answers; undefined when it is not kept. */
  request: () => Promise<Buffer | undefined>
}

const NOBODY: Subject[] = []

/** What became of a record that need not be opened; undefined for one in which somebody may stand. */
export function findUnopened(facts: SubjectFacts, declared: Declared): FoundSubjects | undefined {
  const without = (reason: SubjectReason | undefined): FoundSubjects => ({ subjects: NOBODY, reason })
  const { kind, service, answers } = facts
  if (kind === 'refusal') return without(answers === undefined ? 'not_kept' : undefined)
  // Only the record itself says what was kept of one that no row names.
  if (service === '') return undefined
  const { own, contract } = declared
  if (kind === 'reply') return own.some((place) => place.in === 'reply') ? undefined : without(undefined)
  return own.length > 0 || contract !== undefined ? undefined : without('undeclared')
}

export async function findSubjects(
  source: SubjectSource,
  declared: Declared,
  readers: Readers,
): Promise<FoundSubjects> {
  if (source.isDamaged)
    return { subjects: NOBODY, reason: source.kind === 'reply' ? 'reply_unreadable' : 'unreadable' }
  return source.kind === 'reply'
    ? ofReply(source, declared, readers)
    : ofRequest(source, declared, readers.body)
}

async function ofRequest(
  source: SubjectSource,
  declared: Declared,
  readBody: ReadBody,
): Promise<FoundSubjects> {
  const without = (reason: SubjectReason): FoundSubjects => ({ subjects: NOBODY, reason })
  const { own, contract } = declared
  const says = own.length > 0 || contract !== undefined
  if (source.message === undefined) return without('not_kept')
  if (!says) return without('undeclared')
  let call: ReturnType<typeof readCall>
  try {
    call = readCall(source.message)
  } catch {
    return without('unreadable')
  }
  const all = placesOf(own, call)
  const mine = all.filter((place) => place.in !== 'reply')
  const places = mine.length > 0 ? mine : contract
  // Whom such a call is about its reply alone says.
  if (places === undefined) return without(all.length > 0 ? 'indexed' : 'undeclared')
  if (places === 'unknown') return without('contract_unknown')
  if (places === 'not_personal' || places.every((place) => place.in === 'none'))
    return without('not_personal')
  // A contract speaks of all its calls; where its pattern names no single segment nobody can tell.
  const matching = placesOf(places, call)
  if (matching.length === 0) return without('unreadable')
  const body = matching.some((place) => place.in === 'body') ? await readBody() : undefined
  if (body === 'too_large' || body === 'unreadable') return without(body)
  const { subjects, fault } = readRequestSubjects(matching, { ...call, body })
  return { subjects, reason: fault ?? 'indexed' }
}

async function ofReply(source: SubjectSource, declared: Declared, readers: Readers): Promise<FoundSubjects> {
  const all = declared.own.filter((place) => place.in === 'reply')
  // What was not kept of it is counted with its request.
  if (all.length === 0 || source.message === undefined) return { subjects: NOBODY, reason: undefined }
  const { places, reason } = await repliedPlaces(all, readers)
  if (places.length === 0) return { subjects: NOBODY, reason }
  const body = await readers.body()
  if (body === 'too_large' || body === 'unreadable') return { subjects: NOBODY, reason: `reply_${body}` }
  const { subjects, fault } = readReplySubjects(places, body)
  return { subjects, reason: fault === undefined ? reason : `reply_${fault}` }
}

/** Those that are said of the call that was answered; `reason` when nobody can tell of some. */
async function repliedPlaces(
  all: SubjectPlace[],
  readers: Readers,
): Promise<{ places: SubjectPlace[]; reason: SubjectReason | undefined }> {
  const ofAnyCall = all.filter(({ method, path }) => method === '*' && path === '**')
  if (ofAnyCall.length === all.length) return { places: all, reason: undefined }
  const request = await readers.request()
  if (request === undefined) return { places: ofAnyCall, reason: 'reply_not_kept' }
  try {
    return { places: placesOf(all, readCall(request)), reason: undefined }
  } catch {
    return { places: ofAnyCall, reason: 'reply_unreadable' }
  }
}

function readCall(message: Buffer) {
  const { method, servicePath, query, headers } = parseRestRequest(message)
  return { method, path: checkServicePath(servicePath, { allowEncodedSlash: true }), query, headers }
}
