/**
 * An authority of credentials for tests: its anchor, the certificate that signs, its holders' keys, its
 * status lists.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { SignJWT } from 'jose'
import { parseCertificate } from '#core/certificate/certificate.ts'
import {
  bake,
  caExtensions,
  commonName,
  extendedKeyUsage,
  type KeyPair,
  keyUsage,
  newKey,
} from '#core/certificate/certificate-fixture.ts'
import type { TrustedIssuer } from '#core/presentation/trusted-issuers.ts'

/** When everything in these tests happens. */
export const NOON = new Date('2030-06-01T12:00:00Z')
export const seconds = (at: Date): number => Math.floor(at.getTime() / 1000)

export const PERSON = 'urn:example:person:1'
export const LICENCE = 'org.iso.18013.5.1.mDL'
export const NAMES = 'org.iso.18013.5.1'

export type Authority = {
  name: string
  anchorDer: Buffer
  /** The certificate that signs, without the anchor. */
  chain: Buffer[]
  key: KeyPair
  trusted: TrustedIssuer
}

/** An authority named `name`, with one certificate below its anchor for both formats. */
export function authorityOf(
  name: string,
  types = [PERSON, LICENCE],
  validity: { notBefore?: Date; notAfter?: Date } = {},
): Authority {
  const [root, key] = [newKey(), newKey()]
  const issuer = commonName(`${name} root`)
  const anchor = { subject: issuer, key: root, extensions: caExtensions(), keyIdentifiers: true }
  const anchorDer = bake({ ...anchor, ...validity })
  const leaf = bake({
    subject: commonName(`${name} signer`),
    issuer,
    key,
    signer: root,
    extensions: [keyUsage(0x80), extendedKeyUsage(['1.0.18013.5.1.2'], true)],
    keyIdentifiers: true,
    ...validity,
  })
  const anchors = [{ certificate: parseCertificate(anchorDer) }]
  return {
    name,
    anchorDer,
    chain: [leaf],
    key,
    trusted: { name, types, anchors, requiresStatus: false, statusHosts: [] },
  }
}

/** A status list in the form of the draft, `values` by index. */
export async function statusListOf(
  authority: Authority,
  uri: string,
  values: Record<number, number>,
  changes: { bits?: number; claims?: Record<string, unknown>; typ?: string; key?: KeyObject } = {},
): Promise<string> {
  const { bits = 2, claims = {}, typ = 'statuslist+jwt', key = authority.key.privateKey } = changes
  const octets = Buffer.alloc(64)
  for (const [index, value] of Object.entries(values)) {
    const at = Number(index) * bits
    octets[at >> 3]! |= value << (at & 7)
  }
  const list = { bits, lst: deflateSync(octets).toString('base64url') }
  return await new SignJWT({ sub: uri, iat: seconds(NOON) - 60, ttl: 3600, status_list: list, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ, x5c: x5cOf(authority.chain) })
    .sign(key)
}

export function x5cOf(chain: Buffer[]): string[] {
  return chain.map((der) => der.toString('base64'))
}

/** The private JWK of a pair, for libraries that want it so. */
export function privateJwk({ privateKey }: KeyPair): Record<string, string> {
  return createPrivateKey({ key: privateKey.export({ format: 'pem', type: 'pkcs8' }) }).export({
    format: 'jwk',
  }) as Record<string, string>
}

export function publicJwk(pair: KeyPair): Record<string, string> {
  const { kty, crv, x, y } = privateJwk(pair)
  return { kty: kty!, crv: crv!, x: x!, y: y! }
}
