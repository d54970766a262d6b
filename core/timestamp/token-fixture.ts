/** For tests only: an authority, and its tokens, in which every field can be wrong on purpose. */
import { createHash, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import {
  bake,
  type CertificateRecipe,
  commonName,
  ECDSA_SHA256,
  extendedKeyUsage,
  type KeyPair,
  keyUsage,
  newKey,
} from '#core/certificate/certificate-fixture.ts'
import { writeTstInfo } from './tst-info.ts'
import { type TimeStampQuestion, verifyTimeStampToken } from './verify-token.ts'
import { type TokenQuestion, writeToken } from './write-token.ts'

export const NOW = new Date(Math.floor(Date.now() / 1000) * 1000)
export const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000)
export const YEAR = 365 * 86_400
export const POLICY = '1.2.3.4.1'
export const DATA = Buffer.from('what is stamped')
export const IMPRINT = createHash('sha512').update(DATA).digest()

export const tsaKey = newKey()
export const caKey = newKey()
export const CA = commonName('CA')

/** A certificate of the CA, by default for an authority. */
export function issued(recipe: Partial<CertificateRecipe> = {}): Certificate {
  const serial = der.integer(2)
  const validity = { notBefore: after(-YEAR), notAfter: after(YEAR) }
  const usage = [extendedKeyUsage([OID.timeStamping], true), keyUsage(0xc0)]
  const base = { key: tsaKey, subject: commonName('TSA'), issuer: CA, signer: caKey, serial, ...validity }
  return parseCertificate(bake({ ...base, extensions: usage, ...recipe }))
}
export const tsa = issued()

export function signerOf(key: KeyPair, algorithm = ECDSA_SHA256, digest = 'sha256'): TokenQuestion['sign'] {
  return (tbs) => ({ algorithm, value: sign(digest, tbs, key.privateKey) })
}

const INFO = { digest: 'SHA-512' as const, imprint: IMPRINT, policy: POLICY, serialNumber: 77n, time: NOW }

/** A token over DATA, with the given changes. */
export function token(
  change: Partial<TokenQuestion> = {},
  info: Partial<Parameters<typeof writeTstInfo>[0]> = {},
): Buffer {
  return writeToken({
    content: writeTstInfo({ ...INFO, ...info }),
    certificate: tsa,
    includeCertificates: [],
    digest: 'SHA-256',
    sign: signerOf(tsaKey),
    ...change,
  })
}

/** The verdict on a token over DATA. */
export function ask(
  bytes: Buffer,
  change: Partial<TimeStampQuestion> = {},
): ReturnType<typeof verifyTimeStampToken> {
  return verifyTimeStampToken({ token: bytes, data: DATA, tsaCertificates: [tsa], ...change })
}
