/**
 * TLS keys of a sandbox with their certificates: those of its agencies' systems, which stand in for foreign
 * ones, and the registry's.
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { certificationRequest } from '#security-server/keys/certification-request.ts'
import { selfSignedCertificate } from '#security-server/keys/self-signed.ts'
import { certificatePem } from '#security-server/local-systems/view.ts'
import { certify, fetchText } from './client.ts'
import { folderOf, type Layout } from './layout.ts'

/**
 * Makes a key and a certificate of the development CA, for a client system unless another profile is named;
 * keeps those that exist.
 */
export async function systemCertificate(
  layout: Layout,
  file: string,
  commonName: string,
  profile = 'client-system',
): Promise<Buffer> {
  const certificateFile = folderOf(layout, `${file}.pem`)
  if (existsSync(certificateFile)) return firstOf(readFileSync(certificateFile, 'latin1'))
  mkdirSync(path.dirname(certificateFile), { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const request = certificationRequest({
    privateKey: createPrivateKey(privateKey),
    subject: [
      { type: 'C', value: 'FI' },
      { type: 'CN', value: commonName },
    ],
  })
  const ca = `http://${layout.trust.address}:${layout.trust.caPort}`
  const pem = await certify(ca, profile, request)
  writeFileSync(folderOf(layout, `${file}.key`), privateKey, { mode: 0o600 })
  // With the intermediate CA, so that clients that trust only the root can verify the chain.
  writeFileSync(certificateFile, pem + (await fetchText(`${ca}/intermediate`)))
  return Buffer.from(pem)
}

/**
 * Makes the registry's certificate for management requests, which the configuration publishes. It is
 * self-signed, because no CA runs yet.
 */
export function registrationCertificate(layout: Layout, at: Date): void {
  const certificateFile = folderOf(layout, 'registry/registration.pem')
  if (existsSync(certificateFile)) return
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const names = { hostName: 'registry.sandbox.example', ipAddresses: [layout.registry.address] }
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
  writeFileSync(folderOf(layout, 'registry/registration.key'), key, { mode: 0o600 })
  writeFileSync(certificateFile, certificatePem(selfSignedCertificate({ privateKey, names, at })))
}

function firstOf(pem: string): Buffer {
  const end = '-----END CERTIFICATE-----'
  return Buffer.from(pem.slice(0, pem.indexOf(end) + end.length))
}
