/**
 * The settings of a login, the same for both servers: the provider, and the address under which browsers come
 * back.
 */
import { isIP } from 'node:net'
import { Fault } from '#schemas/fault.ts'

export type LoginFile = {
  issuer: string
  clientId: string
  clientSecretFile: string
  baseUrl: string
  contact: string
  passkeys?: { rpId?: string | undefined; days: number; forActs: boolean } | undefined
}

/**
 * Where passkeys are used, for how many days after a login at the provider, and whether acts of great weight
 * need a fresh one.
 */
export type PasskeySettings = { origin: string; rpId: string; days: number; forActs: boolean }

/** JSON Schema of `login`; all but `passkeys` are required. */
export const loginProperties = {
  issuer: { type: 'string', maxLength: 500, description: 'The OpenID provider' },
  clientId: { type: 'string', minLength: 1, maxLength: 255 },
  clientSecretFile: { type: 'string', 'x-path': true, description: 'Our secret at the provider, mode 0600' },
  baseUrl: {
    type: 'string',
    pattern: '^https?://[^/?#@\\s]+$',
    maxLength: 300,
    description: 'Where browsers reach the management listener',
  },
  contact: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'Whom to ask when a login is refused',
  },
  passkeys: {
    type: 'object',
    additionalProperties: false,
    description: 'People may sign in with passkeys too; without it at the provider alone',
    properties: {
      rpId: {
        type: 'string',
        minLength: 1,
        maxLength: 253,
        description: 'The domain for which passkeys are made: the host of baseUrl, or a domain above it',
      },
      days: {
        type: 'integer',
        minimum: 1,
        maximum: 365,
        default: 30,
        description: 'For how many days after a login at the provider passkeys serve',
      },
      forActs: {
        type: 'boolean',
        default: false,
        description: 'Acts of great weight need a fresh passkey',
      },
    },
  },
} as const

/** Throws `invalid_configuration` if a secret or a session would leave this machine unencrypted. */
export function checkLogin(login: Pick<LoginFile, 'issuer' | 'baseUrl' | 'passkeys'>): void {
  const { issuer, baseUrl } = login
  if (!isSafe(issuer)) throw unsafe('issuer', 'http to a loopback address')
  if (!isSafe(baseUrl) && !isOfBrowsers(baseUrl))
    throw unsafe('baseUrl', 'http to a loopback address or a name below localhost')
  const passkeys = passkeySettings(login)
  if (passkeys === undefined) return
  const host = new URL(baseUrl).hostname
  if (isIP(host.replace(/^\[|\]$/g, '')) !== 0)
    throw new Fault('invalid_configuration', {
      what: 'login.passkeys needs a baseUrl with a host name: browsers keep no passkeys for an IP address',
    })
  if (passkeys.rpId !== host && !(passkeys.rpId.includes('.') && host.endsWith(`.${passkeys.rpId}`)))
    throw new Fault('invalid_configuration', {
      what: 'login.passkeys.rpId must be the host of login.baseUrl, or a domain above it',
    })
}

function unsafe(name: string, otherwise: string): Fault {
  return new Fault('invalid_configuration', { what: `login.${name} must be https, or ${otherwise}` })
}

/** The settings of passkeys with what follows from the others; undefined when they are not in use. */
export function passkeySettings({
  baseUrl,
  passkeys,
}: Pick<LoginFile, 'baseUrl' | 'passkeys'>): PasskeySettings | undefined {
  if (passkeys === undefined) return undefined
  const { origin, hostname } = new URL(baseUrl)
  return { origin, rpId: passkeys.rpId ?? hostname, days: passkeys.days, forActs: passkeys.forActs }
}

export function isLoopback(address: string): boolean {
  return (
    ['localhost', '::1', '[::1]'].includes(address) || (isIP(address) === 4 && address.startsWith('127.'))
  )
}

/**
 * Whether it is for browsers of this machine: they take names below localhost for it and ask nobody (RFC 6761
 * section 6.3).
 */
export function isOfBrowsers(baseUrl: string): boolean {
  return /^http:\/\/[a-z0-9.-]+\.localhost(:\d+)?$/i.test(baseUrl)
}

/** Whether a secret or a session may be sent to this URL. */
export function isSafe(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '' || url.search + url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
