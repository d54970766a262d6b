/**
 * Makes the record of an exchange of its course, with X-Road's meaning of each field. Both servers of an
 * exchange write what they know in the same form: X-Road-Metrics pairs the two records by it.
 */
import { isCodeOfServers, type WireFault } from '#schemas/fault.ts'
import type { ClientId, ServerId } from '#schemas/identifiers.ts'
import { PROXY_VERSION } from '#schemas/wire.ts'
import type { Course } from '../../peer/course.ts'
import type { OperationalRecord } from './record-fields.ts'

type RecordRooms = {
  server: ServerId
  internalIp(): string
  /** As the configuration has it. */
  addressOf(server: ServerId): string | undefined
  personalData: boolean
}

const OF_A_SYSTEM = 'service_fault'
const TYPES = { consumer: 'Client', provider: 'Producer' } as const
/** As X-Road's columns. */
const [MOST_TEXT, MOST_FAULT_TEXT] = [255, 2048]
const [FIRST_ERROR, LAST_ERROR] = [400, 599]
/**
 * What faults with these codes say quotes what a client wrote, or is for one reader: a personal code may
 * stand in it.
 */
const QUOTED = /\.(?:invalid_client_identifier|preview_required|unknown_member|unknown_service)$/

/** Undefined when the request was never read: who asked what is not known then. */
export function writeRecord(course: Course, rooms: RecordRooms): OperationalRecord | undefined {
  const { half, request, peer } = course
  if (request === undefined) return undefined
  const { client, service } = request
  const [own, other] = [rooms.addressOf(rooms.server), peer && rooms.addressOf(peer)]
  return shortened({
    securityServerInternalIp: rooms.internalIp(),
    securityServerType: TYPES[half],
    ...{ requestInTs: course.requestIn, requestOutTs: course.requestOut },
    ...{ responseInTs: course.responseIn, responseOutTs: course.responseOut },
    ...clientFields(client),
    serviceXRoadInstance: service.instance,
    serviceMemberClass: service.memberClass,
    serviceMemberCode: service.memberCode,
    serviceSubsystemCode: service.subsystemCode,
    ...{ serviceCode: service.serviceCode, serviceVersion: service.serviceVersion },
    ...protocolFields(course),
    ...(rooms.personalData ? actorFields(course) : {}),
    ...{ messageId: request.id, xRequestId: request.requestId },
    clientSecurityServerAddress: half === 'consumer' ? own : other,
    serviceSecurityServerAddress: half === 'consumer' ? other : own,
    ...outcomeFields(course),
    xRoadVersion: PROXY_VERSION,
  })
}

function clientFields({ instance, memberClass, memberCode, subsystemCode }: ClientId) {
  return {
    ...{ clientXRoadInstance: instance, clientMemberClass: memberClass },
    ...{ clientMemberCode: memberCode, clientSubsystemCode: subsystemCode },
  }
}

type Fields = Record<string, string | number | boolean | undefined>

/** X-Road counts what stands beside a REST message with it, and what is attached to a SOAP message apart. */
function protocolFields({ half, request, asked, answered, serviceType, endpoint }: Course): Fields {
  if (request?.protocol === 'SOAP')
    return {
      ...{ messageProtocolVersion: request.soap?.protocolVersion, serviceType: 'WSDL' },
      ...{ requestSize: asked?.message, requestMimeSize: mimeSize(asked) },
      ...{ requestAttachmentCount: asked?.attachments },
      ...{ responseSize: answered?.message, responseMimeSize: mimeSize(answered) },
      ...{ responseAttachmentCount: answered?.attachments },
    }
  return {
    ...{ messageProtocolVersion: '1', serviceType: serviceType === 'OPENAPI' ? 'OPENAPI3' : 'REST' },
    restMethod: request?.method,
    // The path that was called may hold a personal code; its pattern cannot.
    restPath: half === 'provider' ? endpoint : undefined,
    ...{ requestSize: asked && asked.message + asked.body, requestAttachmentCount: 0 },
    ...(answered && { responseSize: answered.message + answered.body, responseAttachmentCount: 0 }),
  }
}

function mimeSize(size: Course['asked']): number | undefined {
  return size === undefined || size.attachments === 0 ? undefined : size.message + size.body
}

function actorFields({ request }: Course): Fields {
  const { userId, representedParty } = request?.actors ?? {}
  const cut = representedParty?.indexOf('/') ?? -1
  return {
    ...{ messageUserId: userId, messageIssue: request?.issue },
    ...(representedParty !== undefined && {
      representedPartyClass: cut > 0 ? representedParty.slice(0, cut) : undefined,
      representedPartyCode: representedParty.slice(cut + 1),
    }),
  }
}

function outcomeFields({ request, status, fault }: Course): Fields {
  if (fault !== undefined) {
    // The code of a provider's system is text that the system chose: it may be about a person.
    const faultCode = isCodeOfServers(fault.type) ? fault.type : OF_A_SYSTEM
    return { succeeded: false, faultCode, faultString: faultText(fault) }
  }
  if (request?.protocol === 'SOAP') return { succeeded: true }
  const isError = status !== undefined && status >= FIRST_ERROR && status <= LAST_ERROR
  return { succeeded: status !== undefined && !isError, statusCode: status }
}

/** Only of servers: what a provider's system says may be about a person. */
function faultText({ type, message }: WireFault): string | undefined {
  if (!isCodeOfServers(type) || QUOTED.test(type)) return undefined
  return message.slice(0, MOST_FAULT_TEXT)
}

/** In its place: a copy of thirty fields would be the largest object of an exchange. */
function shortened(fields: Fields): OperationalRecord {
  for (const name of Object.keys(fields)) {
    const value = fields[name]
    if (typeof value === 'string' && value.length > MOST_TEXT && name !== 'faultString')
      fields[name] = value.slice(0, MOST_TEXT)
  }
  return fields as OperationalRecord
}
