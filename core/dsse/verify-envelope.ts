/**
 * Verifies the signatures of a DSSE envelope: the payload counts only when enough different trusted keys
 * signed it.
 */
import type { KeyObject } from 'node:crypto'
import { type Envelope, notHeld, signedBytes } from './envelope.ts'
import { isSignedBy } from './key-method.ts'

/** A public key that the caller trusts for this use, and the name under which signers know it. */
export type TrustedKey = { readonly key: KeyObject; readonly keyid?: string }

const MAX_KEYS = 16

/**
 * The different keys that signed, at least `threshold`. `payloadType` is the only one that the caller reads.
 * Throws `invalid_event_signature`. A signature that no trusted key made is passed over, as the protocol has
 * it.
 */
export function verifyEnvelope(
  envelope: Envelope,
  payloadType: string,
  trusted: readonly TrustedKey[],
  threshold = 1,
): KeyObject[] {
  // Each signature may be tried with each key, and a stranger wrote the signatures.
  if (trusted.length > MAX_KEYS || threshold < 1)
    throw new RangeError(`at most ${MAX_KEYS} keys, at least one of them`)
  if (envelope.payloadType !== payloadType) throw notHeld('its payloadType is another one')
  const data = signedBytes(envelope)
  const accepted: KeyObject[] = []
  for (const { keyid, value } of envelope.signatures) {
    const signer = trusted.find(
      (one) =>
        (keyid === undefined || one.keyid === undefined || one.keyid === keyid) &&
        !accepted.some((key) => key.equals(one.key)) &&
        isSignedBy(one.key, data, value),
    )
    if (signer !== undefined) accepted.push(signer.key)
  }
  if (accepted.length < threshold) throw notHeld('not enough trusted keys signed it')
  return accepted
}
