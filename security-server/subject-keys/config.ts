/**
 * The settings of the holder of subject keys: the JSON Schema of its YAML file, checked before anything
 * starts.
 */
import { BOTH_FILES, type Listener, listenerFiles } from '#platform/http-service/listener-tls.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type HolderSettings = {
  server: string
  directory: string
  database: string
  indexKeyFile: string
  searchKeyFile: string
  trackerKeyFile?: string
  socket?: string
  listen?: {
    address: string
    port: number
    certificateFile: string
    keyFile: string
    clientCertificateFile: string
  }
  monitoring?: Listener
  keepMonths: number
  limits: {
    perPersonDay: number
    perCaseDay: number
    perDay: number
    identifiersPerDay: number
    indexesPerDay: number
    lookUpsPerClientDay: number
    lookUpsPerDay: number
  }
  logLevel: string
}

/** JSON Schema 2020-12 of the settings file; docs/configuration.md explains each setting. */
export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['server', 'directory', 'database', 'indexKeyFile', 'searchKeyFile'],
  properties: {
    server: { type: 'string', description: 'INSTANCE/CLASS/CODE/SERVERCODE whose log is indexed' },
    directory: { type: 'string', 'x-path': true, description: 'The key that wraps the keys of months' },
    database: { type: 'string', description: 'sqlite:/path or postgres://: wrapped keys, audit log' },
    indexKeyFile: {
      type: 'string',
      'x-path': true,
      description: 'Credential of the indexing job, mode 0600',
    },
    searchKeyFile: { type: 'string', 'x-path': true, description: 'Credential of searches, mode 0600' },
    trackerKeyFile: {
      type: 'string',
      'x-path': true,
      description: 'Credential of trackers, mode 0600; without it there are none',
    },
    socket: { type: 'string', 'x-path': true, description: 'A Unix socket to listen on' },
    listen: {
      type: 'object',
      additionalProperties: false,
      required: ['certificateFile', 'keyFile', 'clientCertificateFile'],
      description: 'Mutual TLS instead of a socket',
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 4600 },
        certificateFile: { type: 'string', 'x-path': true, description: 'Its own certificate, PEM' },
        keyFile: { type: 'string', 'x-path': true, description: 'Its private key, mode 0600' },
        clientCertificateFile: {
          type: 'string',
          'x-path': true,
          description: 'The one certificate that the security server shows, PEM',
        },
      },
    },
    monitoring: {
      type: 'object',
      additionalProperties: false,
      dependentRequired: BOTH_FILES,
      description: 'Health and metrics for who has no certificate that listen lets in',
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 4601 },
        ...listenerFiles,
      },
    },
    keepMonths: {
      type: 'integer',
      minimum: 1,
      maximum: 1200,
      default: 120,
      description: 'For how many whole months after its own the key of a month is kept',
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        perPersonDay: { type: 'integer', minimum: 1, default: 40 },
        perCaseDay: { type: 'integer', minimum: 1, default: 20 },
        perDay: { type: 'integer', minimum: 1, default: 200 },
        // At least what one batch may contain.
        identifiersPerDay: { type: 'integer', minimum: 12_800, default: 200_000 },
        indexesPerDay: { type: 'integer', minimum: 10_000, default: 1_000_000 },
        lookUpsPerClientDay: { type: 'integer', minimum: 1, default: 20_000 },
        lookUpsPerDay: { type: 'integer', minimum: 1, default: 50_000 },
      },
    },
    logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
  },
} as const

/**
 * Throws `invalid_configuration` unless exactly one of `socket` and `listen` is set, and if health would
 * leave this machine in clear.
 */
export function checkHolderSettings({
  socket,
  listen,
  monitoring,
}: Pick<HolderSettings, 'socket' | 'listen' | 'monitoring'>): void {
  if ((socket === undefined) === (listen === undefined))
    throw new Fault('invalid_configuration', { what: 'socket or listen is needed, and not both' })
  if (monitoring !== undefined && !isLoopback(monitoring.address) && monitoring.certificateFile === undefined)
    throw new Fault('invalid_configuration', {
      what: 'monitoring.address is not a loopback address: certificateFile and keyFile are needed',
    })
}
