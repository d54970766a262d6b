/** Asks a provider what it offers to a client and how it is described, by exchanges like any other. */
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { boundaryOf } from '#core/transport/content-type.ts'
import { headerValue } from '#core/transport/header-list.ts'
import { createMultipartParser } from '#core/transport/multipart-parser.ts'
import { withSoapDocument } from '#core/transport/soap-document.ts'
import { escapeXml } from '#core/xml/escape.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { Fault } from '#schemas/fault.ts'
import type { SubsystemId } from '#schemas/identifiers.ts'
import type { Needs, SentAnswer } from './needs.ts'
import { readContent } from './show-answer.ts'
import { newId, writeRest, writeSoapCall } from './write-request.ts'

type Asked = { client: SubsystemId; provider: SubsystemId; caller: Caller }
export type FoundService = {
  serviceCode: string
  serviceVersion?: string
  type: 'REST' | 'OPENAPI' | 'WSDL'
}

type OfferedService = FoundService & { allowed: boolean }
type List = 'allowedMethods' | 'listMethods'

/** As large as a description that a server of ours takes, with what aliases make of it. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_SERVICES = 2_000
const XROAD = 'xmlns:xrd="http://x-road.eu/xsd/xroad.xsd"'

/**
 * What the provider has, of both protocols, and which of it the client may call. Throws what the exchanges
 * throw, and `unreadable_metadata`, also when the other server answered with a fault.
 */
export async function askServices(asked: Asked, rooms: Needs): Promise<OfferedService[]> {
  const [allowed, all] = await Promise.all([
    askBoth(asked, 'allowedMethods', rooms),
    askBoth(asked, 'listMethods', rooms),
  ])
  const may = new Set(allowed.map(nameOf))
  const others = all.filter((one) => !may.has(nameOf(one)))
  return [
    ...allowed.map((one) => ({ ...one, allowed: true })),
    ...others.map((one) => ({ ...one, allowed: false })),
  ].slice(0, MAX_SERVICES)
}

/** A REST and a SOAP service may have the same code. */
function nameOf({ serviceCode, serviceVersion = '', type }: FoundService): string {
  return JSON.stringify([serviceCode, serviceVersion, type === 'WSDL'])
}

async function askBoth(asked: Asked, code: List, rooms: Needs): Promise<FoundService[]> {
  const [rest, soap] = await Promise.all([askRest(asked, code, rooms), askSoap(asked, code, rooms)])
  return [...rest, ...soap]
}

async function askRest(asked: Asked, list: List, rooms: Needs): Promise<FoundService[]> {
  const text = await restMetadata(asked, list, [], rooms)
  try {
    const { service } = JSON.parse(text) as { service: { service_code: unknown; service_type?: unknown }[] }
    return service.map(({ service_code: code, service_type: type }) => {
      if (typeof code !== 'string') throw new TypeError('no code')
      return { serviceCode: code, type: type === 'OPENAPI' ? 'OPENAPI' : 'REST' }
    })
  } catch (cause) {
    throw unreadable(list, cause)
  }
}

async function askSoap(
  { client, provider, caller }: Asked,
  list: List,
  rooms: Needs,
): Promise<FoundService[]> {
  const call = callOf(client, provider, list, rooms)
  const answer = await ask(writeSoapCall(call, `<xrd:${list} ${XROAD}/>`, caller), list, rooms)
  const bytes = await wholeOf(answer, list)
  return withSoapDocument(bytes, (root) => {
    const body = root.children().find(({ name }) => name === 'Body')
    const listed = body?.children()[0]?.children() ?? []
    return listed.flatMap((service): FoundService[] => {
      const textOf = (wanted: string) =>
        service
          .children()
          .find(({ name }) => name === wanted)
          ?.text()
      const [serviceCode, serviceVersion] = [textOf('serviceCode'), textOf('serviceVersion')]
      if (service.name !== 'service' || serviceCode === undefined) return []
      return [{ serviceCode, ...(serviceVersion !== undefined && { serviceVersion }), type: 'WSDL' }]
    })
  })
}

export function askOpenApi(asked: Asked, serviceCode: string, rooms: Needs): Promise<string> {
  return restMetadata(asked, 'getOpenAPI', [{ name: 'serviceCode', value: serviceCode }], rooms)
}

/** The document stands beside the answer, as its one attachment (pr-meta). */
export async function askWsdl(
  { client, provider, caller }: Asked,
  { serviceCode, serviceVersion }: Pick<FoundService, 'serviceCode' | 'serviceVersion'>,
  rooms: Needs,
): Promise<string> {
  const fields = [
    `<xrd:serviceCode>${escapeXml(serviceCode)}</xrd:serviceCode>`,
    serviceVersion === undefined
      ? ''
      : `<xrd:serviceVersion>${escapeXml(serviceVersion)}</xrd:serviceVersion>`,
  ]
  const element = `<xrd:getWsdl ${XROAD}>${fields.join('')}</xrd:getWsdl>`
  const call = callOf(client, provider, 'getWsdl', rooms)
  const answer = await ask(writeSoapCall(call, element, caller), 'getWsdl', rooms)
  const bytes = await wholeOf(answer, 'getWsdl')
  const parts: (() => Buffer)[] = []
  try {
    const parser = createMultipartParser({
      boundary: boundaryOf(headerValue(answer.headers, 'content-type') ?? ''),
      limits: { maxParts: 2, maxHeaderBytes: 16 * 1024 },
      onPart: () => {
        const part = collectBytes(bytes.length, () => unreadable('getWsdl', undefined))
        parts.push(part.bytes)
        return { write: part.write, end: () => undefined }
      },
    })
    await parser.push(bytes)
    parser.finish()
  } catch (cause) {
    throw unreadable('getWsdl', cause)
  }
  if (parts.length !== 2) throw unreadable('getWsdl', undefined)
  return parts[1]!().toString('utf8')
}

async function restMetadata(
  { client, provider, caller }: Asked,
  code: string,
  query: { name: string; value: string }[],
  rooms: Needs,
): Promise<string> {
  const call = callOf(client, provider, code, rooms)
  const request = writeRest(call, { method: 'GET', path: '', query }, caller)
  const answer = await ask(request, code, rooms)
  if (answer.status !== 200) throw unreadable(code, undefined)
  return (await wholeOf(answer, code)).toString('utf8')
}

/** To who asks here, the other server's fault is that of an outside service, not one of this server. */
async function ask(
  request: Parameters<Needs['sendForOperator']>[0],
  code: string,
  rooms: Needs,
): Promise<SentAnswer> {
  try {
    return await rooms.sendForOperator(request)
  } catch (thrown) {
    if (!(thrown instanceof Fault) || thrown.code !== 'peer_fault') throw thrown
    throw new Fault('unreadable_metadata', { what: `${code}: ${thrown.message}`, cause: thrown })
  }
}

function callOf(client: SubsystemId, provider: SubsystemId, serviceCode: string, { server }: Needs) {
  return { client, service: { ...provider, serviceCode }, id: newId(server.instance), case: undefined }
}

async function wholeOf({ body }: SentAnswer, code: string): Promise<Buffer> {
  if (body === undefined || body.size > MAX_BYTES) throw unreadable(code, undefined)
  return readContent(body, MAX_BYTES)
}

function unreadable(code: string, cause: unknown): Fault {
  return new Fault('unreadable_metadata', { what: code, cause })
}
