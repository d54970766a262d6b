/**
 * The settings of the HTTP adapter: the system, and which paths, methods, query parameters and headers pass
 * between.
 */
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'
import {
  type CallLimits,
  callLimitsProperty,
  HEADER_NAME,
  type SystemSettings,
  systemProperty,
} from '#adapters/kit/system/settings.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export type PathSettings = {
  path: string
  methods: Method[]
  /** The path at the system; the same when absent. */
  to?: string
  /** The query parameters that pass, each with its name at the system. */
  query: Record<string, string>
  /** Whether all others pass too, under their own names. */
  anyQuery: boolean
  summary: string
}

export type HeaderSettings = {
  request: string[]
  set: Record<string, string>
  answer: string[]
}

type DescriptionSettings = { file?: string; url?: string }

export type HttpSettings = KitSettings & {
  system: SystemSettings
  limits: CallLimits
  headers: HeaderSettings
  description: DescriptionSettings
  paths: PathSettings[]
}

/**
 * What the request says of its content, its client and its exchange; nothing that opens doors (Authorization,
 * Cookie).
 */
const REQUEST_HEADERS = [
  ...['accept', 'accept-language', 'content-type', 'content-encoding', 'content-language'],
  ...['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'range', 'prefer'],
  ...['idempotency-key', 'traceparent', 'x-road-client', 'x-road-id', 'x-road-userid'],
  ...['x-road-issue', 'x-road-represented-party'],
]
/**
 * What the answer says of its content; nothing that names the system (Server, Location) or opens doors
 * (Set-Cookie).
 */
const ANSWER_HEADERS = [
  ...['content-type', 'content-encoding', 'content-language', 'content-disposition', 'content-range'],
  ...['accept-ranges', 'etag', 'last-modified', 'cache-control', 'vary', 'retry-after'],
]

const header = { type: 'string', pattern: HEADER_NAME } as const
const headers = (standard: string[]): object => ({
  type: 'array',
  maxItems: 100,
  uniqueItems: true,
  items: header,
  default: standard,
})
const parameter = { type: 'string', minLength: 1, maxLength: 100, pattern: '^[^\\x00-\\x1f\\x7f]+$' } as const

const SEGMENT = '/([A-Za-z0-9._~-]+|\\{[A-Za-z][A-Za-z0-9_]*\\})'
const path = { type: 'string', pattern: `^((${SEGMENT})+(/\\*)?|/\\*)$`, maxLength: 300 } as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'system', 'paths'],
  properties: {
    ...kitProperties,
    system: systemProperty,
    limits: callLimitsProperty,
    headers: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        request: headers(REQUEST_HEADERS),
        set: {
          type: 'object',
          maxProperties: 50,
          propertyNames: header,
          additionalProperties: { type: 'string', maxLength: 500, pattern: '^[\\x20-\\x7e]*$' },
          default: {},
        },
        answer: headers(ANSWER_HEADERS),
      },
    },
    description: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        file: { type: 'string', 'x-path': true, description: "The system's OpenAPI document" },
        url: {
          type: 'string',
          pattern: '^(/[A-Za-z0-9._~-]+)+$',
          maxLength: 500,
          description: 'Where the system gives it, below the address of the system',
        },
      },
    },
    paths: {
      type: 'array',
      minItems: 1,
      maxItems: 500,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['path', 'methods'],
        properties: {
          path,
          methods: {
            type: 'array',
            minItems: 1,
            uniqueItems: true,
            items: { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] },
          },
          to: path,
          query: {
            type: 'object',
            maxProperties: 100,
            propertyNames: parameter,
            additionalProperties: parameter,
            default: {},
          },
          anyQuery: { type: 'boolean', default: false },
          summary: { type: 'string', maxLength: 300, default: '' },
        },
      },
    },
  },
} as const
