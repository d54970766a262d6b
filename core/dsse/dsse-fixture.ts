/** Keys and envelopes for tests. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { type Envelope, signedBytes } from './envelope.ts'
import { signatureValue } from './key-method.ts'

/** A private key of RFC 8032 (PKCS #8, RFC 8410). */
export function ed25519(seed: string): KeyObject {
  const pkcs8 = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex')
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}

// RFC 8032, section 7.1, TEST 1 and TEST 2.
/** A key whose signatures are always the same. */
export const A = ed25519('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60')
export const B = ed25519('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb')
export const KEYS = {
  A: { key: createPublicKey(A), keyid: 'A' },
  B: { key: createPublicKey(B), keyid: 'B' },
}

export async function envelopeOf(
  payloadType: string,
  payload: string,
  signers: [KeyObject, string?][],
): Promise<Envelope> {
  const body = Buffer.from(payload)
  const data = signedBytes({ payloadType, payload: body })
  const signatures = await Promise.all(
    signers.map(async ([key, keyid]) => ({
      ...(keyid === undefined ? {} : { keyid }),
      value: await signatureValue(key, data),
    })),
  )
  return { payloadType, payload: body, signatures }
}
