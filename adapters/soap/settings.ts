/** The settings of the SOAP adapter: the system, its WSDL, and the operations of it that are served. */
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'
import {
  type CallLimits,
  callLimitsProperty,
  checkSystem,
  type SystemSettings,
  systemProperty,
} from '#adapters/kit/system/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { parseClientId, parseSubsystemId } from '#schemas/identifiers.ts'

type OperationSettings = { name: string; path?: string; summary: string }

export type SoapSettings = KitSettings & {
  system: SystemSettings
  limits: CallLimits
  wsdl: { file: string; port?: string }
  /** What becomes of elements and attributes of an answer that its schema does not have. */
  unknown: 'refuse' | 'leave-out'
  /** Whether the text of a SOAP fault that blames the client is told to it. */
  faultTexts: boolean
  /**
   * The subsystem whose service it is; with it the system gets the headers of X-Road's SOAP protocol, made of
   * those of REST.
   */
  xRoadProvider?: string
  /**
   * The service is that of another agency, `system` the own security server: it is asked for these clients.
   */
  consumer?: { clients: string[] }
  operations: OperationSettings[]
}

/** Of a SOAP message that security servers read (core/transport/soap-document.ts). */
const MAX_MESSAGE_BYTES = 10 * 1024 * 1024

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'system', 'wsdl', 'operations'],
  properties: {
    ...kitProperties,
    system: systemProperty,
    limits: callLimitsProperty,
    wsdl: {
      type: 'object',
      additionalProperties: false,
      required: ['file'],
      properties: {
        file: { type: 'string', 'x-path': true, description: 'WSDL 1.1; what it imports lies beside it' },
        port: { type: 'string', maxLength: 255 },
      },
    },
    unknown: { type: 'string', enum: ['refuse', 'leave-out'], default: 'refuse' },
    faultTexts: { type: 'boolean', default: false },
    xRoadProvider: { type: 'string', maxLength: 1100 },
    consumer: {
      type: 'object',
      additionalProperties: false,
      required: ['clients'],
      properties: {
        clients: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', maxLength: 1100 } },
      },
    },
    operations: {
      type: 'array',
      minItems: 1,
      maxItems: 500,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: {
          name: { type: 'string', pattern: '^[A-Za-z0-9._~-]+$', maxLength: 255 },
          path: { type: 'string', pattern: '^(/[A-Za-z0-9._~-]+)+$', maxLength: 300 },
          summary: { type: 'string', maxLength: 300, default: '' },
        },
      },
    },
  },
} as const

export function checkSettings(settings: SoapSettings, problem: Problem): void {
  const { system, limits, operations, xRoadProvider, consumer } = settings
  checkSystem(system, problem)
  if (limits.answerMs > limits.wholeMs) throw problem(['limits', 'answerMs'], 'is above limits.wholeMs')
  try {
    if (xRoadProvider !== undefined) parseSubsystemId(xRoadProvider)
  } catch {
    throw problem(['xRoadProvider'], 'must be INSTANCE/CLASS/CODE/SUBSYSTEM')
  }
  if (consumer !== undefined && xRoadProvider === undefined)
    throw problem(['consumer'], 'needs xRoadProvider, whose service is asked')
  if (consumer !== undefined && limits.answerBytes > MAX_MESSAGE_BYTES)
    throw problem(['limits', 'answerBytes'], 'is above 10 MiB, the most of an answer of a security server')
  for (const [at, client] of (consumer?.clients ?? []).entries())
    try {
      parseClientId(client)
    } catch {
      const what = 'must be INSTANCE/CLASS/CODE or INSTANCE/CLASS/CODE/SUBSYSTEM'
      throw problem(['consumer', 'clients', String(at)], what)
    }
  const paths = new Set<string>()
  for (const [at, operation] of operations.entries()) {
    const path = pathOf(operation)
    const where = ['operations', String(at), operation.path === undefined ? 'name' : 'path']
    if (paths.has(path)) throw problem(where, `gives ${path} a second time`)
    if (path === '/openapi.json') throw problem(where, 'is that of the description')
    paths.add(path)
  }
}

export function pathOf({ name, path }: Pick<OperationSettings, 'name' | 'path'>): string {
  return path ?? `/${name}`
}
