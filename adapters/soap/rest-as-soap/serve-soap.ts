/**
 * The SOAP interface: one address that takes X-Road's messages, and answers all that fails with a SOAP fault.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { System } from '#adapters/kit/system/open-system.ts'
import { writeSoapFault } from '#core/transport/fault-xml.ts'
import type { SoapMessage } from '#core/transport/soap-message.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { readRequest } from '#core/wsdl/read-element.ts'
import { writeAnswer } from '#core/wsdl/write-element.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import { readBytes } from '#platform/http-service/read-bodies.ts'
import { Fault, type WireFault } from '#schemas/fault.ts'
import { idText, type ServiceId } from '#schemas/identifiers.ts'
import { makeCall } from './make-call.ts'
import { objectWith } from './places.ts'
import type { Planned } from './plan-operations.ts'
import { MUST_UNDERSTAND, readMessage } from './read-message.ts'
import { readReply } from './read-reply.ts'
import type { RestAsSoapSettings } from './settings.ts'

type Q = { settings: RestAsSoapSettings; operations: ReadonlyMap<string, Planned>; system: System }

const XML_TYPE = 'text/xml; charset=UTF-8'

export function serveSoap(app: FastifyInstance, base: string, q: Q): void {
  const { limits, consumer } = q.settings
  // A scope of its own: its bodies are not parsed, and its faults are those of SOAP.
  void app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', readBytes)
    scope.setErrorHandler((thrown, request, reply) => {
      const fault = toFault(thrown)
      request.log[fault.status >= 500 ? 'error' : 'debug'](
        { err: thrown, detail: fault.detail },
        'request failed',
      )
      reply.faultType = fault.received?.type ?? fault.code
      reply.faultDetail = fault.detail
      // As a security server has it (pr-mess), and as SOAP 1.1 section 6.2 wants it of a service.
      return send(reply.code(consumer === undefined ? 500 : 200), writeSoapFault(faultOf(fault)))
    })
    scope.post(base || '/', { bodyLimit: limits.requestBytes }, async (request, reply) =>
      send(reply, Buffer.from(await answerTo(request, reply, q))),
    )
  })
}

function send(reply: FastifyReply, xml: Buffer): FastifyReply {
  return reply.header('soapaction', '""').type(XML_TYPE).send(xml)
}

async function answerTo(request: FastifyRequest, reply: FastifyReply, q: Q): Promise<string> {
  const { settings, operations, system } = q
  const { consumer, unknown, limits, faultText } = settings
  if (request.headers['content-encoding'] !== undefined)
    throw new Fault('invalid_content_type', { what: 'the message is compressed' })
  const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const { message, element } = await readMessage(request.headers['content-type'], bytes)
  const planned = operations.get(`{${element.namespace}}${element.name}`)
  reply.exchange = {
    ...{ xRoadId: message.id, client: idText(message.client) },
    ...(planned && { operation: planned.operation.name }),
  }
  checkAsked(message, planned, settings)
  const value = readRequest(planned.operation.input, element)
  const before = consumer === undefined ? '' : `/r1/${consumer.service}`
  const answer = await system.call(makeCall(planned, value, message, before))
  const { mapped, operation } = planned
  const exchange = consumer === undefined ? undefined : message.id
  const json = await readReply(answer, { mapped, limits, faultText, exchange })
  const whole =
    json === undefined ? {} : mapped.answerInto === undefined ? json : objectWith(json, mapped.answerInto)
  const content = writeAnswer(operation.output, whole, unknown === 'leave-out')
  return writeSoap(message, content)
}

/** Whether this client may ask this service by this message. */
function checkAsked(
  { client, service }: SoapMessage,
  planned: Planned | undefined,
  { provider, consumer }: RestAsSoapSettings,
): asserts planned is Planned {
  const { serviceCode, serviceVersion, ...owner } = service
  const { operation } = planned ?? {}
  const isThis =
    operation?.name === serviceCode &&
    (serviceVersion ?? operation.serviceVersion) === operation.serviceVersion
  if (!isThis || idText(owner) !== provider)
    throw new Fault('unknown_service', { what: idText(service as ServiceId) })
  if (consumer !== undefined && !consumer.clients.includes(idText(client)))
    throw new Fault('unknown_member', { what: idText(client) })
}

/** A fault of a security server keeps its code; the system's are blamed as SOAP has it. */
function faultOf(fault: Fault): WireFault {
  if (fault.received !== undefined) return fault.received
  const isHeader = fault.cause === MUST_UNDERSTAND
  const code = isHeader ? 'MustUnderstand' : fault.status < 500 ? 'Client' : 'Server'
  return { type: `SOAP-ENV:${code}`, message: fault.message, detail: fault.detail }
}
