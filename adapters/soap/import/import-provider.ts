/**
 * The provider gateway of X-Road's REST adapter service as settings of the adapter that makes a REST service
 * a SOAP service: one file for each REST system. What its WSDL says of requests decides which parameter goes
 * where, as far as it can be read.
 */

import { attributeKey, type ComplexType, elementsOf, type SimpleType } from '#core/wsdl/model.ts'
import { readOperations, type SoapOperation, type SoapOperations } from '#core/wsdl/read-operations.ts'
import { idText } from '#schemas/identifiers.ts'
import { readDocuments } from '../read-documents.ts'
import {
  type GatewayService,
  gatewayService,
  generalNotes,
  type Imported,
  type NumberedService,
  numberedServices,
  OWN_ADDRESS,
  type Properties,
  serviceNotes,
} from './gateway.ts'
import { renamed } from './rename.ts'
import { systemOf } from './system-of.ts'

const NAMESPACES = ['namespace.serialize', 'namespace.deserialize', 'namespace.prefix.serialize']
const GENERAL = ['wsdl.path', 'wrappers', ...NAMESPACES]
const FILTERS = [
  'NameFilterCondition',
  'NameFilterOperation',
  'ValueFilterCondition',
  'ValueFilterOperation',
].map((one) => `reqParam${one}`)
const OF_SERVICES = [
  ...['id', 'url', 'verb', 'contenttype', 'accept', 'response.attachment', 'request.xrdheaders', 'wrappers'],
  ...[...NAMESPACES, ...FILTERS],
]
const WITH_BODY = ['POST', 'PUT']
const RESOURCE = 'resourceId'
const BODY = 'RESTGatewayRequestBody'

type Known = { service: GatewayService; numbered: NumberedService; url: URL }
type Mapped = { operation: object; notes: string[] }

/** `wsdl` finds the file that wsdl.path names, beside the settings. */
export async function importProvider(
  general: Properties,
  services: Properties,
  wsdl: string,
): Promise<Imported[]> {
  const { operations, why } = await readWsdl(wsdl)
  const groups = new Map<string, Known[]>()
  const lost: string[] = []
  for (const numbered of numberedServices(services)) {
    const { number, of } = numbered
    const service = gatewayService(of.get('id') ?? '')
    const url = URL.parse(of.get('url') ?? '')
    if (service === undefined || url === null || !['http:', 'https:'].includes(url.protocol)) {
      const what =
        service === undefined
          ? `id=${of.get('id') ?? ''}: no service of a subsystem`
          : `url=${of.get('url') ?? ''}: no address`
      lost.push(`${number}.${what}: left out`)
      continue
    }
    const { serviceCode: _code, serviceVersion: _version, ...owner } = service
    const key = `${idText(owner)} ${url.origin}`
    groups.set(key, [...(groups.get(key) ?? []), { service, numbered, url }])
  }
  return [...groups].map(([key, group], at) => {
    const [provider = ''] = key.split(' ')
    const { system, notes } = systemOf(group[0]!.url.origin, `${group[0]!.numbered.number}.url`)
    const mapped = group.map((one) => operationOf(one, general, operations))
    const codes = group.map(({ service }) => service.serviceCode)
    return {
      name: at === 0 ? 'rest-as-soap.yaml' : `rest-as-soap-${at + 1}.yaml`,
      settings: {
        ...{ listen: {}, service: { code: 'gateway', title: `Services of ${provider}` } },
        ...{ system, wsdl: { file: general.get('wsdl.path') ?? './provider.wsdl' }, provider },
        operations: mapped.map(({ operation }) => operation),
      },
      notes: [
        ...(why === undefined ? [] : [`wsdl.path: ${why}`]),
        ...(operations?.names.some((name) => !codes.includes(name)) === true
          ? ['wsdl.path: it has more operations than this system; each system needs a WSDL of its own']
          : []),
        'X-XRd-Client, X-XRd-UserId and X-XRd-MessageId are X-Road-Client, X-Road-UserId and X-Road-Id now; X-XRd-Service is not sent',
        'the system has to answer JSON whose members are called as the elements of the WSDL',
        ...(at === 0 ? lost : [OWN_ADDRESS]),
        ...[...notes, ...mapped.flatMap((one) => one.notes), ...generalNotes(general, GENERAL)],
      ],
    }
  })
}

async function readWsdl(file: string): Promise<{ operations?: SoapOperations; why?: string }> {
  try {
    return { operations: readOperations(await readDocuments(file), undefined) }
  } catch (thrown) {
    return { why: `it is not read (${reason(thrown)}); fill in what each request has` }
  }
}

