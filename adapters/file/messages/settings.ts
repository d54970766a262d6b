/**
 * The settings of files as messages: which files become events for which inboxes or rooms, and which inboxes
 * become files.
 */

import { named, valueRule } from '#adapters/kit/mapping-settings.ts'
import type { TargetSettings } from '#adapters/kit/messages/hand-to.ts'
import { inboxSchema, type OwnServerSettings, ownServerSchema } from '#adapters/kit/messages/own-server.ts'
import type { MonitoringSettings } from '#adapters/kit/settings.ts'
import { kitProperties } from '#adapters/kit/settings.ts'
import {
  type CompleteSettings,
  completeSchema,
  type FieldSettings,
  type FormatSettings,
  formatSchema,
  type SourceSettings,
  sourceSchema,
} from '../settings.ts'

export type DropSettings = TargetSettings & {
  name: string
  files: string
  eventSource: string
  eventType: string
  each: 'file' | 'row'
  contentType: string
  format?: FormatSettings
  fields: Record<string, Omit<FieldSettings, 'filters'>>
  key?: string
  formulas: 'refuse' | 'keep'
  /** What each file is held against: an XML Schema (.xsd), or a JSON Schema (.json). */
  schema?: string
}

export type DeliverSettings = {
  name: string
  inbox: string
  directory: string
  file: string
  content: 'data' | 'event'
}

export type FileMessagesSettings = {
  monitoring: MonitoringSettings
  logLevel: string
  securityServer: OwnServerSettings
  source: SourceSettings
  complete: CompleteSettings
  scanMs: number
  limits: {
    readMs: number
    fileBytes: number
    documentBytes: number
    rows: number
    files: number
    eventBytes: number
    atOnce: number
  }
  drops: DropSettings[]
  deliver: DeliverSettings[]
}

const name = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const
const text = { type: 'string', minLength: 1, maxLength: 1024, pattern: '^[\\u0021-\\u007e]+$' } as const

const drop = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'files', 'eventSource', 'eventType'],
  properties: {
    name,
    files: { type: 'string', minLength: 1, maxLength: 500 },
    inbox: inboxSchema,
    room: inboxSchema,
    eventSource: text,
    eventType: text,
    each: { type: 'string', enum: ['file', 'row'], default: 'file' },
    contentType: {
      ...text,
      maxLength: 255,
      default: 'application/octet-stream',
      pattern: '^[\\u0020-\\u007e]+$',
    },
    format: formatSchema,
    fields: {
      ...named({
        type: 'object',
        additionalProperties: false,
        required: ['type'],
        properties: {
          ...valueRule,
          column: { type: 'string', minLength: 1, maxLength: 500, pattern: '^[^\\u0000-\\u001f\\u007f]+$' },
          nullable: { type: 'boolean', default: true },
        },
      }),
      default: {},
    },
    key: { type: 'string', minLength: 1, maxLength: 62 },
    formulas: { type: 'string', enum: ['refuse', 'keep'], default: 'refuse' },
    schema: {
      ...{ type: 'string', pattern: '\\.(xsd|json)$', 'x-path': true },
      description: 'XML Schema 1.0 or JSON Schema 2020-12; what an XML Schema imports lies beside it',
    },
  },
} as const

const deliver = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'inbox', 'directory', 'file'],
  properties: {
    name,
    inbox: inboxSchema,
    directory: { type: 'string', minLength: 1, maxLength: 1000, pattern: '^/[^\\u0000-\\u001f\\u007f]*$' },
    file: {
      type: 'string',
      maxLength: 100,
      pattern: '^(?!\\.)[^/\\\\{}\\u0000-\\u001f\\u007f]*\\{delivery\\}[^/\\\\{}\\u0000-\\u001f\\u007f]*$',
    },
    content: { type: 'string', enum: ['data', 'event'], default: 'data' },
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['securityServer', 'source'],
  properties: {
    monitoring: kitProperties.monitoring,
    logLevel: kitProperties.logLevel,
    securityServer: ownServerSchema,
    source: sourceSchema,
    complete: completeSchema,
    scanMs: { type: 'integer', minimum: 100, maximum: 3_600_000, default: 2000 },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        readMs: { type: 'integer', minimum: 100, maximum: 86_400_000, default: 600_000 },
        fileBytes: { type: 'integer', minimum: 1024, maximum: 17_179_869_184, default: 1_073_741_824 },
        documentBytes: { type: 'integer', minimum: 1024, maximum: 16_777_216, default: 8_388_608 },
        rows: { type: 'integer', minimum: 1, maximum: 10_000_000, default: 1_000_000 },
        files: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 200_000 },
        eventBytes: { type: 'integer', minimum: 1024, maximum: 4_194_304, default: 1_048_576 },
        atOnce: { type: 'integer', minimum: 1, maximum: 64, default: 8 },
      },
    },
    drops: { type: 'array', maxItems: 100, items: drop, default: [] },
    deliver: { type: 'array', maxItems: 100, items: deliver, default: [] },
  },
} as const
