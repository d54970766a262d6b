/** The settings of one security server: what the YAML file may say, checked before anything starts. */
import { ALGORITHM_ENDS } from '#core/evidence/validation-policy.ts'
import { type AuditStreamSettings, auditStreamSchema } from '#platform/audit-log/stream-settings.ts'
import { checkLogin, type LoginFile, loginProperties } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type ListenAddress = { address: string; port: number }

export type Settings = {
  server: string
  directory: string
  database: string
  messageLogDatabase: string
  pinFile: string
  peers: {
    address: string
    messagePort: number
    ocspPort: number
    xroadTlsPeers: string[]
    perSecond: number
    underWay: number
  }
  clients: { http?: ListenAddress; https?: ListenAddress }
  admin: ListenAddress & { initialApiKeyFile?: string }
  /** Where persons log in; without it API keys alone work. */
  login?: LoginFile
  auditing: {
    contentFourEyes: boolean
    ordersNeedApproval: boolean
    authorities: { name: string; certificateSha256: string; secret: boolean }[]
  }
  limits: { bodyBytes: number; replyTimeoutSeconds: number; unstampedHours: number }
  /** This server as a witness of others' logs. */
  witness?: { name: string }
  /** Who witnesses the log of this one. */
  witnesses?: { policyFile: string; own: string[] }
  verification: { hour: number; fullEveryDays: number }
  archives: { path?: string; maxFileBytes: number }
  evidenceRecords: {
    intervalHours: number
    renewBeforeDays: number
    algorithmEnds: string[]
  }
  auditStream?: AuditStreamSettings
  redisUrlFile?: string
  logLevel: string
  development: boolean
  killPoint?: string
}

const DAY = '20\\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])'

const listen = (port: number): object => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    address: { type: 'string', default: '127.0.0.1', description: 'The address to listen on' },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: port },
  },
})

