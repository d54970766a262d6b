/**
 * The settings of a central registry: the schema of the YAML file, and checks made before anything starts.
 */

import { type AuditStreamSettings, auditStreamSchema } from '#platform/audit-log/stream-settings.ts'
import { type BackupSettings, backupSchema } from '#platform/backups/settings.ts'
import type { Clock } from '#platform/clock.ts'
import {
  BOTH_FILES,
  checkAdminListener,
  type Listener,
  listenerFiles,
} from '#platform/http-service/listener-tls.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { checkMail, type MailSettings, mailSchema } from '#platform/mail/settings.ts'
import { checkNodes, type NodeSettings, nodesSchema } from '#platform/nodes/settings.ts'
import type { TokenPlace } from '#platform/pkcs11/open-session.ts'
import { hardwareTokenProperties } from '#platform/pkcs11/settings.ts'
import { checkLogin, isSafe, type LoginFile, loginProperties } from '#platform/sessions/settings.ts'
import { type TelemetrySettings, telemetrySchema } from '#platform/telemetry/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import type { CatalogueSettings } from './features/catalogue/collect.ts'
import { checkDeadlines, type DeadlineSettings, deadlinesSchema } from './features/deadlines/settings.ts'
import { type IdentitySettings, identitySchema } from './features/identity/settings.ts'
import { MAIL_LANGUAGES, type MailLanguage, type RegistryMail } from './features/mail/rules.ts'
import { type PublicLogSettings, publicLogSchema } from './features/public-log/settings.ts'
import { type RsaFiles, rsaFiles } from './features/requests/xroad/rsa-certificate.ts'

export type { Listener }

type Login = LoginFile & { firstCodeFile: string; secondCodeFile: string }
/** Always HTTPS: the configuration publishes this certificate to servers. */
export type Registration = Listener & { certificateFile: string; keyFile: string }
/** Always mutual TLS: only the management security server may call it. */
export type ManagementService = Registration & RsaFiles & { clientCertificateFile: string }

export type Settings = {
  directory: string
  database: string
  pinFile: string
  signingToken?: TokenPlace | undefined
  publicUrl: string
  public: Listener
  admin: Listener & { initialApiKeyFile?: string | undefined }
  registration?: Registration | undefined
  managementService?: ManagementService | undefined
  configuration: {
    validitySeconds: number
    renewSeconds: number
    ocspFreshnessSeconds: number
    timeStampingIntervalSeconds: number
    suspensionListSeconds: number
    outageGrace: boolean
    otherUrls?: string[] | undefined
  }
  suspensions?: { webhook: string } | undefined
  login?: Login | undefined
  witness?: { name: string; logs?: string[] | undefined } | undefined
  publicLog?: PublicLogSettings | undefined
  identity?: IdentitySettings | undefined
  auditStream?: AuditStreamSettings | undefined
  telemetry?: TelemetrySettings | undefined
  auditAuthorities: { name: string; certificateSha256: string }[]
  fleet: { probeSeconds: number }
  catalogue?: CatalogueSettings | undefined
  mail?: (MailSettings & { language: MailLanguage }) | undefined
  /** Who is told ahead of what ends; without it nobody. */
  deadlines?: DeadlineSettings | undefined
  backups?: BackupSettings | undefined
  redisUrlFile?: string | undefined
  nodes?: NodeSettings | undefined
  logLevel: string
}

const listener = (port: number, more: object = {}): object => ({
  type: 'object',
  additionalProperties: false,
  dependentRequired: BOTH_FILES,
  properties: {
    address: { type: 'string', default: '127.0.0.1', description: 'The address to listen on' },
    port: { type: 'integer', minimum: 1, maximum: 65535, default: port },
    ...listenerFiles,
    ...more,
  },
})

