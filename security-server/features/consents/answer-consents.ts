/**
 * The way of a question to the consents of a subsystem. It was verified, allowed and logged before. What is
 * refused is an answer of the service with its status.
 */
import { publicFault } from '#platform/http-service/fault-answer.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { idText, subsystemOf } from '#schemas/identifiers.ts'
import type { SystemAnswer } from '../../message/message.ts'
import type { ConsentService, ConsentServiceRequest } from '../../peer/inbox.ts'
import { demandsOf } from './demands.ts'
import { ESTONIAN, estonianRefusal } from './estonia.ts'
import { giveConsent } from './give-consent.ts'
import { giveBackForServer, noteForServer, takeForServer } from './keep-for-servers.ts'
import { consentOf, consentsOf, receiptFor, savedFor, usesOf, withdrawConsent } from './own-consents.ts'
import { PREVIEW_PATHS } from './previews/paths.ts'
import type { Question } from './question.ts'
import { callGivenBack, consentCall, MOST_MADE, madeCalls } from './read-calls.ts'
import {
  consentGiven,
  consentRequested,
  isToken,
  isUuid,
  MAX_WITH_PRESENTATION,
  readJson,
  valueIn,
} from './read-request.ts'
import { askedConsent, declineConsent, requestConsent, requestOf } from './requests.ts'
import type { ConsentRooms } from './rooms.ts'
import { consentView } from './view-consent.ts'
import { type ActingPerson, userIn, whoActs } from './who-acts.ts'

const JSON_TYPE = 'application/json;charset=utf-8'
const RECEIPT_TYPE = 'application/ld+json;charset=utf-8'
const STATUSES = new Set([400, 403, 404, 409, 429])
const DEMANDS = 50
const REASONS: Record<number, string> = {
  ...{ 200: 'OK', 201: 'Created', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 409: 'Conflict' },
  ...{ 429: 'Too Many Requests', 500: 'Internal Server Error', 503: 'Service Unavailable' },
}

type Handler = (q: Question) => Promise<object> | object

const WITHDRAW = 'POST /v1/consents/{number}/withdraw'
const STOP = 'POST /v1/previews/{number}/stop'

/** By method and path; `{number}` is a UUID, `{token}` the secret of a url. */
const PATHS: Record<string, Handler> = {
  'GET /v1/demands': ({ search, sender, rooms }) => {
    const one = valueIn(search, 'contract')
    const cursor = valueIn(search, 'cursor')
    const all = demandsOf(sender.subsystem, rooms).filter(
      ({ view }) => (one ?? view.contract.id) === view.contract.id && view.contract.id > (cursor ?? ''),
    )
    const demands = all.slice(0, DEMANDS).map(({ view }) => view)
    return { demands, ...(all.length > DEMANDS && { next: demands.at(-1)?.contract.id }) }
  },
  'GET /v1/consents': async ({ search, own, rooms }) =>
    consentsOf(await own(), valueIn(search, 'cursor'), rooms),
  'POST /v1/consents': async ({ json, acting, sender, rooms }) =>
    consentView(
      await giveConsent(consentGiven(await json(MAX_WITH_PRESENTATION)), acting(), sender, rooms),
      rooms,
    ),
  'GET /v1/consents/{number}': async ({ id, own, rooms }) => consentOf(await own(), id, rooms),
  'GET /v1/consents/{number}/uses': async ({ id, search, own, rooms }) =>
    usesOf(await own(), id, valueIn(search, 'cursor'), rooms),
  'GET /v1/consents/{number}/receipt': async ({ id, own, rooms }) => receiptFor(await own(), id, rooms),
  'GET /v1/consents/{number}/proof': async ({ id, own, rooms }) => savedFor(await own(), id, rooms),
  [WITHDRAW]: async ({ id, own, sender, rooms }) => withdrawConsent(await own(), id, sender.record, rooms),
  'POST /v1/requests': async ({ json, sender, rooms }) =>
    requestConsent(consentRequested(await json()), sender, rooms),
  'GET /v1/requests/{number}': ({ id, sender, rooms }) => requestOf(id, sender, rooms),
  'GET /v1/asked/{token}': async ({ id, own, rooms }) => {
    const { person, subsystem } = await own()
    return askedConsent(id, person, subsystem, rooms)
  },
  'POST /v1/asked/{token}/decline': async ({ id, own, rooms }) => {
    const { person, subsystem } = await own()
    return declineConsent(id, person, subsystem, rooms)
  },
  'POST /v1/calls': async ({ json, ...q }) => takeForServer(consentCall(await json()), q),
  'POST /v1/calls/made': async ({ json, ...q }) => noteForServer(madeCalls(await json(MOST_MADE)), q),
  'POST /v1/calls/back': async ({ json, ...q }) => giveBackForServer(callGivenBack(await json()), q),
  ...ESTONIAN,
  ...PREVIEW_PATHS,
}
const CREATED = new Set(['POST /v1/consents', 'POST /v1/requests'])
/**
 * However much others ask through the same portal, a consent can be taken back and an answer stopped at any
 * time; and calls were counted as calls by the server that asks for their consents.
 */
