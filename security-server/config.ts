/** The settings of one security server: the JSON Schema of its YAML file, checked before anything starts. */
import { type AuditStreamSettings, auditStreamSchema } from '#platform/audit-log/stream-settings.ts'
import { type BackupSettings, backupSchema } from '#platform/backups/settings.ts'
import {
  BOTH_FILES,
  checkAdminListener,
  type Listener,
  listenerFiles,
} from '#platform/http-service/listener-tls.ts'
import { type MailSettings, mailSchema } from '#platform/mail/settings.ts'
import { checkLogin, type LoginFile, loginProperties } from '#platform/sessions/settings.ts'
import { type TelemetrySettings, tracedTelemetrySchema } from '#platform/telemetry/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { type ConsentSettings, consentSchema } from './features/consents/settings.ts'
import { checkDeadlines, type DeadlineSettings, deadlinesSchema } from './features/deadlines/settings.ts'
import { type DeliverySettings, deliverySchema } from './features/deliveries/settings.ts'
import { type MonitoringSettings, monitoringSchema } from './features/monitoring/settings.ts'
import {
  checkServerNodes,
  type ServerNodeSettings,
  serverNodesSchema,
  workersSchema,
} from './features/nodes/settings.ts'
import { type NoticeSettings, noticesSchema } from './features/notices/settings.ts'
import { ACT_KINDS, checkFourEyes } from './features/people/four-eyes-policy.ts'
import { type SubjectKeysSettings, subjectKeysSchema } from './features/person-search/settings.ts'
import { type AcmeSettings, acmeSchema } from './features/renewals/settings.ts'
import { type TrackerSettings, trackerSchema } from './features/tracker/settings.ts'
import { checkTryOuts, type TryOutSettings, tryOutSchema } from './features/try-outs/settings.ts'
import { type XRoadApiSettings, xRoadApiSchema } from './features/x-road-api/settings.ts'
import { type PinPolicy, pinPolicySchema } from './keys/pin-policy.ts'
import { checkTokens, type TokenSettings, tokenProperties } from './keys/settings.ts'
import { checkBodyPlace, type KeepingSettings, keepingProperties } from './message-log/settings.ts'
import { type PeerSettings, peersSchema } from './peer/settings.ts'
import {
  checkMandateServices,
  type MandateServiceSettings,
  mandateServicesSchema,
} from './provider/mandate-services/settings.ts'

type ListenAddress = { address: string; port: number }

export type Settings = KeepingSettings &
  TokenSettings & {
    server: string
    directory: string
    database: string
    messageLogDatabase: string
    pinFile?: string
    pinPolicy: PinPolicy
    peers: PeerSettings
    /** The other instances that this server exchanges with: `none`, `all`, or identifiers, as in X-Road. */
    allowedFederations: string[]
    clients: { http?: ListenAddress; https?: ListenAddress }
    admin: Listener & { initialApiKeyFile?: string }
    /** Where X-Road's management API is answered; without it nowhere. */
    xRoadApi?: XRoadApiSettings
    /** The OpenID provider through which people log in; without it only API keys work. */
    login?: LoginFile & { claimCodeFile?: string }
    /** The kinds of acts that take two people here. */
    fourEyes?: string[]
    backups?: BackupSettings | undefined
    auditing: {
      contentFourEyes: boolean
      ordersNeedApproval: boolean
      authorities: { name: string; certificateSha256: string; secret: boolean }[]
    }
    /** How certificates that renew themselves are ordered. */
    acme?: AcmeSettings
    registryReports: { callCounts: boolean }
    tryOuts: TryOutSettings
    monitoring: MonitoringSettings
    limits: { bodyBytes: number; soapBytes: number; replyTimeoutSeconds: number; unstampedHours: number }
    /** After how many days a new log key is made; only when somebody asks for it when absent. */
    logKeyDays?: number
    /** The process that holds the keys for searching the log by person. */
    subjectKeys?: SubjectKeysSettings
    tracker: TrackerSettings
    /** The mail server through which people are told of uses of their data. */
    mail?: MailSettings
    notices?: NoticeSettings
    /** Who is written to before something ends. */
    deadlines?: DeadlineSettings
    consents: ConsentSettings
    /** Where mandates are asked for that service contracts name. */
    mandateServices: MandateServiceSettings[]
    /** Set when this server cosigns the checkpoints of other servers' logs. */
    witness?: { name: string; registryLog: boolean }
    /** The witnesses that cosign the checkpoints of this server's log. */
    witnesses?: { policyFile: string; own: string[] }
    auditStream?: AuditStreamSettings
    telemetry?: TelemetrySettings
    deliveries: DeliverySettings
    redisUrlFile?: string
    /** Set when this server is several nodes that share their keys through the database. */
    nodes?: ServerNodeSettings
    /** How many processes of this machine share its ports, each of them a node. */
    workers: number
    logLevel: string
    development: boolean
    killPoint?: string
  }

