/**
 * Finds the people whom a record concerns, at the places that its service or contract declares, or the one
 * reason why they are not known.
 */

import type { SubjectPlace } from '#core/subject/place.ts'
import {
  placesOf,
  readReplySubjects,
  readRequestSubjects,
  type Subject,
} from '#core/subject/read-subjects.ts'
import { soapBodyJson, soapHeaders } from '#core/subject/soap-body.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { checkServicePath } from '#core/transport/service-path.ts'
import { isSoapMessage } from '#core/transport/soap-document.ts'
import { FIND_USAGE, PERSON_CALLS } from '#schemas/find-usage.ts'
import type { SubjectReason } from './looked-at.ts'
import type { SubjectFacts, SubjectSource } from './read-sources.ts'

/**
 * The places that are declared for a service: by this server's administrators (`own`), and by the contract of
 * the exchange; they add up.
 */
export type Declared = {
  own: readonly SubjectPlace[]
  /**
   * Undefined when there is no contract or it names no place. `unknown` when this server does not have the
   * contract.
   */
  contract: readonly SubjectPlace[] | 'not_personal' | 'unknown' | undefined
}

/**
 * `reason` is undefined when the record is not counted by itself: a reply without places, or a refusal of a
 * logged request.
 */
export type FoundSubjects = {
  subjects: Subject[]
  reason: SubjectReason | undefined
  /** Whether it asked a tracker. */
  isLook?: boolean
}

/** Undefined when the message has no body. `unreadable` when its file is missing or damaged. */
export type ReadBody = () => Promise<Buffer | 'too_large' | 'unreadable' | undefined>

type Readers = {
  body: ReadBody
  /** The request that a reply answers. Undefined when its message is not stored. */
  request: () => Promise<Buffer | undefined>
}

const NOBODY: Subject[] = []

/** The result for a record that need not be opened. Undefined when the record must be opened. */
export function findUnopened(facts: SubjectFacts, declared: Declared): FoundSubjects | undefined {
  const without = (reason: SubjectReason | undefined): FoundSubjects => ({ subjects: NOBODY, reason })
  const { kind, service, answers } = facts
  if (kind === 'refusal') return without(answers === undefined ? 'not_kept' : undefined)
  // The record has no row in the search index: it must be opened to see what was stored of it.
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
  const agreed = typeof contract === 'string' || contract === undefined ? [] : contract
  const says = own.length > 0 || contract !== undefined
  if (source.message === undefined) return without('not_kept')
  if (!says) return without('undeclared')
  let call: Awaited<ReturnType<typeof readCall>>
  try {
    call = await readCall(source.message, [...own, ...agreed])
  } catch {
    return without('unreadable')
  }
  const all = placesOf(own, call)
  const mine = all.filter((place) => place.in !== 'reply')
  // Who declares a place alone takes nothing back that the contract says. That calls are about nobody
  // overrides it.
  const isOverridden = mine.some((place) => place.in === 'none')
  const places = mine.length === 0 ? contract : isOverridden ? mine : [...mine, ...agreed]
  // Only the replies to this call carry identifiers.
  if (places === undefined) return without(all.length > 0 ? 'indexed' : 'undeclared')
  if (places === 'unknown') return without('contract_unknown')
  if (places === 'not_personal' || places.every((place) => place.in === 'none'))
    return without('not_personal')
  // A contract's places are meant for all its calls, so a call that matches none of them has an identifier
  // that cannot be read.
  const matching = placesOf(places, call)
  if (matching.length === 0) return without('unreadable')
  const inBody = matching.some((place) => place.in === 'body')
  const body = inBody ? await bodyOf(source.message, readBody) : undefined
  const isUnread = body === 'too_large' || body === 'unreadable'
  const { subjects, fault } = isUnread
    ? readRequestSubjects(
        matching.filter((place) => place.in !== 'body'),
        { ...call, body: undefined },
      )
    : readRequestSubjects(matching, { ...call, body })
  const reason = isUnread ? body : (fault ?? 'indexed')
  // The contract may name persons whom nobody read here, whatever the places of an administrator found.
  const isUnknown = contract === 'unknown' && !isOverridden
  return { subjects, reason: isUnknown ? 'contract_unknown' : reason, isLook: isLook(source.service, call) }
}

/** Only what a tracker answers about a person: whatever else has its code is a use. */
function isLook(service: string, { method, path }: { method: string; path: string }): boolean {
  const [code, version] = service.split('/').slice(4)
  if (code !== FIND_USAGE) return false
  return version === undefined
    ? PERSON_CALLS.some((one) => one.method === method && one.path === path)
    : version === 'v1' && path === ''
}

async function ofReply(source: SubjectSource, declared: Declared, readers: Readers): Promise<FoundSubjects> {
  const all = declared.own.filter((place) => place.in === 'reply')
  // A reply that was not stored is counted with its request.
  if (all.length === 0 || source.message === undefined) return { subjects: NOBODY, reason: undefined }
  const { places, reason } = await repliedPlaces(all, readers)
  if (places.length === 0) return { subjects: NOBODY, reason }
  const body = await bodyOf(source.message, readers.body)
  if (body === 'too_large' || body === 'unreadable') return { subjects: NOBODY, reason: `reply_${body}` }
  const { subjects, fault } = readReplySubjects(places, body)
  return { subjects, reason: fault === undefined ? reason : `reply_${fault}` }
}

/** The places that apply to the call that was answered. `reason`: why some places could not be decided. */
async function repliedPlaces(
  all: SubjectPlace[],
  readers: Readers,
): Promise<{ places: SubjectPlace[]; reason: SubjectReason | undefined }> {
  const ofAnyCall = all.filter(({ method, path }) => method === '*' && path === '**')
  if (ofAnyCall.length === all.length) return { places: all, reason: undefined }
  const request = await readers.request()
  if (request === undefined) return { places: ofAnyCall, reason: 'reply_not_kept' }
  try {
    return { places: placesOf(all, await readCall(request, all)), reason: undefined }
  } catch {
    return { places: ofAnyCall, reason: 'reply_unreadable' }
  }
}

/** A SOAP message has the body of which places speak in itself. */
async function bodyOf(message: Buffer, readBody: ReadBody): ReturnType<ReadBody> {
  if (!isSoapMessage(message)) return readBody()
  return soapBodyJson(message).catch(() => 'unreadable' as const)
}

async function readCall(message: Buffer, places: readonly SubjectPlace[]) {
  if (isSoapMessage(message)) {
    const headers = places.some((place) => place.in === 'header') ? await soapHeaders(message) : []
    return { method: 'POST', path: '', query: undefined, headers }
  }
  const { method, servicePath, query, headers } = parseRestRequest(message)
  return { method, path: checkServicePath(servicePath, { allowEncodedSlash: true }), query, headers }
}
