/**
 * The settings of the portal: where people reach it, how they log in, which security server it asks, and what
 * it never exceeds.
 */
import { type OwnServerSettings, ownServerSchema } from '#adapters/kit/messages/own-server.ts'
import { checkMonitoring, kitProperties, type MonitoringSettings } from '#adapters/kit/settings.ts'
import type { Problem } from '#platform/configuration/read-configuration.ts'
import { isNetwork } from '#platform/http-service/behind-proxy.ts'
import { BOTH_FILES, type Listener, listenerFiles } from '#platform/http-service/listener-tls.ts'
import { isLoopback, isOfBrowsers, isSafe, loginProperties } from '#platform/sessions/settings.ts'
import { FIND_USAGE } from '#schemas/find-usage.ts'
import { checkWallets, type WalletSettings, walletSchema } from './login/wallet/settings.ts'
import { checkPasskeys, type PasskeySettings, passkeySchema } from './passkeys/settings.ts'
import { LANGUAGES } from './texts.ts'

export type PortalSettings = {
  listen: Listener & { proxies: string[] }
  monitoring: MonitoringSettings
  name: string
  contact: string
  timeZone: string
  languages: string[]
  login: {
    issuer: string
    clientId: string
    clientSecretFile: string
    baseUrl: string
    scope: string
    acr?: string[]
  }
  wallets?: WalletSettings
  passkeys?: PasskeySettings
  person: { claim: string; pattern: string; country: string }
  sessions: { idleMinutes: number; wholeMinutes: number; most: number }
  securityServer: OwnServerSettings
  mandates?: { service: string; roles: string[] }
  counter?: { claim: string; value: string }
  letters: boolean
  asking: {
    serviceCode: string
    instances: string[]
    atOnce: number
    connectMs: number
    answerMs: number
    wholeMs: number
    waitsMs: number
    answerBytes: number
    rows: number
    refreshMinutes: number
    perHour: number
    people: number
  }
  logLevel: string
}

const count = (least: number, most: number, standard: number): object => ({
  ...{ type: 'integer', minimum: least, maximum: most, default: standard },
})
const words = { type: 'string', minLength: 1, maxLength: 200 } as const

export const settingsSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['listen', 'name', 'contact', 'login', 'person', 'securityServer'],
  properties: {
    listen: {
      type: 'object',
      additionalProperties: false,
      dependentRequired: BOTH_FILES,
      properties: {
        address: { type: 'string', default: '127.0.0.1' },
        port: { type: 'integer', minimum: 1, maximum: 65535, default: 9450 },
        proxies: {
          ...{ type: 'array', maxItems: 50, uniqueItems: true, default: [] },
          items: { type: 'string', minLength: 2, maxLength: 50 },
          description: 'Addresses and networks of reverse proxies whose X-Forwarded-For says who asks',
        },
        ...listenerFiles,
      },
    },
    monitoring: kitProperties.monitoring,
    name: { ...words, maxLength: 60, description: 'What the portal is called, at the top of each page' },
    contact: { ...words, description: 'Whom people may ask, on every page' },
    timeZone: {
      ...{ type: 'string', minLength: 1, maxLength: 60, default: 'UTC' },
      description: 'In which times are shown, as in Europe/Tallinn',
    },
    languages: {
      type: 'array',
      minItems: 1,
      uniqueItems: true,
      items: { type: 'string', enum: LANGUAGES },
      default: LANGUAGES,
      description: 'Those that are offered; the first is taken where a browser wants none of them',
    },
    login: {
      type: 'object',
      additionalProperties: false,
      required: ['issuer', 'clientId', 'clientSecretFile', 'baseUrl'],
      properties: {
        issuer: loginProperties.issuer,
        clientId: loginProperties.clientId,
        clientSecretFile: loginProperties.clientSecretFile,
        baseUrl: { ...loginProperties.baseUrl, description: 'Where browsers reach the portal' },
        scope: { type: 'string', minLength: 6, maxLength: 500, default: 'openid profile' },
        acr: {
          type: 'array',
          minItems: 1,
          maxItems: 10,
          items: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
          description: 'Levels of login (acr) that are strong enough; whatever the provider says when absent',
        },
      },
    },
    wallets: walletSchema,
    passkeys: passkeySchema,
    person: {
      type: 'object',
      additionalProperties: false,
      required: ['claim'],
      properties: {
        claim: { ...words, description: "The claim of the login that holds the person's code" },
        pattern: {
          type: 'string',
          maxLength: 200,
          default: '^(.{1,64})$',
          description: 'A regular expression whose first group is the code as the registers know it',
        },
        country: {
          type: 'string',
          pattern: '^([A-Z]{2})?$',
          default: '',
          description: "What Estonia's protocol wants before a code, as in EE60001017869",
        },
      },
    },
    sessions: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        idleMinutes: count(1, 60, 15),
        wholeMinutes: count(5, 480, 60),
        most: count(10, 1_000_000, 50_000),
      },
    },
    securityServer: ownServerSchema,
    mandates: {
      type: 'object',
      additionalProperties: false,
      required: ['service', 'roles'],
      properties: {
        service: {
          type: 'string',
          pattern: '^[^/\\s\\p{C}]{1,255}(/[^/\\s\\p{C}]{1,255}){4}$',
          description: 'The register of mandates: INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE',
        },
        roles: {
          type: 'array',
          minItems: 1,
          maxItems: 50,
          items: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,100}:[^\\p{C}]{1,199}$' },
          description: 'By which of its roles somebody may act for another here, as the contracts have them',
        },
      },
    },
    counter: {
      type: 'object',
      additionalProperties: false,
      required: ['claim', 'value'],
      description: 'For clerks at a counter instead of people: who signs in acts for others alone',
      properties: {
        claim: { ...words, description: 'The claim of the login that says what somebody does' },
        value: { ...words, description: 'What it has to say, alone or in a list' },
      },
    },
    letters: {
      ...{ type: 'boolean', default: false },
      description:
        'Whether codes of letters are given in here: without a login, or by the clerks of a counter',
    },
    asking: {
      type: 'object',
      additionalProperties: false,
      default: {},
      properties: {
        serviceCode: { ...words, default: FIND_USAGE, pattern: '^[\\x21-\\x7e]+$' },
        instances: {
          ...{ type: 'array', maxItems: 50, uniqueItems: true, default: [] },
          items: { type: 'string', minLength: 1, maxLength: 255 },
          description: 'Federated instances whose systems are asked too',
        },
        atOnce: count(1, 256, 16),
        connectMs: count(50, 60_000, 2_000),
        answerMs: count(50, 120_000, 8_000),
        wholeMs: count(100, 600_000, 30_000),
        waitsMs: count(50, 60_000, 2_000),
        answerBytes: count(1024, 64 * 1024 * 1024, 4 * 1024 * 1024),
        rows: count(10, 100_000, 5_000),
        refreshMinutes: count(1, 1440, 10),
        perHour: count(1, 10_000, 60),
        people: count(1, 1000, 32),
      },
    },
    logLevel: kitProperties.logLevel,
  },
} as const

