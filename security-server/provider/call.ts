/**
 * Guarantees that the provider's system is called once with exactly the request that was logged: its address
 * and the raw path and query, all signed headers, the body for POST, PUT and PATCH (pr-rest); the message
 * itself where it is SOAP (pr-mess). Metadata services answer here. What fails before the system was reached
 * carries the mark NotSent. What an inbox, a room, a tracker or consents get never reaches a system here.
 */
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { isConsents, isKeptHere, isRoom, isTracker } from '../local-systems/check-address.ts'
import { isMonitoringService } from '../message/message.ts'
import { codesOf } from '../peer/check-representation.ts'
import type { ConfirmedMandate } from '../peer/inbox.ts'
import { beforeSending, NotSent } from '../peer/not-sent.ts'
import { traceparentOf } from '../peer/trace.ts'
import { checkRights } from './check-rights.ts'
import type { Intent } from './log-intent.ts'
import { answerMetadata } from './metadata.ts'
import type { FilteredAnswer } from './remove-fields.ts'
import type { ProviderRooms } from './rooms.ts'
import { answerSoapMetadata } from './soap-metadata.ts'

/** The call, and on the course of the exchange when it began and ended. */
export async function call(intent: Intent, rooms: ProviderRooms): Promise<FilteredAnswer> {
  const { course } = intent.visit
  course.requestOut = rooms.clock()
  try {
    return await callSystem(intent, rooms)
  } finally {
    course.responseIn = rooms.clock()
  }
}

async function callSystem(intent: Intent, rooms: ProviderRooms): Promise<FilteredAnswer> {
  const { codec, request, local } = intent
  if (local === undefined) return beforeSending(() => answerHere(intent, rooms))
  if (local.url === '') throw new NotSent(new Fault('service_missing_url', { what: idText(local.id) }))
  const {
    method,
    path,
    query,
    headers: sent,
    body,
  } = codec.systemCall({ ...intent, ...traceparentOf(intent.visit.course) })
  const headers = intent.preview === undefined ? sent : sent.filter((header) => !isOfOneAnswer(header))
  const spool = () => rooms.messageLog.spool.begin({ maxBytes: rooms.limits.maxBodyBytes })
  if (isTracker(local.url)) {
    const take = () =>
      rooms.tracker.take({
        ...{ request, message: intent.message, body, record: intent.record.index, spool },
        represented: mandateIn(intent)?.represented,
      })
    // What fails in a POST may have been written before.
    return request.protocol === 'REST' && method !== 'GET' ? take() : beforeSending(take)
  }
  if (isConsents(local.url))
    return rooms.consentService.take({
      ...{ request, headers, body, spool, record: intent.record.index, mandate: mandateIn(intent) },
    })
  if (isKeptHere(local.url))
    return rooms[isRoom(local.url) ? 'room' : 'inbox'].take({
      ...{ request, headers, body, peer: intent.visit.peer, record: intent.record.index },
      ...{
        terms: intent.terms,
        checkEndpoint: (q) =>
          void checkRights({ ...request, method: q.method, servicePath: q.path, query: undefined }, rooms),
        spool,
      },
    })
  return rooms.serviceClient.call({
    service: local,
    method,
    target: targetOf(local.url, path, query),
    headers,
    body,
    take: (head) =>
      codec.answerTaker(head, {
        ...{ spool: rooms.messageLog.spool, limits: rooms.limits },
        isForXRoad: !intent.visit.isOurs,
      }),
  })
}

/**
 * What makes an answer a part of one, or coded, or another the second time: a person is shown the whole of
 * it, once.
 */
function isOfOneAnswer([name, value]: [string, string]): boolean {
  const lower = name.toLowerCase()
  if (lower === 'accept-encoding') return value !== 'identity'
  return lower === HEADER.preview || /^(?:range|if-.*)$/.test(lower)
}

/**
 * Only a mandate of the user, which a mandate service has confirmed, and only a person: a party with a member
 * class is an organisation.
 */
function mandateIn({ request, terms, representation, mandateUntil }: Intent): ConfirmedMandate | undefined {
  const { actors, issue } = request
  const { representedParty: party } = actors
  const rule = terms.representation
  const isOfUser = rule?.check === 'mandateService' && rule.delegate === 'user'
  if (party === undefined || !isOfUser || representation.representation !== 'checked') return undefined
  const { memberClass, memberCode } = codesOf(party)
  if (memberClass !== '') return undefined
  const { representationId = '', representationAnswer = '', representationAt = '' } = representation
  return {
    ...{ represented: memberCode, service: rule.service, question: representationId },
    ...{ answer: representationAnswer, at: representationAt },
    ...(mandateUntil !== undefined && { until: mandateUntil }),
    ...(issue !== undefined && { issue }),
  }
}

/** What this server says itself. */
function answerHere(intent: Intent, rooms: ProviderRooms): Promise<FilteredAnswer> {
  const { request, message } = intent
  if (!isMonitoringService(request)) return METADATA[request.protocol](intent, rooms)
  const spool = () => rooms.messageLog.spool.begin({ maxBytes: rooms.limits.maxBodyBytes })
  return rooms.monitoring.answer({ request, message, spool })
}

const METADATA = {
  REST: ({ request }: Intent, rooms: ProviderRooms) => answerMetadata(request, rooms),
  SOAP: answerSoapMetadata,
}

/** Base URL and raw service path with one slash between them, then the raw query. */
function targetOf(url: string, servicePath: string, query: string | undefined): string {
  const base = url.endsWith('/') && servicePath.startsWith('/') ? url.slice(0, -1) : url
  return `${base}${servicePath}${query === undefined ? '' : `?${query}`}`
}
