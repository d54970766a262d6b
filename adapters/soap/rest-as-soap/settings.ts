/**
 * The settings of the adapter that makes a REST service a SOAP service: the WSDL, and for each of its
 * operations a call.
 */
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'
import {
  type CallLimits,
  callLimitsProperty,
  checkSystem,
  type SystemSettings,
  systemProperty,
} from '#adapters/kit/system/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { parseClientId, parseServiceId, parseSubsystemId } from '#schemas/identifiers.ts'

type FaultSettings = { status: number; code: 'Client' | 'Server'; text?: string }

export type MappedOperation = {
  /** Of the WSDL, which is the code of the service. */
  name: string
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With places of the request in braces: /owners/{code}. */
  path: string
  /** Names of the query with the places of the request that they get. */
  query: Record<string, string>
  /** `rest`: what neither path nor query takes. By the method when absent: `rest` where it has a body. */
  body?: 'none' | 'whole' | 'rest'
  /** A place of the request that is the body, instead of the above. */
  bodyFrom?: string
  /** Elements of the request that are not passed on. */
  leftOut: string[]
  /** The place of the response's element that the JSON of the answer is; the whole element when absent. */
  answerInto?: string
  /** Statuses that mean an answer without content. */
  empty: number[]
  faults: FaultSettings[]
}

export type RestAsSoapSettings = KitSettings & {
  /** The agency's REST system; with `consumer`, the own security server. */
  system: SystemSettings
  limits: CallLimits
  wsdl: { file: string; port?: string }
  /** The subsystem that requests name as the provider. */
  provider: string
  /** Asks a REST service of another agency through the own security server, for these clients. */
  consumer?: { service: string; clients: string[] }
  unknown: 'refuse' | 'leave-out'
  /** The JSON Pointer of the text in a refusal of the system that its client is told. */
  faultText?: string
  operations: MappedOperation[]
}

const PLACE = '^[^/\\s{}]+(/[^/\\s{}]+)*$'
const place = { type: 'string', pattern: PLACE, maxLength: 500 } as const
const status = { type: 'integer', minimum: 200, maximum: 599 } as const
const statuses = { type: 'array', maxItems: 50, items: status, default: [] } as const

const operation = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'method', 'path'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 255 },
    method: { type: 'string', enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] },
    path: {
      type: 'string',
      pattern: "^(/([A-Za-z0-9._~!$&'()*+,;=:@-]|\\{[^{}/]+(/[^{}/]+)*\\})+)*$",
      maxLength: 500,
    },
    query: {
      type: 'object',
      maxProperties: 100,
      propertyNames: { maxLength: 255, minLength: 1 },
      additionalProperties: place,
      default: {},
    },
    body: { type: 'string', enum: ['none', 'whole', 'rest'] },
    bodyFrom: place,
    leftOut: { type: 'array', maxItems: 500, items: { type: 'string', maxLength: 255 }, default: [] },
    answerInto: place,
    empty: statuses,
    faults: {
      type: 'array',
      maxItems: 50,
      default: [],
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['status', 'code'],
        properties: {
          status,
          code: { type: 'string', enum: ['Client', 'Server'] },
          text: { type: 'string', minLength: 1, maxLength: 500, pattern: '^[^\\x00-\\x1f\\x7f]+$' },
        },
      },
    },
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'system', 'wsdl', 'provider', 'operations'],
  properties: {
    ...kitProperties,
    system: systemProperty,
    limits: {
      ...callLimitsProperty,
      properties: {
        ...callLimitsProperty.properties,
        // XML of others is read on the one thread.
        requestBytes: { type: 'integer', minimum: 1, maximum: 10_485_760, default: 1_048_576 },
      },
    },
    wsdl: {
      type: 'object',
      additionalProperties: false,
      required: ['file'],
      properties: {
        file: { type: 'string', 'x-path': true, description: 'WSDL 1.1; what it imports lies beside it' },
        port: { type: 'string', maxLength: 255 },
      },
    },
    provider: { type: 'string', maxLength: 1100 },
    consumer: {
      type: 'object',
      additionalProperties: false,
      required: ['service', 'clients'],
      properties: {
        service: { type: 'string', maxLength: 1400 },
        clients: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', maxLength: 1100 } },
      },
    },
    unknown: { type: 'string', enum: ['refuse', 'leave-out'], default: 'refuse' },
    faultText: { type: 'string', pattern: '^(/[^/]*)+$', maxLength: 300 },
    operations: { type: 'array', minItems: 1, maxItems: 500, items: operation },
  },
} as const

export function checkSettings(settings: RestAsSoapSettings, problem: Problem): void {
  const { system, limits, provider, consumer, operations } = settings
  checkSystem(system, problem)
  if (limits.answerMs > limits.wholeMs) throw problem(['limits', 'answerMs'], 'is above limits.wholeMs')
  const reads = (keys: string[], what: string, read: () => unknown): void => {
    try {
      read()
    } catch {
      throw problem(keys, `must be ${what}`)
    }
  }
  reads(['provider'], 'INSTANCE/CLASS/CODE/SUBSYSTEM', () => parseSubsystemId(provider))
  if (consumer !== undefined) {
    const { service, clients } = consumer
    reads(['consumer', 'service'], 'INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE, without a version', () => {
      if (parseServiceId(service).serviceVersion !== undefined) throw new Error('REST knows no versions')
    })
    for (const [at, client] of clients.entries())
      reads(['consumer', 'clients', String(at)], 'INSTANCE/CLASS/CODE or INSTANCE/CLASS/CODE/SUBSYSTEM', () =>
        parseClientId(client),
      )
  }
  const names = new Set<string>()
  for (const [at, one] of operations.entries()) {
    const where = (...keys: string[]): string[] => ['operations', String(at), ...keys]
    if (names.has(one.name)) throw problem(where('name'), `maps ${one.name} a second time`)
    names.add(one.name)
    if (one.body !== undefined && one.bodyFrom !== undefined)
      throw problem(where('bodyFrom'), 'excludes body')
    const hasBody = one.bodyFrom !== undefined || (one.body !== undefined && one.body !== 'none')
    if (hasBody && !WITH_BODY.has(one.method)) throw problem(where('method'), `${one.method} has no body`)
    const statuses = [...one.empty, ...one.faults.map(({ status }) => status)]
    const twice = statuses.find((each, index) => statuses.indexOf(each) !== index)
    if (twice !== undefined) throw problem(where('faults'), `${twice} has two meanings`)
  }
}

/** X-Road sends the bodies of these alone. */
export const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