const UNCOUNTED = new Set([WITHDRAW, STOP, 'POST /v1/calls', 'POST /v1/calls/made', 'POST /v1/calls/back'])

export function createConsentService(rooms: ConsentRooms): ConsentService {
  return {
    async take(asked) {
      const { client, servicePath, method } = asked.request
      let name = ''
      try {
        const path = pathOf(method, servicePath)
        const { id } = path
        name = path.name
        const leave = UNCOUNTED.has(name) ? undefined : rooms.quota.enter(client)
        try {
          const told = await PATHS[name]!(questionOf(asked, id, rooms))
          rooms.count('answered')
          const type = name.endsWith('/receipt') ? RECEIPT_TYPE : JSON_TYPE
          return await written(asked, { status: CREATED.has(name) ? 201 : 200, type, told })
        } finally {
          leave?.()
        }
      } catch (cause) {
        const theirs = Object.hasOwn(ESTONIAN, name) ? estonianRefusal(cause) : undefined
        const fault = theirs?.fault ?? asFault(cause)
        rooms.count(fault.status < 500 ? 'refused' : 'failed')
        if (fault.code === 'internal_error') throw cause
        const status = theirs?.status ?? (STATUSES.has(fault.status) ? fault.status : 503)
        const told = { ...(theirs && { code: theirs.code }), ...publicFault(fault, undefined) }
        return written(asked, { status, type: JSON_TYPE, told })
      }
    },
  }
}

/** Throws `not_found`. */
function pathOf(method: string, servicePath: string): { name: string; id: string } {
  let id = ''
  const shape = servicePath
    .split('/')
    .map((segment) => {
      const place = isUuid(segment) ? '{number}' : isToken(segment) ? '{token}' : undefined
      if (place === undefined || id !== '') return segment
      id = segment
      return place
    })
    .join('/')
  const name = `${method} ${shape}`
  if (!Object.hasOwn(PATHS, name))
    throw new Fault('not_found', { what: 'no address of the service consents' })
  return { name, id }
}

function questionOf(asked: ConsentServiceRequest, id: string, rooms: ConsentRooms): Question {
  const { request, body, record, mandate } = asked
  const { actors, client, query, service } = request
  const search = new URLSearchParams(query ?? '')
  const subsystem = idText(subsystemOf(service))
  const acting = (): ActingPerson =>
    whoActs({ userId: actors['userId'], userCode: valueIn(search, 'userCode'), mandate }, rooms.countryPrefix)
  return {
    ...{
      id,
      search,
      method: request.method,
      rooms,
      acting,
      sender: { client: idText(client), subsystem, record },
    },
    json: (most) => readJson(body, most),
    async own() {
      const { person, userId, mandate: by } = acting()
      const user = by && (await rooms.nameOf(userIn(userId, rooms.countryPrefix)))
      return { person: await rooms.nameOf(person), subsystem, representative: user }
    },
  }
}

async function written(
  { spool }: ConsentServiceRequest,
  { status, type, told }: { status: number; type: string; told: object },
): Promise<SystemAnswer> {
  const pending = spool()
  await pending.write(Buffer.from(JSON.stringify(told)))
  const headers: SystemAnswer['headers'] = [
    ['Content-Type', type],
    ['Cache-Control', 'no-store'],
  ]
  return { status, reason: REASONS[status] ?? '', headers, body: await pending.end() }
}
