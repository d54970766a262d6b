/**
 * A self-signed TLS identity that lives as long as the process, for connections where we must present a
 * client certificate but nobody trusts it.
 */
import { generateKeyPairSync } from 'node:crypto'
import { selfSignedCertificate } from './signing-keys/self-signed.ts'

let identity: { key: string; cert: string } | undefined

export async function passingIdentity(): Promise<{ key: string; cert: string }> {
  if (identity !== undefined) return identity
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = await selfSignedCertificate({ key, commonName: 'central-registry', at: new Date() })
  const lines = (der.toString('base64').match(/.{1,64}/g) as string[]).join('\n')
  identity = {
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  }
  return identity
}