/** JSON Schema 2020-12 of the file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['server', 'directory', 'database', 'messageLogDatabase', 'pinFile'],
  properties: {
    server: { type: 'string', description: 'INSTANCE/CLASS/CODE/SERVERCODE of this server' },
    directory: {
      type: 'string',
      'x-path': true,
      description: 'Keys, configuration and large bodies lie here',
    },
    database: { type: 'string', description: 'sqlite:/path or postgres://: clients, services, rights, jobs' },
    messageLogDatabase: {
      type: 'string',
      description: 'sqlite:/path or postgres://: the message log, apart from the rest',
    },
    pinFile: { type: 'string', 'x-path': true, description: 'The PIN of the software token, mode 0600' },
    peers: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        address: {
          type: 'string',
          default: '127.0.0.1',
          description: 'Where other security servers reach us',
        },
        messagePort: { type: 'integer', minimum: 1, maximum: 65535, default: 5500 },
        ocspPort: { type: 'integer', minimum: 1, maximum: 65535, default: 5577 },
        xroadTlsPeers: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'Servers (INSTANCE/CLASS/CODE/SERVERCODE) that may use the TLS 1.2 profile of X-Road',
        },
        perSecond: {
          type: 'number',
          exclusiveMinimum: 0,
          default: 1000,
          description: 'Requests a second of one peer',
        },
        underWay: {
          type: 'integer',
          minimum: 1,
          default: 256,
          description: 'Requests of one peer at the same time',
        },
      },
    },
    clients: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: { http: listen(8080), https: listen(8443) },
    },
    admin: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 4000 },
        initialApiKeyFile: {
          type: 'string',
          'x-path': true,
          description: 'Where the first API key is written, once, mode 0600, when there is none yet',
        },
      },
    },
    login: {
      type: 'object',
      additionalProperties: false,
      required: ['issuer', 'clientId', 'clientSecretFile', 'baseUrl', 'contact'],
      description: 'How persons log in; without it only API keys work',
      properties: loginProperties,
    },
    auditing: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        contentFourEyes: {
          type: 'boolean',
          default: false,
          description: 'Content is shown to an auditor only when a second one has agreed',
        },
        ordersNeedApproval: {
          type: 'boolean',
          default: false,
          description: 'An audit order is answered only when somebody here has agreed; they may refuse it',
        },
        authorities: {
          type: 'array',
          maxItems: 10,
          default: [],
          description: 'Who may order audits; orders of others are refused',
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['name', 'certificateSha256'],
            properties: {
              name: { type: 'string', minLength: 1, maxLength: 100, description: 'As its orders name it' },
              certificateSha256: {
                type: 'string',
                pattern: '^[0-9a-fA-F]{64}$',
                description: 'SHA-256 of the certificate of the key that signs its orders',
              },
              secret: {
                type: 'boolean',
                default: false,
                description: 'It may see what is under secret contracts too',
              },
            },
          },
        },
      },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        bodyBytes: {
          type: 'integer',
          minimum: 1024,
          default: 10737418240,
          description: 'The largest body, in bytes',
        },
        replyTimeoutSeconds: {
          type: 'integer',
          minimum: 1,
          default: 90,
          description: 'How long a peer may take to answer',
        },
        unstampedHours: {
          type: 'number',
          exclusiveMinimum: 0,
          default: 4,
          description: 'No exchange when a record is unstamped for longer',
        },
      },
    },
    witness: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      description: "Cosigns the checkpoints of other servers' message logs",
      properties: {
        name: {
          type: 'string',
          pattern: '^[^\\s+\\p{Cc}]+$',
          maxLength: 200,
          description: "The name of the witness's key",
        },
      },
    },
    witnesses: {
      type: 'object',
      additionalProperties: false,
      required: ['policyFile'],
      description: "Who cosigns the checkpoints of this server's message log",
      properties: {
        policyFile: { type: 'string', 'x-path': true, description: 'A C2SP tlog-policy file' },
        own: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'Witnesses of that file that the operator of this server runs',
        },
      },
    },
    verification: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        hour: {
          type: 'integer',
          minimum: 0,
          maximum: 23,
          default: 1,
          description: 'After which hour (UTC) the message log is verified each day',
        },
        fullEveryDays: {
          type: 'integer',
          minimum: 1,
          maximum: 366,
          default: 7,
          description: 'Every so many days from the first record on',
        },
      },
    },
    archives: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        path: {
          type: 'string',
          'x-path': true,
          description: 'Where archives of the message log go; archives in `directory` when absent',
        },
        maxFileBytes: {
          type: 'integer',
          minimum: 65536,
          default: 33554432,
          description: 'A new archive is begun when contents of so many bytes are in one',
        },
      },
    },
    evidenceRecords: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        intervalHours: {
          type: 'number',
          minimum: 1,
          default: 24,
          description: 'How often an evidence record over the tree head is made',
        },
        renewBeforeDays: {
          type: 'integer',
          minimum: 1,
          default: 90,
          description: 'How long before it ceases to count an evidence record is renewed',
        },
        algorithmEnds: {
          type: 'array',
          items: { type: 'string', pattern: `^(${Object.keys(ALGORITHM_ENDS).join('|')}) ${DAY}$` },
          default: [],
          description:
            'Last days of algorithms (SHA-256 2029-12-31), where they differ from docs/validation-policy.md',
        },
      },
    },
    auditStream: auditStreamSchema,
    redisUrlFile: {
      type: 'string',
      'x-path': true,
      description: 'File with the redis:// URL for jobs on several nodes',
    },
    logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
    development: { type: 'boolean', default: false, description: 'Allows killPoint; never in production' },
    killPoint: {
      type: 'string',
      description: 'For crash tests: the process kills itself there (development only)',
    },
  },
} as const

/** Throws `invalid_configuration` for settings that are each allowed but not together. */
export function checkSettings({ login, auditing }: Pick<Settings, 'login' | 'auditing'>): void {
  if (login !== undefined) checkLogin(login)
  else if (auditing.contentFourEyes)
    throw new Fault('invalid_configuration', {
      what: 'auditing.contentFourEyes needs login: a second auditor agrees in person',
    })
}
