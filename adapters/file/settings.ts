/**
 * The settings of the file adapter: where the files are, when one is complete, limits, and the mapping of
 * files to addresses.
 */
import type { ValueRule } from '#adapters/kit/field-types.ts'
import { named, resourcePath, valueRule } from '#adapters/kit/mapping-settings.ts'
import { type KitSettings, kitProperties } from '#adapters/kit/settings.ts'

export type Comparison = 'eq' | 'in'

export type FormatSettings = {
  kind: 'csv' | 'json' | 'xml'
  /** CSV. */
  delimiter?: string
  /** CSV: one character, or '' where values are never quoted. */
  quote?: string
  /** CSV: whether the first line names the columns, which are numbers from 1 otherwise. */
  header?: boolean
  encoding?: string
  decimalComma?: boolean
  /** JSON: a JSON Pointer (RFC 6901) to the list of rows, or to one object. */
  pointer?: string
  /** XML: the names from the root to the element that is a row. */
  rows?: string
}

export type FieldSettings = ValueRule & {
  /** The column, member or element; by default it is called like the field. */
  column?: string
  filters: Comparison[]
  nullable: boolean
}

export type ResourceSettings = {
  path: string
  summary: string
  /** The name of the file, with {parameters}. */
  file: string
  format: FormatSettings
  /** The parameters in the name of the file. */
  parameters: Record<string, ValueRule>
  fields: Record<string, FieldSettings>
  /** One object, or 404, in place of a list. */
  one: boolean
  page: { standard: number; most: number }
}

export type SourceSettings = {
  kind: 'folder' | 'sftp'
  folder?: string
  directory?: string
  host?: string
  port?: number
  user?: string
  keyFile?: string
  passwordFile?: string
  hostKeys?: string[]
}

export type CompleteSettings = { by: 'settled' | 'marker' | 'rename'; settleMs: number; marker: string }

export type LimitSettings = {
  readMs: number
  readers: number
  waiting: number
  fileBytes: number
  documentBytes: number
  rows: number
  files: number
  answerBytes: number
}

export type FilesSettings = { list: boolean; read: boolean; names: string }

export type FileSettings = KitSettings & {
  source: SourceSettings
  complete: CompleteSettings
  limits: LimitSettings
  files: FilesSettings
  resources: ResourceSettings[]
}

/** Of the Encoding Standard, as Node's TextDecoder has them. */
const ENCODINGS = [
  ...['utf-8', 'windows-1250', 'windows-1251', 'windows-1252', 'windows-1257', 'iso-8859-2', 'iso-8859-4'],
  ...['iso-8859-13', 'iso-8859-15', 'euc-kr', 'euc-jp', 'shift_jis', 'gb18030', 'big5', 'utf-16le'],
] as const

export const formatSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { type: 'string', enum: ['csv', 'json', 'xml'] },
    delimiter: { type: 'string', pattern: '^[^"\\r\\n\\u0000]$' },
    quote: { type: 'string', pattern: '^[^,;\\s\\u0000]?$' },
    header: { type: 'boolean' },
    encoding: { type: 'string', enum: ENCODINGS },
    decimalComma: { type: 'boolean' },
    pointer: { type: 'string', maxLength: 500, pattern: '^(/([^~/]|~[01])*)*$' },
    rows: { type: 'string', maxLength: 500, pattern: '^(/[^/{}@\\s]+){2,}$' },
  },
} as const

const resource = {
  type: 'object',
  additionalProperties: false,
  required: ['path', 'file', 'format', 'fields'],
  properties: {
    path: resourcePath,
    summary: { type: 'string', maxLength: 300, default: '' },
    file: {
      type: 'string',
      maxLength: 200,
      pattern: '^(?!\\.)([^/\\\\{}\\u0000-\\u001f\\u007f]|\\{[A-Za-z][A-Za-z0-9_]*\\})+$',
    },
    format: formatSchema,
    parameters: {
      ...named({ type: 'object', additionalProperties: false, required: ['type'], properties: valueRule }),
      default: {},
    },
    fields: {
      ...named({
        type: 'object',
        additionalProperties: false,
        required: ['type'],
        properties: {
          ...valueRule,
          column: { type: 'string', minLength: 1, maxLength: 500, pattern: '^[^\\u0000-\\u001f\\u007f]+$' },
          filters: { type: 'array', uniqueItems: true, items: { enum: ['eq', 'in'] }, default: [] },
          nullable: { type: 'boolean', default: true },
        },
      }),
      minProperties: 1,
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

export const sourceSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['kind'],
  properties: {
    kind: { type: 'string', enum: ['folder', 'sftp'] },
    folder: { type: 'string', 'x-path': true, description: 'folder: files of its own, not of folders in it' },
    directory: { type: 'string', maxLength: 1000, pattern: '^/[^\\u0000-\\u001f\\u007f]*$' },
    host: { type: 'string', minLength: 1, maxLength: 255 },
    port: { type: 'integer', minimum: 1, maximum: 65535 },
    user: { type: 'string', minLength: 1, maxLength: 128 },
    keyFile: { type: 'string', 'x-path': true, description: 'mode 0600' },
    passwordFile: { type: 'string', 'x-path': true, description: 'mode 0600' },
    hostKeys: {
      type: 'array',
      minItems: 1,
      maxItems: 10,
      items: { type: 'string', pattern: '^SHA256:[A-Za-z0-9+/]{43}$' },
    },
  },
} as const

export const completeSchema = {
  type: 'object',
  additionalProperties: false,
  default: {},
  properties: {
    by: { type: 'string', enum: ['settled', 'marker', 'rename'], default: 'settled' },
    settleMs: { type: 'integer', minimum: 100, maximum: 60_000, default: 2000 },
    marker: { type: 'string', pattern: '^\\.[A-Za-z0-9._-]{1,30}$', default: '.done' },
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'service', 'source', 'resources'],
  properties: {
    ...kitProperties,
    source: sourceSchema,
    complete: completeSchema,
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        readMs: { type: 'integer', minimum: 100, maximum: 600_000, default: 10_000 },
        readers: { type: 'integer', minimum: 1, maximum: 64, default: 4 },
        waiting: { type: 'integer', minimum: 0, maximum: 10_000, default: 100 },
        fileBytes: { type: 'integer', minimum: 1024, maximum: 17_179_869_184, default: 67_108_864 },
        documentBytes: { type: 'integer', minimum: 1024, maximum: 16_777_216, default: 8_388_608 },
        rows: { type: 'integer', minimum: 1, maximum: 10_000_000, default: 1_000_000 },
        files: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 200_000 },
        answerBytes: { type: 'integer', minimum: 1024, maximum: 33_554_432, default: 1_048_576 },
      },
    },
    files: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        list: { type: 'boolean', default: false },
        read: { type: 'boolean', default: false },
        names: { type: 'string', minLength: 1, maxLength: 500, default: '^$' },
      },
    },
    resources: { type: 'array', maxItems: 200, items: resource },
  },
} as const
