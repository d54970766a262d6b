/**
 * The settings that every adapter has: where its own security server reaches it, who is let in, what it is
 * called.
 */
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { BOTH_FILES, listenerFiles } from '#platform/http-service/listener-tls.ts'
import { isLoopback } from '#platform/sessions/settings.ts'

export type MonitoringSettings = { address: string; port: number; certificateFile?: string; keyFile?: string }

export type KitSettings = {
  listen: {
    address: string
    port: number
    certificateFile?: string
    keyFile?: string
    clientCertificateFile?: string
  }
  monitoring: MonitoringSettings
  service: { code: string; title: string; version: string; url?: string }
  logLevel: string
}

const port = (standard: number): object => ({
  type: 'integer',
  minimum: 1,
  maximum: 65535,
  default: standard,
})

/**
 * JSON Schema 2020-12 of these settings, for the schema of an adapter; `listen` and `service` are required.
 */
export const kitProperties = {
  listen: {
    type: 'object',
    additionalProperties: false,
    dependentRequired: {
      ...BOTH_FILES,
      certificateFile: ['keyFile', 'clientCertificateFile'],
      clientCertificateFile: ['certificateFile'],
    },
    properties: {
      address: { type: 'string', default: '127.0.0.1' },
      port: port(9443),
      ...listenerFiles,
      clientCertificateFile: {
        type: 'string',
        'x-path': true,
        description: 'The certificates that the own security server may show, PEM; nobody else is let in',
      },
    },
  },
  monitoring: {
    type: 'object',
    additionalProperties: false,
    default: {},
    dependentRequired: BOTH_FILES,
    properties: { address: { type: 'string', default: '127.0.0.1' }, port: port(9444), ...listenerFiles },
  },
  service: {
    type: 'object',
    additionalProperties: false,
    required: ['code', 'title'],
    properties: {
      code: { type: 'string', minLength: 1, maxLength: 255, description: 'Its code at the security server' },
      title: { type: 'string', minLength: 1, maxLength: 200 },
      version: { type: 'string', minLength: 1, maxLength: 50, default: '1.0.0' },
      url: {
        type: 'string',
        pattern: '^https?://[^/?#@\\s]+(/[A-Za-z0-9._~-]+)*$',
        maxLength: 500,
        description:
          'Where the own security server reaches the adapter; the address it listens on by default',
      },
    },
  },
  logLevel: { type: 'string', enum: ['debug', 'info', 'warn', 'error'], default: 'info' },
} as const

/** Throws what `problem` makes if data would be given to anybody, or leave this machine unencrypted. */
export function checkKitSettings({ listen, monitoring, service }: KitSettings, problem: Problem): void {
  if (!isLoopback(listen.address) && listen.certificateFile === undefined)
    throw problem(
      ['listen', 'address'],
      'is not a loopback address: certificateFile, keyFile and clientCertificateFile are needed',
    )
  checkMonitoring(monitoring, problem)
  const scheme = listen.certificateFile === undefined ? 'http' : 'https'
  if (service.url !== undefined && new URL(service.url).protocol !== `${scheme}:`)
    throw problem(['service', 'url'], `must begin with ${scheme}://, as the adapter listens`)
}

/** Throws what `problem` makes if what operators see would leave this machine unencrypted. */
export function checkMonitoring(monitoring: MonitoringSettings, problem: Problem): void {
  if (isLoopback(monitoring.address) || monitoring.certificateFile !== undefined) return
  throw problem(
    ['monitoring', 'address'],
    'is not a loopback address: certificateFile and keyFile are needed',
  )
}

/** The address under which the own security server reaches the adapter, without a slash at its end. */
export function serviceUrl({ listen, service }: Pick<KitSettings, 'listen' | 'service'>): string {
  if (service.url !== undefined) return service.url
  const scheme = listen.certificateFile === undefined ? 'http' : 'https'
  const host = listen.address.includes(':') ? `[${listen.address}]` : listen.address
  return `${scheme}://${host}:${listen.port}`
}