/** JSON Schema 2020-12 of the file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['directory', 'database', 'pinFile', 'publicUrl'],
  properties: {
    directory: { type: 'string', 'x-path': true, description: 'Signing keys and the index mark lie here' },
    database: { type: 'string', description: 'sqlite:/path or postgres://' },
    pinFile: { type: 'string', 'x-path': true, description: 'The PIN of the signing keys, mode 0600' },
    signingToken: {
      type: 'object',
      additionalProperties: false,
      required: ['socket', 'label'],
      description: 'A PKCS #11 token for signing keys, which two custodians open',
      properties: hardwareTokenProperties,
    },
    publicUrl: {
      type: 'string',
      pattern: '^https?://[^/?#@\\s]+$',
      maxLength: 300,
      description: 'Where security servers find the configuration',
    },
    public: { ...listener(8001), default: {} },
    admin: {
      ...listener(4000, {
        initialApiKeyFile: {
          type: 'string',
          'x-path': true,
          description: 'Where the first API key is written, once, mode 0600',
        },
      }),
      default: {},
    },
    registration: { ...listener(4001), required: ['certificateFile', 'keyFile'] },
    managementService: {
      ...listener(4002, {
        ...rsaFiles,
        clientCertificateFile: {
          type: 'string',
          'x-path': true,
          description: 'PEM with the internal TLS certificate of the management security server',
        },
      }),
      dependentRequired: { rsaCertificateFile: ['rsaKeyFile'], rsaKeyFile: ['rsaCertificateFile'] },
      required: ['certificateFile', 'keyFile', 'clientCertificateFile'],
    },
    configuration: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        validitySeconds: {
          type: 'integer',
          minimum: 60,
          maximum: 86400,
          default: 600,
          description: 'How long a published configuration may be used',
        },
        renewSeconds: {
          type: 'integer',
          minimum: 5,
          maximum: 3600,
          default: 60,
          description: 'How often it is published anew',
        },
        ocspFreshnessSeconds: { type: 'integer', minimum: 60, maximum: 86400, default: 3600 },
        timeStampingIntervalSeconds: { type: 'integer', minimum: 60, maximum: 86400, default: 60 },
        suspensionListSeconds: {
          type: 'integer',
          minimum: 120,
          maximum: 86400,
          default: 600,
          description: 'How long servers go on with the last suspension list when they get no newer one',
        },
        outageGrace: {
          type: 'boolean',
          default: false,
          description:
            'Whether contracts may go on in an outage; older security servers refuse such a configuration',
        },
        otherUrls: {
          type: 'array',
          items: { type: 'string', pattern: '^https?://[^/?#@\\s]+$', maxLength: 300 },
          maxItems: 9,
          default: [],
          description: 'Where else security servers find the configuration: the publicUrl of each other node',
        },
      },
    },
    suspensions: {
      type: 'object',
      additionalProperties: false,
      required: ['webhook'],
      properties: {
        webhook: {
          type: 'string',
          pattern: '^https?://[^/?#@\\s]+(/[^\\s]*)?$',
          maxLength: 500,
          description: 'Where a suspension is announced, by POST, until a second person confirms it',
        },
      },
    },
    login: {
      type: 'object',
      additionalProperties: false,
      required: [
        'issuer',
        'clientId',
        'clientSecretFile',
        'baseUrl',
        'contact',
        'firstCodeFile',
        'secondCodeFile',
      ],
      description: 'How persons log in; without it only API keys work',
      properties: {
        ...loginProperties,
        firstCodeFile: { type: 'string', 'x-path': true, description: 'First installation code, mode 0600' },
        secondCodeFile: {
          type: 'string',
          'x-path': true,
          description: 'Second installation code, mode 0600',
        },
      },
    },
    witness: {
      type: 'object',
      additionalProperties: false,
      required: ['name'],
      description: "Cosigns the checkpoints of members' message logs",
      properties: {
        name: {
          type: 'string',
          pattern: '^[^\\s+\\p{Cc}]+$',
          maxLength: 200,
          description: "The name of the witness's key",
        },
        logs: {
          type: 'array',
          maxItems: 100,
          items: { type: 'string', maxLength: 1200 },
          description: 'Verifier keys of further logs that it cosigns, as those of other registries',
        },
      },
    },
    publicLog: publicLogSchema,
    identity: identitySchema,
    auditStream: auditStreamSchema,
    telemetry: telemetrySchema,
    auditAuthorities: {
      type: 'array',
      maxItems: 10,
      default: [],
      description: 'Who may order audits; without one no audit order is taken',
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
        },
      },
    },
    fleet: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        probeSeconds: {
          type: 'integer',
          minimum: 0,
          maximum: 86400,
          default: 300,
          description: 'How often each security server is tried on its ports; 0: only on demand',
        },
      },
    },
    catalogue: {
      type: 'object',
      additionalProperties: false,
      required: ['securityServer', 'client'],
      dependentRequired: { certificateFile: ['keyFile'], keyFile: ['certificateFile'] },
      description: 'How providers are asked what they offer; without it the catalogue stays as it is',
      properties: {
        securityServer: {
          type: 'string',
          pattern: '^https?://[^/?#@\\s]+$',
          maxLength: 300,
          description: 'The client listener of the security server through which the registry asks',
        },
        client: {
          type: 'string',
          maxLength: 1100,
          description: 'The subsystem as which it asks, INSTANCE/CLASS/CODE/SUBSYSTEM',
        },
        certificateFile: { type: 'string', 'x-path': true, description: 'PEM certificate of that subsystem' },
        keyFile: { type: 'string', 'x-path': true, description: 'PEM key of that certificate, mode 0600' },
        authorityFile: {
          type: 'string',
          'x-path': true,
          description: "PEM: the security server's certificate, or what it is issued by",
        },
        everyMinutes: {
          type: 'integer',
          minimum: 1,
          maximum: 10080,
          default: 60,
          description: 'How often each subsystem is asked',
        },
      },
    },
    mail: mailSchema('The mail server through which members are told; without it nothing is sent', {
      language: {
        type: 'string',
        enum: MAIL_LANGUAGES,
        default: 'en',
        description: 'The language in which members are written to',
      },
    }),
    deadlines: deadlinesSchema,
    backups: backupSchema,
    redisUrlFile: {
      type: 'string',
      'x-path': true,
      description: 'File with the redis:// URL for jobs on several nodes',
    },
    nodes: nodesSchema,
    logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
  },
} as const

/**
 * Throws `invalid_configuration` for values that do not fit together, and for values that the schema cannot
 * check.
 */
