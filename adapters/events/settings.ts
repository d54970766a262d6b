/**
 * The settings of the events adapter: the own security server, the broker, and which inbox or room goes with
 * which subject or topic.
 */
import type { TargetSettings } from '#adapters/kit/messages/hand-to.ts'
import { kitProperties, type MonitoringSettings } from '#adapters/kit/settings.ts'

/** Where an attribute of an event comes from, when a message is none yet. */
export type ValueSource = {
  text?: string
  header?: string
  /** A JSON Pointer into the message. */
  pointer?: string
  of?: 'position' | 'subject' | 'key'
}

export type SendSettings = TargetSettings & {
  name: string
  /** A subject or topic, with the wildcards of NATS and MQTT. */
  from: string
  /** NATS: where the subject is kept. */
  stream?: string
  /** NATS, Kafka: the name under which the broker remembers how far it was taken. */
  consumer?: string
  format: 'cloudevents' | 'plain'
  attributes?: Record<string, ValueSource>
  contentType?: string
  quarantine: { folder?: string; to?: string; files: number }
}

export type ReceiveSettings = {
  name: string
  inbox: string
  to: string
  mode: 'structured' | 'binary'
  leaseSeconds: number
  pollMs: number
}

export type BrokerSettings = {
  kind: 'nats' | 'mqtt' | 'kafka'
  urls: string[]
  /** What the adapter is called there: durable consumers and sessions are named by it. */
  name: string
  authorityFile?: string
  certificateFile?: string
  keyFile?: string
  user?: string
  passwordFile?: string
  /** Kafka: how user and password are shown. */
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  tokenFile?: string
  nkeyFile?: string
  credentialsFile?: string
  ackWaitSeconds: number
  confirmMs: number
}

export type ServerSettings = {
  url: string
  client: string
  authorityFile?: string
  certificateFile?: string
  keyFile?: string
}

export type LimitSettings = { messages: number; bytes: number; eventBytes: number; atOnce: number }

export type EventsSettings = {
  monitoring: MonitoringSettings
  securityServer: ServerSettings
  broker: BrokerSettings
  send: SendSettings[]
  receive: ReceiveSettings[]
  limits: LimitSettings
  logLevel: string
}

const file = (description: string): object => ({ type: 'string', 'x-path': true, description })
const name = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' } as const
const inbox = { type: 'string', minLength: 9, maxLength: 1500, pattern: '^[^/\\s]+(/[^/\\s]+){4}$' } as const
/** No control character, and no space, which no broker has in a subject. */
const subject = {
  type: 'string',
  minLength: 1,
  maxLength: 500,
  pattern: '^[^\\u0000-\\u0020\\u007f]+$',
} as const
const text = {
  type: 'string',
  minLength: 1,
  maxLength: 1024,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
} as const

const valueSource = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    text,
    header: { ...text, maxLength: 200 },
    pointer: { type: 'string', maxLength: 500, pattern: '^(/([^~/]|~[01])*)*$' },
    of: { type: 'string', enum: ['position', 'subject', 'key'] },
  },
} as const

const send = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'from', 'quarantine'],
  properties: {
    name,
    from: subject,
    stream: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[^\\s.*>/\\\\\\u0000-\\u001f]+$' },
    consumer: name,
    inbox,
    room: inbox,
    format: { type: 'string', enum: ['cloudevents', 'plain'], default: 'cloudevents' },
    attributes: {
      type: 'object',
      maxProperties: 50,
      propertyNames: { pattern: '^[a-z0-9]{1,20}$' },
      additionalProperties: valueSource,
    },
    contentType: { ...text, maxLength: 255 },
    quarantine: {
      type: 'object',
      additionalProperties: false,
      properties: {
        folder: file('What is never taken is written here, with the reason'),
        to: subject,
        files: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 10_000 },
      },
    },
  },
} as const

const receive = {
  type: 'object',
  additionalProperties: false,
  required: ['name', 'inbox', 'to'],
  properties: {
    name,
    inbox,
    to: subject,
    mode: { type: 'string', enum: ['structured', 'binary'], default: 'structured' },
    leaseSeconds: { type: 'integer', minimum: 10, maximum: 3600, default: 60 },
    pollMs: { type: 'integer', minimum: 50, maximum: 600_000, default: 1000 },
  },
} as const

const broker = {
  type: 'object',
  additionalProperties: false,
  required: ['kind', 'urls'],
  dependentRequired: { certificateFile: ['keyFile'], keyFile: ['certificateFile'], passwordFile: ['user'] },
  properties: {
    kind: { type: 'string', enum: ['nats', 'mqtt', 'kafka'] },
    urls: {
      type: 'array',
      minItems: 1,
      maxItems: 20,
      items: { type: 'string', maxLength: 500, pattern: '^(nats|tls|mqtts?|kafkas?)://[^/?#@\\s]+$' },
    },
    name: { ...name, default: 'concordat' },
    authorityFile: file('PEM: who certifies the broker; those whom Node trusts when absent'),
    certificateFile: file('PEM: what the adapter shows the broker'),
    keyFile: file('mode 0600'),
    user: { ...text, maxLength: 255 },
    passwordFile: file('mode 0600'),
    mechanism: {
      type: 'string',
      enum: ['plain', 'scram-sha-256', 'scram-sha-512'],
      default: 'scram-sha-512',
    },
    tokenFile: file('NATS: mode 0600'),
    nkeyFile: file('NATS: the seed of a user, mode 0600'),
    credentialsFile: file('NATS: JWT and seed of a user, mode 0600'),
    ackWaitSeconds: { type: 'integer', minimum: 2, maximum: 3600, default: 30 },
    confirmMs: { type: 'integer', minimum: 100, maximum: 120_000, default: 10_000 },
  },
} as const

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['securityServer', 'broker'],
  properties: {
    monitoring: kitProperties.monitoring,
    securityServer: {
      type: 'object',
      additionalProperties: false,
      required: ['url', 'client'],
      dependentRequired: { certificateFile: ['keyFile'], keyFile: ['certificateFile'] },
      properties: {
        url: { type: 'string', maxLength: 500, pattern: '^https?://[^/?#@\\s]+$' },
        client: { type: 'string', maxLength: 1000, pattern: '^[^/\\s]+(/[^/\\s]+){2,3}$' },
        authorityFile: file('PEM: the certificate of the security server, or who issued it'),
        certificateFile: file("PEM: the system's certificate"),
        keyFile: file('mode 0600'),
      },
    },
    broker,
    send: { type: 'array', maxItems: 100, items: send, default: [] },
    receive: { type: 'array', maxItems: 100, items: receive, default: [] },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        messages: { type: 'integer', minimum: 1, maximum: 10_000, default: 64 },
        bytes: { type: 'integer', minimum: 1_048_576, maximum: 4_294_967_296, default: 67_108_864 },
        eventBytes: { type: 'integer', minimum: 1024, maximum: 4_194_304, default: 1_048_576 },
        atOnce: { type: 'integer', minimum: 1, maximum: 256, default: 16 },
      },
    },
    logLevel: kitProperties.logLevel,
  },
} as const