/**
 * Throws what `problem` makes if a person or a secret would leave this machine unencrypted, or settings do
 * not go together.
 */
export function checkSettings(settings: PortalSettings, problem: Problem): void {
  const { listen, login, person, sessions, asking } = settings
  if (!isLoopback(listen.address) && listen.certificateFile === undefined)
    throw problem(['listen', 'address'], 'is not a loopback address: certificateFile and keyFile are needed')
  const stranger = listen.proxies.findIndex((one) => !isNetwork(one))
  if (stranger !== -1)
    throw problem(['listen', 'proxies', String(stranger)], 'is no address and no network such as 10.0.0.0/8')
  checkMonitoring(settings.monitoring, problem)
  for (const name of ['issuer', 'baseUrl'] as const)
    if (!isSafe(login[name]) && !(name === 'baseUrl' && isOfBrowsers(login.baseUrl)))
      throw problem(['login', name], 'must be https, or http to a loopback address')
  if (!login.scope.split(' ').includes('openid')) throw problem(['login', 'scope'], 'must contain openid')
  if (sessions.idleMinutes > sessions.wholeMinutes)
    throw problem(['sessions', 'idleMinutes'], 'is longer than sessions.wholeMinutes')
  if (asking.answerMs > asking.wholeMs) throw problem(['asking', 'answerMs'], 'is longer than asking.wholeMs')
  if (settings.counter !== undefined && settings.mandates === undefined)
    throw problem(['counter'], 'needs mandates: a clerk acts for others alone')
  if (settings.counter !== undefined && settings.wallets !== undefined)
    throw problem(['wallets'], 'cannot stand beside counter: no wallet says that somebody is a clerk')
  if (settings.counter !== undefined && settings.passkeys !== undefined)
    throw problem(['passkeys'], 'cannot stand beside counter: no passkey says that somebody is still a clerk')
  checkPattern(person.pattern, problem)
  if (settings.wallets !== undefined) checkWallets(settings.wallets, problem)
  if (settings.passkeys !== undefined) checkPasskeys(login.baseUrl, problem)
  if (!isTimeZone(settings.timeZone))
    throw problem(['timeZone'], 'is not the name of a time zone, such as Europe/Tallinn')
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}

function checkPattern(pattern: string, problem: Problem): void {
  if (groupsOf(pattern) !== 1)
    throw problem(['person', 'pattern'], 'must be a regular expression with one group')
}

/** Undefined for what is no regular expression. */
function groupsOf(pattern: string): number | undefined {
  try {
    // With an alternative that is empty it fits the empty text, and says how many groups it has.
    return (new RegExp(`${pattern}|`, 'u').exec('')?.length ?? 1) - 1
  } catch {
    return undefined
  }
}
