/** How a token makes the signatures that we need: it gets the digest, which is made here, and the mechanism of the key. */
import { createHash } from 'node:crypto'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { SigningMethod } from '#core/signature/signing-key.ts'
import { MECHANISM, PSS_DIGEST } from './constants.ts'
import type { Mechanism } from './message.ts'

/** What the token is asked to sign, and how. `curveBytes`: the length of the key's order, for ECDSA. */
export function operationFor(
  method: SigningMethod,
  data: Buffer,
  curveBytes: number,
): { mechanism: Mechanism; input: Buffer } {
  const digest = createHash(method.digest).update(data).digest()
  switch (method.kind) {
    case 'ecdsa':
      // FIPS 186-5 6.4.1: the leftmost bits. Cut here, as older modules refuse a digest longer than the order.
      return { mechanism: { type: MECHANISM.ecdsa }, input: digest.subarray(0, curveBytes) }
    case 'rsa': {
      // RFC 8017 9.2: CKM_RSA_PKCS pads, but the DigestInfo is the caller's.
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
