/**
 * The settings of the SQL adapter: the database, its limits, and the mapping of tables and queries to
 * addresses.
 */
import type { ValueRule } from '#adapters/kit/field-types.ts'
import { named, resourcePath, valueRule } from '#adapters/kit/mapping-settings.ts'
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'

export type Comparison = 'eq' | 'in' | 'gt' | 'ge' | 'lt' | 'le' | 'prefix'

type FieldSettings = ValueRule & {
  /** The column; by default it is called like the field. */
  column?: string
  filters: Comparison[]
  /** Whether clients may sort by it. */
  order: boolean
  nullable: boolean
}

type ParameterSettings = ValueRule & { required: boolean }

export type ResourceSettings = {
  path: string
  summary: string
  table?: string
  schema?: string
  query?: string
  parameters: Record<string, ParameterSettings>
  fields: Record<string, FieldSettings>
  /** Fields that together are different in every row. */
  key: string[]
  /** Rows that are given at all: columns and what they must equal. */
  where: Record<string, string | number | boolean | null>
  /** One object, or 404, in place of a list. */
  one: boolean
  page: { standard: number; most: number }
}

export type DatabaseSettings = {
  kind: 'sqlite' | 'postgresql' | 'mariadb'
  file?: string
  host?: string
  port?: number
  name?: string
  user?: string
  passwordFile?: string
  authorityFile?: string
}

export type LimitSettings = { queryMs: number; connections: number; waiting: number; answerBytes: number }

export type SqlSettings = KitSettings & {
  database: DatabaseSettings
  limits: LimitSettings
  resources: ResourceSettings[]
}

/** What a database calls its own things: no control character, and no longer than any of the three allows. */
const identifier = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
} as const

const resource = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'fields'],
  properties: {
    path: resourcePath,
    summary: { type: 'string', maxLength: 300, default: '' },
    table: identifier,
    schema: identifier,
    query: { type: 'string', minLength: 1, maxLength: 20_000 },
    parameters: {
      ...named({
        type: 'object',
        additionalProperties: false,
        required: ['type'],
        properties: { ...valueRule, required: { type: 'boolean', default: true } },
      }),
      default: {},
    },
    fields: {
      ...named({
        type: 'object',
        additionalProperties: false,
        required: ['type'],
        properties: {
          ...valueRule,
          column: identifier,
          filters: {
            type: 'array',
            uniqueItems: true,
            items: { enum: ['eq', 'in', 'gt', 'ge', 'lt', 'le', 'prefix'] },
            default: [],
          },
          order: { type: 'boolean', default: false },
          nullable: { type: 'boolean', default: true },
        },
      }),
      minProperties: 1,
    },
    key: { type: 'array', uniqueItems: true, maxItems: 8, items: { type: 'string' }, default: [] },
    where: {
      type: 'object',
      maxProperties: 20,
      propertyNames: identifier,
      additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
      default: {},
    },
    one: { type: 'boolean', default: false },
    page: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        standard: { type: 'integer', minimum: 1, maximum: 1000, default: 50 },
        most: { type: 'integer', minimum: 1, maximum: 1000, default: 200 },
      },
    },
  },
} as const

export const databaseSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { type: 'string', enum: ['sqlite', 'postgresql', 'mariadb'] },
    file: { type: 'string', 'x-path': true, description: 'SQLite: the file' },
    host: { type: 'string', maxLength: 255, description: 'Name, address, or the path of a socket' },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    name: { type: 'string', maxLength: 128 },
    user: { type: 'string', maxLength: 128 },
    passwordFile: { type: 'string', 'x-path': true, description: 'mode 0600' },
    authorityFile: { type: 'string', 'x-path': true, description: 'PEM: who certifies its TLS' },
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'database', 'resources'],
  properties: {
    ...kitProperties,
    database: databaseSchema,
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        queryMs: { type: 'integer', minimum: 50, maximum: 60_000, default: 5000 },
        connections: { type: 'integer', minimum: 1, maximum: 64, default: 4 },
        waiting: { type: 'integer', minimum: 0, maximum: 10_000, default: 100 },
        answerBytes: { type: 'integer', minimum: 1024, maximum: 33_554_432, default: 1_048_576 },
      },
    },
    resources: { type: 'array', minItems: 1, maxItems: 200, items: resource },
  },
} as const
