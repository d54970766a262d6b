/**
 * What proves to the broker who the adapter is, and to the adapter who the broker is, read from the files
 * that the settings name.
 */
import type { SecureContextOptions } from 'node:tls'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import type { BrokerSettings } from './settings.ts'

export type Credentials = {
  /** For a connection by TLS; the name of the broker is always checked. */
  tls: SecureContextOptions
  password?: string
  token?: string
  nkey?: string
  jwt?: string
}

/** Throws `invalid_configuration` for a file that cannot be read, and for a secret that others can. */
export async function readCredentials(broker: BrokerSettings): Promise<Credentials> {
  const { authorityFile, certificateFile, keyFile } = broker
  const secret = async (name: string, file: string | undefined): Promise<object> =>
    file === undefined ? {} : { [name]: await readSecret(file) }
  return {
    tls: {
      minVersion: 'TLSv1.2',
      ...(authorityFile !== undefined && { ca: await readPem(authorityFile) }),
      ...(certificateFile !== undefined && { cert: await readPem(certificateFile) }),
      ...(keyFile !== undefined && { key: await readSecret(keyFile) }),
    },
    ...(await secret('password', broker.passwordFile)),
    ...(await secret('token', broker.tokenFile)),
    ...(await secret('nkey', broker.nkeyFile)),
    ...(await secret('jwt', broker.credentialsFile)),
  }
}