export function checkSettings(settings: Settings): void {
  const { admin, configuration, publicUrl, login, catalogue, mail } = settings
  const { renewSeconds, validitySeconds } = configuration
  if (renewSeconds * 2 > validitySeconds)
    throw invalid('configuration.renewSeconds must be at most half of configuration.validitySeconds')
  checkAdminListener(admin)
  if (!URL.canParse(publicUrl)) throw invalid('publicUrl is not a URL')
  if (!(configuration.otherUrls ?? []).every((url) => URL.canParse(url)))
    throw invalid('configuration.otherUrls has one that is not a URL')
  if (catalogue !== undefined) {
    if (!isSafe(catalogue.securityServer))
      throw invalid('catalogue.securityServer must be https, or http to a loopback address')
    if (idText(parseSubsystemId(catalogue.client)) !== catalogue.client)
      throw invalid('catalogue.client is INSTANCE/CLASS/CODE/SUBSYSTEM, each part percent-encoded')
  }
  checkMail(mail)
  checkDeadlines(settings.deadlines, mail !== undefined)
  checkNodes(settings.nodes, { database: settings.database })
  if (login === undefined) return
  checkLogin(login)
  if (login.firstCodeFile === login.secondCodeFile)
    throw invalid('login.firstCodeFile and login.secondCodeFile are for two persons: name two files')
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what })
}

/** Everything that `startRegistry` needs. */
export type RegistrySettings = {
  settings: Settings
  /** The secrets from the files that the settings name. */
  pin: string
  clientSecret?: string | undefined
  mailServer?: RegistryMail | undefined
  redisUrl?: string | undefined
  backupKey?: string | undefined
  /** The path of the settings file. */
  settingsFile?: string | undefined
  clock: Clock
  log: Log
}
