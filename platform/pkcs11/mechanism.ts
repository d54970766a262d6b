/**
 * How a token makes the signatures that we need: we compute the digest, and the token signs it with the
 * mechanism for the key.
 */
import { createHash } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { SigningMethod } from '#core/signature/signing-key.ts'
import { MECHANISM, PSS_DIGEST } from './constants.ts'
import type { Mechanism } from './message.ts'

/** The input and the mechanism for the token. `curveBytes`: the length of the key's order, for ECDSA. */
export function operationFor(
  method: SigningMethod,
  data: Buffer,
  curveBytes: number,
): { mechanism: Mechanism; input: Buffer } {
  const digest = createHash(method.digest).update(data).digest()
  switch (method.kind) {
    case 'ecdsa':
      // FIPS 186-5 6.4.1: the leftmost bits. Cut here, since older modules refuse a digest longer than the
      // order.
      return { mechanism: { type: MECHANISM.ecdsa }, input: digest.subarray(0, curveBytes) }
    case 'rsa': {
      // RFC 8017 9.2: CKM_RSA_PKCS adds the padding, but the caller must build the DigestInfo.
      const algorithm = der.sequence(der.oid(OID[method.digest]), der.null())
      return {
        mechanism: { type: MECHANISM.rsaPkcs },
        input: der.sequence(algorithm, der.octetString(digest)),
      }
    }
    case 'rsa-pss': {
      const { hash, mgf, length } = PSS_DIGEST[method.digest]
      return { mechanism: { type: MECHANISM.rsaPss, pss: { hash, mgf, saltLength: length } }, input: digest }
    }
  }
}
