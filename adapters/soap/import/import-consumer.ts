/**
 * The consumer gateway of X-Road's REST adapter service as settings of the SOAP adapter: one file for each
 * subsystem whose services were asked.
 */
import { idText } from '#schemas/identifiers.ts'
import {
  type GatewayService,
  gatewayClient,
  gatewayService,
  generalNotes,
  type Imported,
  type NumberedService,
  numberedServices,
  OWN_ADDRESS,
  type Properties,
  serviceNotes,
} from './gateway.ts'
import { systemOf } from './system-of.ts'

const NAMESPACES = ['namespace.serialize', 'namespace.deserialize', 'namespace.prefix.serialize']
const GENERAL = ['id.client', 'ss.url', 'serviceCallsByXRdServiceId.enabled', 'wrappers', ...NAMESPACES]
const OF_SERVICES = [
  'id',
  'id.client',
  'path',
  'verb',
  'response.modurl',
  'wrappers',
  'convertPost',
  ...NAMESPACES,
]
const PATH = /^(\/[A-Za-z0-9._~-]+)+$/
const NAME = /^[A-Za-z0-9._~-]+$/

export function importConsumer(general: Properties, services: Properties): Imported[] {
  const groups = new Map<string, { service: GatewayService; numbered: NumberedService }[]>()
  const lost: string[] = []
  for (const numbered of numberedServices(services)) {
    const { number, of } = numbered
    const service = gatewayService(of.get('id') ?? '')
    if (service === undefined || !NAME.test(service.serviceCode)) {
      lost.push(`${number}.id=${of.get('id') ?? ''}: no service of a subsystem, which X-Road wants: left out`)
      continue
    }
    const { serviceCode: _code, serviceVersion: _version, ...owner } = service
    const key = idText(owner)
    groups.set(key, [...(groups.get(key) ?? []), { service, numbered }])
  }
  return [...groups].map(([provider, group], at) => {
    const { system, notes } = systemOf(general.get('ss.url') ?? '', 'ss.url')
    const paths = new Set<string>()
    const operations = group.map(({ service, numbered }) => {
      const mapped = operationOf(service, numbered, paths, general)
      notes.push(...mapped.notes)
      return mapped.operation
    })
    return {
      name: at === 0 ? 'soap.yaml' : `soap-${at + 1}.yaml`,
      settings: {
        ...{ listen: {}, service: { code: 'gateway', title: `Services of ${provider}` } },
        ...{ system, wsdl: { file: './provider.wsdl' }, xRoadProvider: provider },
        ...{ consumer: { clients: clientsOf(general, group) }, operations },
      },
      notes: [
        ...whoAsks(general),
        ...(at === 0 ? [] : [OWN_ADDRESS]),
        ...(at === 0 ? lost : []),
        ...notes,
        ...generalNotes(general, GENERAL),
      ],
    }
  })
}

/** In whose name the services were asked: the general client, and those of single services. */
function clientsOf(general: Properties, group: { numbered: NumberedService }[]): string[] {
  const written = group.map(({ numbered }) => numbered.of.get('id.client') ?? general.get('id.client') ?? '')
  const clients = [...new Set(written)].flatMap((one) => gatewayClient(one) ?? [])
  return clients.length === 0 ? ['INSTANCE/CLASS/CODE/SUBSYSTEM'] : clients
}

/** What every consumer has to know. */
function whoAsks(general: Properties): string[] {
  const client = gatewayClient(general.get('id.client') ?? '')
  return [
    'wsdl.file: the gateway needed none; ask the provider with getWsdl, and put it there',
    `id.client: callers send X-Road-Client: ${client ?? 'INSTANCE/CLASS/CODE/SUBSYSTEM'}, which need not be named where it is the only one; an X-Road-Id is made where they send none`,
    'X-XRd-UserId and X-XRd-MessageId of callers are X-Road-UserId and X-Road-Id now',
    ...(general.get('serviceCallsByXRdServiceId.enabled') === 'true'
      ? ['serviceCallsByXRdServiceId.enabled: no service is asked that is not listed below']
      : []),
    'namespaces, versions, and request and response elements (wrappers) are those of the WSDL',
  ]
}

function operationOf(
  { serviceCode }: GatewayService,
  numbered: NumberedService,
  paths: Set<string>,
  general: Properties,
): { operation: object; notes: string[] } {
  const { number, of } = numbered
  const notes: string[] = []
  const written = of.get('path') ?? ''
  const path = written.replace(/\/\{resourceId\}/g, '').replace(/\/+$/, '')
  const isFree = PATH.test(path) && !paths.has(path)
  if (isFree) paths.add(path)
  else notes.push(`${number}.path=${written}: is /${serviceCode} now`)
  if (written.includes('{resourceId}'))
    notes.push(`${number}.path: what stood for {resourceId} is the member resourceId of the JSON now`)
  const verb = (of.get('verb') ?? 'get').toUpperCase()
  if (verb !== 'POST' || of.get('convertPost') !== 'true')
    notes.push(`${number}.verb=${verb}: is POST now, with the parameters as members of a JSON object`)
  const client = of.get('id.client')
  if (client !== undefined && client !== general.get('id.client'))
    notes.push(
      `${number}.id.client: callers of ${serviceCode} send X-Road-Client: ${gatewayClient(client) ?? client}`,
    )
  if (of.get('response.modurl') === 'true')
    notes.push(`${number}.response.modurl: addresses in answers are not changed`)
  notes.push(...serviceNotes(numbered, OF_SERVICES))
  return { operation: { name: serviceCode, ...(isFree && { path }) }, notes }
}
