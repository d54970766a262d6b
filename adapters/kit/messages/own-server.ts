/**
 * The own security server, as an adapter asks it: for one-way messages, as one of its client's information
 * systems.
 */
import { readFile } from 'node:fs/promises'
import { type ConnectOptions, connect, type SecurityServer } from '#adapters/client/connect.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { Fault } from '#schemas/fault.ts'

export type OwnServerSettings = {
  url: string
  client: string
  authorityFile?: string
  certificateFile?: string
  keyFile?: string
}

const file = (description: string): object => ({ type: 'string', 'x-path': true, description })

/** JSON Schema 2020-12 of these settings. */
export const ownServerSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url', 'client'],
  dependentRequired: { certificateFile: ['keyFile'], keyFile: ['certificateFile'] },
  properties: {
    url: { type: 'string', maxLength: 500, pattern: '^https?://[^/?#@\\s]+$' },
    client: { type: 'string', maxLength: 1000, pattern: '^[^/\\s]+(/[^/\\s]+){2,3}$' },
    authorityFile: file('PEM: the certificate of the security server, or of who issued it'),
    certificateFile: file("PEM: the system's certificate"),
    keyFile: file('mode 0600'),
  },
} as const

/** JSON Schema of the identifier of an inbox: INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE. */
export const inboxSchema = {
  type: 'string',
  minLength: 9,
  maxLength: 1500,
  pattern: '^[^/\\s]+(/[^/\\s]+){4}$',
} as const

/** Connects with the first request. Throws `invalid_configuration`. */
export async function openOwnServer(q: OwnServerSettings): Promise<SecurityServer> {
  const options = await readOwnServer(q)
  try {
    return connect(options)
  } catch (cause) {
    throw new Fault('invalid_configuration', { what: `securityServer: ${(cause as Error).message}`, cause })
  }
}

/** The settings with what their files hold. Throws `invalid_configuration`. */
export async function readOwnServer(q: OwnServerSettings): Promise<ConnectOptions> {
  const { url, client, authorityFile, certificateFile, keyFile } = q
  const pem = (name: string): Promise<string> =>
    readFile(name, 'utf8').catch((cause: unknown) => {
      throw new Fault('invalid_configuration', { what: `${name} cannot be read`, cause })
    })
  const tls = authorityFile !== undefined && {
    trusted: await pem(authorityFile),
    ...(certificateFile !== undefined && { certificate: await pem(certificateFile) }),
    ...(keyFile !== undefined && { key: await readSecret(keyFile) }),
  }
  return { url, client, ...(tls && { tls }) }
}
