/** Where a listener listens, and what it shows there: certificate and key come from files, without them it speaks plain HTTP. */
import { readFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'

export type Listener = {
  address: string
  port: number
  certificateFile?: string | undefined
  keyFile?: string | undefined
}

/** JSON Schema of the two files of a listener, one of which needs the other. */
export const listenerFiles = {
  certificateFile: {
    type: 'string',
    'x-path': true,
    description: 'PEM certificate with its chain: HTTPS instead of HTTP',
  },
  keyFile: { type: 'string', 'x-path': true, description: 'PEM key of that certificate, mode 0600' },
} as const
export const BOTH_FILES = { certificateFile: ['keyFile'], keyFile: ['certificateFile'] }

/** Throws `invalid_configuration` where API keys and sessions would pass in plain beyond this machine. */
export function checkAdminListener({ address, certificateFile }: Listener): void {
  if (!isLoopback(address) && certificateFile === undefined)
    throw new Fault('invalid_configuration', {
      what: 'admin.address is not a loopback address: API keys need admin.certificateFile and keyFile',
    })
}

/** For `createHttpService`. Throws `invalid_configuration` for a file that cannot be read. */
export async function tlsOf({ certificateFile, keyFile }: Listener): Promise<{ https?: ServerOptions }> {
  if (certificateFile === undefined || keyFile === undefined) return {}
  const cert = await readPem(certificateFile)
  return { https: { cert, key: await readSecret(keyFile), minVersion: 'TLSv1.2' } }
}

export async function readPem(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  })
}