function operationOf(
  { service, numbered, url }: Known,
  general: Properties,
  known: SoapOperations | undefined,
): Mapped {
  const { number, of } = numbered
  const notes: string[] = []
  const verb = (of.get('verb') ?? 'GET').toUpperCase()
  const method = ['GET', 'POST', 'PUT', 'DELETE'].includes(verb) ? verb : 'GET'
  if (method !== verb) notes.push(`${number}.verb=${verb}: not known, GET is written`)
  if (url.search !== '') notes.push(`${number}.url: what is always in the query (${url.search}) has no place`)
  if (url.pathname.length > 1 && url.pathname.endsWith('/'))
    notes.push(`${number}.url: the slash at the end of its path is dropped`)
  const json = /json/i
  for (const key of ['accept', 'contenttype'])
    if (of.has(key) && !json.test(of.get(key)!))
      notes.push(`${number}.${key}=${of.get(key)}: only JSON is sent and read`)
  if (of.get('response.attachment') === 'true')
    notes.push(`${number}.response.attachment: answers are in the body of the message, by its schema`)
  if (of.get('request.xrdheaders') === 'false')
    notes.push(`${number}.request.xrdheaders: the system always gets X-Road's headers`)
  if (FILTERS.slice(2).some((key) => of.has(key)))
    notes.push(`${number}.reqParamValueFilter…: values are not changed`)
  const operation = found(known, service.serviceCode)
  if (known !== undefined && typeof operation !== 'object')
    notes.push(`${number}.id: ${operation ?? 'not in the WSDL'}; write what its request has`)
  const wrapped = (of.get('wrappers') ?? general.get('wrappers') ?? 'true') !== 'false'
  const mapped = typeof operation === 'object' ? placesOf(operation, method, wrapped) : { query: {} }
  const query: Record<string, string> = {}
  for (const [name, place] of Object.entries(mapped.query)) {
    const now = renamed(name, of.get(FILTERS[0]!), of.get(FILTERS[1]!))
    if (now === undefined) notes.push(`${number}.${FILTERS[0]}: is no expression that is understood here`)
    query[now ?? name] = place
  }
  const path = url.pathname.replace(/\/{2,}/g, '/').replace(/\/+$/, '')
  const { query: _query, resource, ...more } = mapped
  return {
    operation: {
      ...{ name: service.serviceCode, method, path: resource === undefined ? path : `${path}/{${resource}}` },
      ...(Object.keys(query).length > 0 && { query }),
      ...more,
    },
    notes: [...notes, ...serviceNotes(numbered, OF_SERVICES)],
  }
}

type Places = {
  query: Record<string, string>
  resource?: string
  bodyFrom?: string
  leftOut?: string[]
  answerInto?: string
}

/** As the gateway does it: `resourceId` ends the path, a body is a body, all else is a parameter. */
function placesOf({ input, output }: SoapOperation, method: string, wrapped: boolean): Places {
  const before = wrapped ? 'request/' : ''
  const type = inside(input.type(), wrapped ? 'request' : undefined)
  const places: Places = { query: {} }
  for (const { name, type: typeOf } of type?.kind === 'complex' ? elementsOf(type.content) : []) {
    const place = `${before}${name}`
    if (name === RESOURCE) places.resource = place
    else if (WITH_BODY.includes(method) && (name === BODY || typeOf().kind === 'complex'))
      places.bodyFrom = place
    else places.query[name] = place
  }
  // The gateway does not look at attributes.
  const ignored =
    type?.kind === 'complex' ? type.attributes.map((one) => before + attributeKey(one.name)) : []
  if (ignored.length > 0) places.leftOut = ignored
  if (wrapped && inside(output.type(), 'response') !== undefined) places.answerInto = 'response'
  return places
}

function inside(
  type: SimpleType | ComplexType,
  name: string | undefined,
): SimpleType | ComplexType | undefined {
  if (name === undefined) return type
  return type.kind === 'complex'
    ? elementsOf(type.content)
        .find((one) => one.name === name)
        ?.type()
    : undefined
}

/** What is not supported is said, and so is a request of a type that is not. */
function found(known: SoapOperations | undefined, name: string): SoapOperation | string | undefined {
  if (known === undefined || !known.names.includes(name)) return undefined
  try {
    const operation = known.find(name)
    const types = [
      inside(operation.input.type(), 'request') ?? operation.input.type(),
      operation.output.type(),
    ]
    for (const type of types)
      for (const one of type.kind === 'complex' ? elementsOf(type.content) : []) one.type()
    return operation
  } catch (thrown) {
    return reason(thrown)
  }
}

function reason(thrown: unknown): string {
  const { what, message } = thrown as { what?: string; message: string }
  return what ?? message
}
