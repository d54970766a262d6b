/** A configuration signing key with its self-signed certificate, made at test time. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'

export type ConfigurationSigner = { key: KeyObject; certificate: Buffer }

const RSA_WITH_SHA256 = '1.2.840.113549.1.1.11'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'

/** A fresh key: P-256, or RSA 2048. */
export function createConfigurationSigner(name: string, kind: 'ec' | 'rsa' = 'ec'): ConfigurationSigner {
  const { privateKey, publicKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const algorithm =
    kind === 'ec'
      ? der.sequence(der.oid(ECDSA_WITH_SHA256))
      : der.sequence(der.oid(RSA_WITH_SHA256), der.null())
  const subject = der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8(name))))
  const tbs = der.sequence(
    der.explicit(0, der.integer(2)),
    der.integer(1),
    algorithm,
    subject,
    der.sequence(
      der.utcTime(new Date('2020-01-01T00:00:00Z')),
      der.utcTime(new Date('2049-01-01T00:00:00Z')),
    ),
    subject,
    publicKey.export({ format: 'der', type: 'spki' }),
  )
  const signature = sign('sha256', tbs, privateKey)
  return { key: privateKey, certificate: der.sequence(tbs, algorithm, der.bitString(signature)) }
}
