/**
 * The metadata services of a provider subsystem in SOAP: listMethods, allowedMethods, getWsdl (pr-meta). Open
 * to every registered member, else an exchange like any other.
 */
import { hash, randomUUID } from 'node:crypto'
import { newBoundary } from '#core/transport/multipart-writer.ts'
import { withSoapDocument } from '#core/transport/soap-document.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import { soapIdentifier, writeSoap } from '#core/transport/write-soap.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, type ServiceId, subsystemOf } from '#schemas/identifiers.ts'
import type { LocalService } from '../local-systems/local-systems.ts'
import type { Body } from '../message/body.ts'
import type { SystemAnswer } from '../message/message.ts'
import { soapOf } from '../message/soap.ts'
import type { Intent } from './log-intent.ts'
import type { ProviderRooms } from './rooms.ts'

const TYPE = 'text/xml; charset=UTF-8'
/** What asks for a WSDL has a code and a version. */
const LARGEST_QUESTION = 64 * 1024
const OK = { status: 200, reason: 'OK' }

export async function answerSoapMetadata(
  { request, message }: Pick<Intent, 'request' | 'message'>,
  rooms: ProviderRooms,
): Promise<SystemAnswer> {
  const asked = soapOf(request)
  if (request.service.serviceCode === 'getWsdl') return answerWsdl(asked, message, request.service, rooms)
  const provider = subsystemOf(request.service)
  const isInGlobalGroup = (code: string): boolean =>
    rooms.globalConfiguration.current().index.isInGlobalGroup(code, request.client)
  const services =
    request.service.serviceCode === 'listMethods'
      ? rooms.localSystems.services(provider)
      : rooms.localSystems.allowedServices({ client: request.client, isInGlobalGroup, provider })
  const listed = services.filter(({ type }) => type === 'WSDL').map(({ id }) => soapIdentifier('service', id))
  return plain(responseTo(asked, listed.join('')))
}

/** The document of a service's description, with a neutral address, beside an empty response. */
async function answerWsdl(
  asked: SoapMessage,
  message: Buffer,
  service: ServiceId,
  { localSystems, messageLog, limits }: ProviderRooms,
): Promise<SystemAnswer> {
  const { serviceCode, serviceVersion } = await wantedService(message)
  const wanted = localSystems.service({ ...subsystemOf(service), serviceCode, serviceVersion })
  if (wanted === undefined) throw new Fault('unknown_service')
  const document = wsdlOf(wanted)
  const bytes = Buffer.from(document)
  const writer = messageLog.spool.begin({ maxBytes: limits.maxBodyBytes })
  await writer.write(bytes)
  const headers: [string, string][] = [
    ['Content-Type', TYPE],
    ['Content-Transfer-Encoding', 'binary'],
    ['Content-ID', `<wsdl=${randomUUID()}@x-road.eu>`],
  ]
  const attachment = { size: bytes.length, sha512: hash('sha512', bytes, 'buffer'), headers }
  const body: Body = { ...(await writer.end()), attachments: [attachment] }
  // An X-Road server on the other side writes its multipart with this boundary.
  const type = `multipart/related; type="text/xml"; charset=UTF-8; boundary="${newBoundary('xatt')}"`
  const answer = plain(responseTo(asked, ''))
  return { ...answer, headers: [['Content-Type', type]], body }
}

function wsdlOf({ id, type, documentText: document }: LocalService): string {
  if (type !== 'WSDL' || document === undefined)
    throw new Fault('service_type', { what: `${idText(id)} has no WSDL description` })
  return document
}

/** What the body of a getWsdl asks for. */
function wantedService(
  message: Buffer,
): Promise<{ serviceCode: string; serviceVersion: string | undefined }> {
  if (message.length > LARGEST_QUESTION) throw new Fault('invalid_request', { what: 'a question that large' })
  return withSoapDocument(message, (root) => {
    const [wrapper] =
      root
        .children()
        .find(({ name }) => name === 'Body')
        ?.children() ?? []
    const fields = wrapper?.children() ?? []
    const textOf = (name: string): string | undefined =>
      fields.find((child) => child.name === name)?.text() || undefined
    const serviceCode = textOf('serviceCode')
    if (serviceCode === undefined) throw new Fault('invalid_request', { what: 'serviceCode is missing' })
    return { serviceCode, serviceVersion: textOf('serviceVersion') }
  })
}

function plain(document: string): SystemAnswer {
  const message = { contentType: TYPE, headers: [], bytes: Buffer.from(document) }
  return { ...OK, headers: [['Content-Type', TYPE]], message, body: undefined }
}

/** A response with the header fields of the request, as the protocol wants them. */
function responseTo(asked: SoapMessage, content: string): string {
  const element = `xrd:${asked.service.serviceCode}Response`
  return writeSoap(asked, `<${element}>${content}</${element}>`)
}
