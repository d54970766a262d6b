/**
 * The file of the internal TLS key: the sealed private key and the certificates presented for it, so that one
 * write changes both.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { asSealed, type Sealed } from './seal.ts'
import type { SoftwareToken } from './software-token.ts'
import { parseJson } from './token-file.ts'

export type StoredInternalTls = {
  spki: Buffer
  sealed: Sealed
  /** The key's own certificate first, then those of its issuers that were imported. */
  chain: [Certificate, ...Certificate[]]
}

const CONTEXT = 'concordat internal tls key'

/** Seals a new key under the token key; throws `token_not_active` while the token is locked. */
export function sealInternalTls(
  privateKey: KeyObject,
  token: Pick<SoftwareToken, 'seal'>,
): Pick<StoredInternalTls, 'spki' | 'sealed'> {
  const plain = privateKey.export({ format: 'der', type: 'pkcs8' })
  const sealed = token.seal(CONTEXT, plain)
  plain.fill(0)
  return { spki: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }), sealed }
}

/** The private key; throws `io_error` when the file was altered or belongs to another token. */
export function openInternalTls(stored: StoredInternalTls, token: Pick<SoftwareToken, 'unseal'>): KeyObject {
  const plain = token.unseal(CONTEXT, stored.sealed)
  if (plain === undefined)
    throw new Fault('io_error', { what: say`the internal TLS key does not open with this token` })
  try {
    const privateKey = createPrivateKey({ key: plain, format: 'der', type: 'pkcs8' })
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
    if (!spki.equals(stored.spki))
      throw new Fault('io_error', { what: say`the internal TLS key is not the one it says` })
    return privateKey
  } finally {
    plain.fill(0)
  }
}

export function writeInternalTlsFile({ spki, sealed, chain }: StoredInternalTls): Buffer {
  const value = {
    version: 1,
    spki: spki.toString('base64'),
    sealed,
    certificates: chain.map(({ der }) => der.toString('base64')),
  }
  return Buffer.from(JSON.stringify(value, null, 1))
}

/** Reads the file; throws `io_error` with its name when it is damaged. */
export function readInternalTlsFile(text: string, name: string): StoredInternalTls {
  const value = parseJson(text, name) as Record<string, unknown>
  const { version, spki, certificates } = value
  try {
    if (version !== 1 || typeof spki !== 'string' || !Array.isArray(certificates)) throw new Error('form')
    const [own, ...issuers] = certificates.map((one: unknown) =>
      parseCertificate(Buffer.from(String(one), 'base64')),
    )
    if (own === undefined || !own.spki.equals(Buffer.from(spki, 'base64'))) throw new Error('certificate')
    return { spki: own.spki, sealed: asSealed(value['sealed'], name), chain: [own, ...issuers] }
  } catch (cause) {
    throw new Fault('io_error', { what: `${name} is damaged`, cause })
  }
}
