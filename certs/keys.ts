/** Makes the keys of the trust services and signs OCSP answers and time-stamps with them. */
import { generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { DerSigner } from '#core/certificate/ocsp-write.ts'

export type KeyKind = 'P-256' | 'RSA-2048' | 'RSA-3072'

const generate = promisify(generateKeyPair)

export async function generateKey(kind: KeyKind): Promise<KeyObject> {
  if (kind === 'P-256') return (await generate('ec', { namedCurve: 'P-256' })).privateKey
  return (await generate('rsa', { modulusLength: Number(kind.slice(4)) })).privateKey
}

/** Signs with SHA-256: ECDSA for EC keys, PKCS #1 v1.5 for RSA keys. */
export function signerOf(key: KeyObject): DerSigner {
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? der.sequence(der.oid(OID.ecdsaWithSHA256))
      : der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
  return (tbs) => ({ algorithm, value: sign('sha256', tbs, key) })
}
