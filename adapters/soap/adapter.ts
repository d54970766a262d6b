/**
 * The SOAP adapter: operations of a document/literal SOAP service as `POST /operation` with JSON. The WSDL
 * and its schemas say how a request is written and an answer is read: order, lists, types, attributes, nil.
 * Nothing is guessed. The service is a system of the own agency, or that of another agency behind the own
 * security server (`consumer`).
 */
import { createHash } from 'node:crypto'
import type { Adapter } from '#adapters/kit/adapter.ts'
import { headersOf } from '#adapters/kit/caller-headers.ts'
import { openSystem, type System } from '#adapters/kit/system/open-system.ts'
import { invalid } from '#core/wsdl/collect-documents.ts'
import { readAnswer } from '#core/wsdl/read-element.ts'
import { readOperations, type SoapOperation, type SoapOperations } from '#core/wsdl/read-operations.ts'
import { writeRequest } from '#core/wsdl/write-element.ts'
import { answer as answerOf } from '#platform/http-service/answer.ts'
import type { OperationHandler } from '#platform/http-service/openapi.ts'
import type { Schema } from '#platform/http-service/openapi-operations.ts'
import { idText, parseClientId, parseSubsystemId } from '#schemas/identifiers.ts'
import { HEADER } from '#schemas/wire.ts'
import { schemaOf } from './describe.ts'
import { readEnvelope, writeEnvelope } from './envelope.ts'
import { readDocuments } from './read-documents.ts'
import { checkSettings, pathOf, type SoapSettings, settingsSchema } from './settings.ts'
import { writeXRoadHeader } from './xroad-header.ts'

export const soapAdapter: Adapter<SoapSettings> = {
  name: 'soap',
  schema: settingsSchema,
  prefix: 'SOAP_ADAPTER',
  check: checkSettings,
  isService: ({ consumer }) => consumer === undefined,
  describe: async (settings) => {
    const { find } = await readWsdl(settings)
    const schemas: Record<string, Schema> = {}
    return settings.operations.map((mapped) => {
      const { input, output } = find(mapped.name)
      return {
        ...{ id: idOf(mapped.name), method: 'post', path: pathOf(mapped), summary: mapped.summary, schemas },
        ...{ parameters: [], mayMiss: false, bodyBytes: settings.limits.requestBytes },
        ...{ body: schemaOf(input, schemas), answer: schemaOf(output, schemas) },
      }
    })
  },
  open: async ({ settings, metrics }) => {
    const { find } = await readWsdl(settings)
    const handlers = settings.operations.map(({ name }) => ({ id: idOf(name), operation: find(name) }))
    const system = await openSystem({ ...settings, metrics })
    return {
      handlers: Object.fromEntries(
        handlers.map(({ id, operation }) => [id, createHandler(operation, system, settings)]),
      ),
      health: {
        system: async () => {
          await system.reach()
          return { ok: true }
        },
      },
      close: system.close,
    }
  },
}

async function readWsdl({ wsdl, operations, consumer }: SoapSettings): Promise<SoapOperations> {
  const found = readOperations(await readDocuments(wsdl.file), wsdl.port)
  for (const { name } of consumer === undefined ? [] : operations)
    if (found.find(name).version !== '1.1') throw invalid(`${name}: X-Road exchanges SOAP 1.1 alone`)
  return found
}

function createHandler(operation: SoapOperation, system: System, settings: SoapSettings): OperationHandler {
  const { limits, faultTexts, xRoadProvider, consumer, unknown } = settings
  const { version, action } = operation
  const service = xRoadProvider && {
    ...parseSubsystemId(xRoadProvider),
    serviceCode: operation.name,
    serviceVersion: operation.serviceVersion,
  }
  const clients = consumer?.clients.map((one) => idText(parseClientId(one)))
  return async ({ body, caller }) => {
    const written = service ? writeXRoadHeader(headersOf(caller), service, clients) : undefined
    const content = writeRequest(operation.input, body)
    const request = writeEnvelope({ version, action }, written?.header ?? '', content)
    const exchange =
      consumer === undefined || written === undefined
        ? undefined
        : { ...written.asked, sha512: createHash('sha512').update(request.body).digest('base64') }
    const answer = await system.call({ method: 'POST', target: '', ...request })
    const element = await readEnvelope(answer, { version, bytes: limits.answerBytes, faultTexts, exchange })
    const json = readAnswer(operation.output, element, unknown === 'leave-out')
    // Proofs are found by the id, which may have been made here.
    return exchange === undefined ? json : answerOf(json, { headers: { [HEADER.id]: exchange.id } })
  }
}

/** Operation ids of OpenAPI are those of handlers, too: no name of an object's own may be one. */
function idOf(name: string): string {
  return `call:${name}`
}
