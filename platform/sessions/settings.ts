/** The settings of a login, the same for both servers: the provider, and the address under which browsers come back. */
import { isIP } from 'node:net'
import { Fault } from '#schemas/fault.ts'

export type LoginFile = {
  issuer: string
  clientId: string
  clientSecretFile: string
  baseUrl: string
  contact: string
}

/** JSON Schema of `login`; all of them are required. */
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
} as const

/** Throws `invalid_configuration` if a secret or a session would leave this machine unencrypted. */
export function checkLogin({ issuer, baseUrl }: Pick<LoginFile, 'issuer' | 'baseUrl'>): void {
  for (const [name, text] of [
    ['issuer', issuer],
    ['baseUrl', baseUrl],
  ] as const)
    if (!isSafe(text))
      throw new Fault('invalid_configuration', {
        what: `login.${name} must be https, or http to a loopback address`,
      })
}

export function isLoopback(address: string): boolean {
  return (
    ['localhost', '::1', '[::1]'].includes(address) || (isIP(address) === 4 && address.startsWith('127.'))
  )
}

/** Whether a secret or a session may be sent to this URL. */
export function isSafe(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '' || url.search + url.hash !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
