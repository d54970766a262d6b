/**
 * The settings of the verifier for services: where wallets reach it, which services may ask, as whom it asks,
 * and whom it believes.
 */
import { type OwnServerSettings, ownServerSchema } from '#adapters/kit/messages/own-server.ts'
import { checkMonitoring, kitProperties, type MonitoringSettings } from '#adapters/kit/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isNetwork } from '#platform/http-service/behind-proxy.ts'
import { BOTH_FILES, type Listener, listenerFiles } from '#platform/http-service/listener-tls.ts'
import { isLoopback, isSafe } from '#platform/sessions/settings.ts'

export type VerifierSettings = {
  wallets: Listener & { proxies: string[]; baseUrl: string }
  services: Listener & { clientCertificateFile?: string }
  monitoring: MonitoringSettings
  certificateFile: string
  keyFile: string
  trustedIssuersFile?: string
  securityServer?: OwnServerSettings
  walletUrl: string
  maxStatusAgeHours: number
  keepMinutes: number
  logLevel: string
}

const port = (standard: number): object => ({
  ...{ type: 'integer', minimum: 1, maximum: 65535, default: standard },
})
const file = (description: string): object => ({ type: 'string', 'x-path': true, description })

export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['wallets', 'services', 'certificateFile', 'keyFile'],
  properties: {
    wallets: {
      type: 'object',
      additionalProperties: false,
      required: ['baseUrl'],
      dependentRequired: BOTH_FILES,
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: port(9460),
        proxies: {
          ...{ type: 'array', maxItems: 50, uniqueItems: true, default: [] },
          items: { type: 'string', minLength: 2, maxLength: 50 },
          description: 'Addresses and networks of reverse proxies whose X-Forwarded-For says who asks',
        },
        baseUrl: {
          ...{ type: 'string', maxLength: 500, pattern: '^https?://[^/?#@\\s]+$' },
          description: 'Where wallets reach it',
        },
        ...listenerFiles,
      },
    },
    services: {
      type: 'object',
      additionalProperties: false,
      dependentRequired: {
        ...BOTH_FILES,
        certificateFile: ['keyFile', 'clientCertificateFile'],
        clientCertificateFile: ['certificateFile'],
      },
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: port(9461),
        ...listenerFiles,
        clientCertificateFile: file('The certificates that services may show, PEM; nobody else is let in'),
      },
    },
    monitoring: kitProperties.monitoring,
    certificateFile: file('The certificate as which wallets are asked, PEM, its chain without the root'),
    keyFile: file('Its P-256 key, PEM, mode 0600'),
    trustedIssuersFile: file('Whose credentials count, JSON, read again when it has changed'),
    securityServer: {
      ...ownServerSchema,
      description: 'The own security server, which names the issuers that the registry trusts',
    },
    walletUrl: {
      type: 'string',
      maxLength: 300,
      pattern: '^[a-z][a-z0-9+.-]*://[^?#\\s]*$',
      default: 'haip-vp://',
      description: 'How wallets are called, where a service does not say',
    },
    maxStatusAgeHours: {
      ...{ type: 'integer', minimum: 1, maximum: 168, default: 24 },
      description: 'How old the status list of a credential may be',
    },
    keepMinutes: {
      ...{ type: 'integer', minimum: 1, maximum: 60, default: 10 },
      description: 'For how long a service may fetch what was presented; then it is forgotten',
    },
    logLevel: kitProperties.logLevel,
  },
} as const

/**
 * Throws what `problem` makes if anybody could ask, if people would be read on the way, or if nobody is
 * believed.
 */
export function checkSettings(settings: VerifierSettings, problem: Problem): void {
  const { wallets, services } = settings
  if (!isLoopback(services.address) && services.certificateFile === undefined)
    throw problem(
      ['services', 'address'],
      'is not a loopback address: certificateFile, keyFile and clientCertificateFile are needed',
    )
  if (!isLoopback(wallets.address) && wallets.certificateFile === undefined)
    throw problem(['wallets', 'address'], 'is not a loopback address: certificateFile and keyFile are needed')
  if (!isSafe(wallets.baseUrl))
    throw problem(['wallets', 'baseUrl'], 'must begin with https://, except on this machine')
  for (const [at, one] of wallets.proxies.entries())
    if (!isNetwork(one)) throw problem(['wallets', 'proxies', String(at)], 'is no address or network')
  if ((settings.trustedIssuersFile === undefined) === (settings.securityServer === undefined))
    throw problem(['trustedIssuersFile'], 'or securityServer says whom to believe: exactly one is needed')
  checkMonitoring(settings.monitoring, problem)
}
