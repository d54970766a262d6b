/**
 * The address of a listener and its TLS: certificate and key come from files; without them the listener
 * speaks plain HTTP.
 */
import { constants } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type Listener = {
  address: string
  port: number
  certificateFile?: string | undefined
  keyFile?: string | undefined
}

/**
 * TLS for every listener except those between servers: TLS 1.3, and of 1.2 only suites with authenticated
 * encryption and an ephemeral key. Sessions are not resumed: a resumed session would bring a client
 * certificate of earlier, which nobody would check again.
 */
export const LISTENER_TLS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    ...['TLS_AES_256_GCM_SHA384', 'TLS_AES_128_GCM_SHA256', 'TLS_CHACHA20_POLY1305_SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ].join(':'),
  secureOptions: constants.SSL_OP_NO_TICKET,
}

/** JSON Schema of the two files of a listener; each requires the other. */
export const listenerFiles = {
  certificateFile: {
    type: 'string',
    'x-path': true,
    description: 'PEM certificate with its chain: HTTPS instead of HTTP',
  },
  keyFile: { type: 'string', 'x-path': true, description: 'PEM key of that certificate, mode 0600' },
} as const
export const BOTH_FILES = { certificateFile: ['keyFile'], keyFile: ['certificateFile'] }

/** Throws `invalid_configuration` if API keys and sessions would leave this machine unencrypted. */
export function checkAdminListener({ address, certificateFile }: Listener, setting = 'admin'): void {
  if (!isLoopback(address) && certificateFile === undefined)
    throw new Fault('invalid_configuration', {
      what: `${setting}.address is not a loopback address: API keys need ${setting}.certificateFile and keyFile`,
    })
}

/** For `createHttpService`. Throws `invalid_configuration` for a file that cannot be read. */
export async function tlsOf({ certificateFile, keyFile }: Listener): Promise<{ https?: ServerOptions }> {
  if (certificateFile === undefined || keyFile === undefined) return {}
  const cert = await readPem(certificateFile)
  return { https: { cert, key: await readSecret(keyFile), ...LISTENER_TLS } }
}

export async function readPem(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  })
}
