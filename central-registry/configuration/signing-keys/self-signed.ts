/**
 * Makes a self-signed certificate for a signing key of the configuration. It only carries the public key; the
 * anchor names it.
 */
import { createHash, randomBytes } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { publicHalf, type SigningKey, signDerWith } from '#core/signature/signing-key.ts'

const VALID_YEARS = 20

/**
 * DER of a version 3 certificate for `key` (P-256 or RSA), valid for 20 years and from one day before `at`.
 */
export async function selfSignedCertificate(q: {
  key: SigningKey
  commonName: string
  at: Date
}): Promise<Buffer> {
  const publicKey = publicHalf(q.key)
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const isEc = publicKey.asymmetricKeyType === 'ec'
  const algorithm = isEc
    ? der.sequence(der.oid(OID.ecdsaWithSHA256))
    : der.sequence(der.oid(OID.sha256WithRSAEncryption), der.null())
  const name = der.sequence(der.set(der.sequence(der.oid(OID.commonName), der.utf8(q.commonName))))
  const serial = Buffer.concat([Buffer.from([0x01]), randomBytes(15)])
  const notBefore = new Date(q.at.getTime() - 24 * 3600 * 1000)
  const notAfter = new Date(q.at)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + VALID_YEARS)
  const extensions = der.explicit(
    3,
    der.sequence(
      extension(
        OID.subjectKeyIdentifier,
        false,
        der.octetString(createHash('sha256').update(spki).digest().subarray(0, 20)),
      ),
      // digitalSignature
      extension(OID.keyUsage, true, der.bitString(Buffer.from([0x80]), 7)),
    ),
  )
  const tbs = der.sequence(
    der.explicit(0, der.integer(2)),
    der.integer(BigInt(`0x${serial.toString('hex')}`)),
    algorithm,
    name,
    der.sequence(time(notBefore), time(notAfter)),
    name,
    spki,
    extensions,
  )
  return der.sequence(tbs, algorithm, der.bitString(await signDerWith(q.key, 'sha256', tbs)))
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  const parts = critical ? [der.oid(oid), der.boolean(true)] : [der.oid(oid)]
  return der.sequence(...parts, der.octetString(value))
}

/** RFC 5280 4.1.2.5: UTCTime through 2049. */
function time(date: Date): Buffer {
  return date.getUTCFullYear() < 2050 ? der.utcTime(date) : der.generalizedTime(date)
}