const listen = (port: number): object => ({
  type: 'object',
  additionalProperties: false,
  properties: {
    address: { type: 'string', default: '127.0.0.1', description: 'The address to listen on' },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: port },
  },
})

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['server', 'directory', 'database', 'messageLogDatabase'],
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
    pinFile: {
      type: 'string',
      'x-path': true,
      description:
        'The PIN of the software token, mode 0600; without it somebody logs in by hand after each start',
    },
    pinPolicy: pinPolicySchema,
    ...tokenProperties,
    peers: peersSchema,
    allowedFederations: {
      type: 'array',
      items: { type: 'string', minLength: 1, maxLength: 255 },
      default: [],
      description:
        'Other instances to exchange with, of those that the registry has anchors of; `all`, or `none`',
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
      dependentRequired: BOTH_FILES,
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 4000 },
        ...listenerFiles,
        initialApiKeyFile: {
          type: 'string',
          'x-path': true,
          description: 'Where the first API key is written, once, mode 0600, when there is none yet',
        },
      },
    },
    xRoadApi: xRoadApiSchema,
    login: {
      type: 'object',
      additionalProperties: false,
      required: ['issuer', 'clientId', 'clientSecretFile', 'baseUrl', 'contact'],
      description: 'How persons log in; without it only API keys work',
      properties: {
        ...loginProperties,
        claimCodeFile: {
          type: 'string',
          'x-path': true,
          description: 'The code with which the first administrator comes in, mode 0600',
        },
      },
    },
    fourEyes: {
      type: 'array',
      uniqueItems: true,
      items: { type: 'string', enum: ACT_KINDS },
      description: 'The kinds of acts that take two people',
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
    acme: acmeSchema,
    registryReports: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        callCounts: {
          type: 'boolean',
          default: true,
          description: 'The registry is told how many exchanges there were a day, and with whom',
        },
      },
    },
    tryOuts: tryOutSchema,
    monitoring: monitoringSchema,
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        bodyBytes: {
          type: 'integer',
          minimum: 1024,
          default: 10737418240,
          description: 'The largest body, in bytes; of SOAP all attachments together',
        },
        soapBytes: {
          type: 'integer',
          minimum: 1024,
          maximum: 10485760,
          default: 10485760,
          description: 'The largest SOAP message without its attachments, in bytes; it is held in memory',
        },
        replyTimeoutSeconds: {
          type: 'integer',
          minimum: 1,
          default: 90,
          description: 'How long a peer that has the request may be silent',
        },
        unstampedHours: {
          type: 'number',
          exclusiveMinimum: 0,
          default: 4,
          description: 'No exchange when a record is unstamped for longer',
        },
      },
    },
    logKeyDays: {
      type: 'integer',
      minimum: 1,
      maximum: 3650,
      description: 'After how many days a new log key is made by itself',
    },
    subjectKeys: subjectKeysSchema,
    tracker: trackerSchema,
    mail: mailSchema('The mail server through which people and operators are told'),
    deadlines: deadlinesSchema,
    notices: noticesSchema,
    consents: consentSchema,
    mandateServices: mandateServicesSchema,
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
        registryLog: {
          type: 'boolean',
          default: false,
          description:
            "Also cosigns the registry's transparency log, and brings each cosignature to the registry",
        },
      },
    },
    witnesses: {
      type: 'object',
      additionalProperties: false,
      required: ['policyFile'],
      description: "Who cosigns the checkpoints of this server's message log",
      properties: {
        policyFile: {
          type: 'string',
          'x-path': true,
          'x-compared': true,
          description: 'A C2SP tlog-policy file',
        },
        own: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'Witnesses of that file that the operator of this server runs',
        },
      },
    },
    ...keepingProperties,
    auditStream: auditStreamSchema,
    telemetry: tracedTelemetrySchema,
    backups: backupSchema,
    deliveries: deliverySchema,
    redisUrlFile: {
      type: 'string',
      'x-path': true,
      description: 'File with the redis:// URL for jobs on several nodes',
    },
    nodes: serverNodesSchema,
    workers: workersSchema,
    logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
    development: { type: 'boolean', default: false, description: 'Allows killPoint; never in production' },
    killPoint: {
      type: 'string',
      description: 'For crash tests: the process kills itself there (development only)',
    },
  },
} as const

/** Throws `invalid_configuration` when settings contradict each other, though each is valid by itself. */
export function checkSettings({
  admin,
  xRoadApi,
  login,
  auditing,
  hardwareTokens,
  transitTokens,
  mandateServices,
  tryOuts,
  fourEyes = [],
  deadlines,
  mail,
  ...rest
}: Pick<
  Settings,
  | 'admin'
  | 'xRoadApi'
  | 'login'
  | 'auditing'
  | 'hardwareTokens'
  | 'transitTokens'
  | 'mandateServices'
  | 'tryOuts'
  | 'fourEyes'
  | 'deadlines'
  | 'mail'
  | 'nodes'
  | 'workers'
  | 'database'
  | 'messageLogDatabase'
  | 'messageLogBodies'
>): void {
  checkMandateServices(mandateServices)
  checkAdminListener(admin)
  if (xRoadApi !== undefined) checkAdminListener(xRoadApi, 'xRoadApi')
  checkTokens({ hardwareTokens, transitTokens })
  checkTryOuts(tryOuts)
  checkDeadlines(deadlines, mail !== undefined)
  checkServerNodes(rest)
  checkBodyPlace(rest)
  checkFourEyes(fourEyes, login !== undefined)
  if (login !== undefined) checkLogin(login)
  else if (auditing.contentFourEyes)
    throw new Fault('invalid_configuration', {
      what: 'auditing.contentFourEyes needs login: a second auditor agrees in person',
    })
}
