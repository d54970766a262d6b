/**
 * The settings of rows as messages: the outbox table whose rows become events, and the statements that
 * inboxes call.
 */
import { inboxSchema, type OwnServerSettings, ownServerSchema } from '#adapters/kit/messages/own-server.ts'
import { kitProperties, type MonitoringSettings } from '#adapters/kit/settings.ts'
import { type DatabaseSettings, databaseSchema } from '../settings.ts'

export type OutboxSettings = { eventSource: string; after: 'delete' | 'mark' }

export type ReceiveSettings = {
  name: string
  inbox: string
  statement: string
  values: Record<string, string>
}

export type SqlMessagesSettings = {
  monitoring: MonitoringSettings
  logLevel: string
  securityServer: OwnServerSettings
  database: DatabaseSettings
  pollMs: number
  limits: { queryMs: number; rows: number; atOnce: number }
  outbox?: OutboxSettings
  receive: ReceiveSettings[]
}

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['securityServer', 'database'],
  properties: {
    monitoring: kitProperties.monitoring,
    logLevel: kitProperties.logLevel,
    securityServer: ownServerSchema,
    database: databaseSchema,
    pollMs: { type: 'integer', minimum: 50, maximum: 3_600_000, default: 1000 },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        queryMs: { type: 'integer', minimum: 50, maximum: 60_000, default: 5000 },
        rows: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
        atOnce: { type: 'integer', minimum: 1, maximum: 64, default: 8 },
      },
    },
    outbox: {
      type: 'object',
      additionalProperties: false,
      required: ['eventSource'],
      properties: {
        eventSource: { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[\\u0021-\\u007e]+$' },
        after: { type: 'string', enum: ['delete', 'mark'], default: 'delete' },
      },
    },
    receive: {
      type: 'array',
      maxItems: 100,
      default: [],
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'inbox', 'statement'],
        properties: {
          name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
          inbox: inboxSchema,
          statement: { type: 'string', minLength: 1, maxLength: 20_000 },
          values: {
            type: 'object',
            maxProperties: 200,
            propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_]{0,62}$' },
            additionalProperties: { type: 'string', maxLength: 500, pattern: '^(/([^~/]|~[01])*)*$' },
            default: {},
          },
        },
      },
    },
  },
} as const
