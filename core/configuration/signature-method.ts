/**
 * The signature and digest algorithms that a configuration directory may use, by their URIs; SHA-1 is not
 * among them.
 */
import { constants, type KeyObject, type SigningOptions } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { DIGEST_URI } from '#schemas/wire.ts'

type Digest = 'sha256' | 'sha384' | 'sha512'

const DIGESTS: ReadonlyMap<string, Digest> = new Map([
  [DIGEST_URI['SHA-256'], 'sha256'],
  [DIGEST_URI['SHA-384'], 'sha384'],
  [DIGEST_URI['SHA-512'], 'sha512'],
])
const SIZE: Record<Digest, number> = { sha256: 32, sha384: 48, sha512: 64 }
const PLAIN = /^http:\/\/www\.w3\.org\/2001\/04\/xmldsig-more#(rsa|ecdsa)-(sha256|sha384|sha512)$/
const PSS = /^http:\/\/www\.w3\.org\/2007\/05\/xmldsig-more#(sha256|sha384|sha512)-rsa-MGF1$/

/** The digest of an algorithm URI; `malformed_global_conf` for any other. */
export function digestOfUri(uri: string): Digest {
  const digest = DIGESTS.get(uri)
  if (digest === undefined) throw new Fault('malformed_global_conf', { what: 'an unknown hash algorithm' })
  return digest
}

/** The length of a digest in bytes. */
export function digestSize(digest: Digest): number {
  return SIZE[digest]
}

type Method = { digest: Digest; keyType: 'rsa' | 'ec'; options: SigningOptions }

/**
 * How node:crypto verifies and signs with the algorithm of this URI. ECDSA values are DER here, unlike in XML
 * signatures (XML Signature 1.1, 6.4.3).
 */
export function methodOfUri(uri: string): Method | undefined {
  const [, kind, digest] = PLAIN.exec(uri) ?? []
  if (kind === 'rsa') return { digest: digest as Digest, keyType: 'rsa', options: {} }
  if (kind === 'ecdsa') return { digest: digest as Digest, keyType: 'ec', options: { dsaEncoding: 'der' } }
  const [, pssDigest] = PSS.exec(uri) ?? []
  if (pssDigest === undefined) return undefined
  const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  return { digest: pssDigest as Digest, keyType: 'rsa', options }
}

/** The URI of the algorithm with which a key of this kind signs a directory: with SHA-512, as in X-Road. */
export function signatureUriFor(key: KeyObject): string {
  const kind = key.asymmetricKeyType
  if (kind !== 'rsa' && kind !== 'ec')
    throw new Error(`a configuration is not signed by a key of kind ${kind}`)
  return `http://www.w3.org/2001/04/xmldsig-more#${kind === 'rsa' ? 'rsa' : 'ecdsa'}-sha512`
}
