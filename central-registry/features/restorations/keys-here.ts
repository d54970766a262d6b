/**
 * Which of the signing keys that a node remembers it can sign with: a certificate alone must not come back.
 */
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { publicHalf } from '#core/signature/signing-key.ts'
import { Fault } from '#schemas/fault.ts'
import type { PrivateKeys } from '../../configuration/signing-keys/private-keys.ts'
import type { SigningKeyKept } from './taken-away.ts'

/** Ids of the keys whose private halves are in this node's folder, or on its token. */
export async function keysHere(
  keys: readonly SigningKeyKept[],
  privateKeys: Pick<PrivateKeys, 'open'>,
): Promise<Set<string>> {
  const here = new Set<string>()
  for (const { id, certificate } of keys) {
    try {
      const named = publicKeyOf(readCertificate(Buffer.from(certificate, 'base64')))
      if (publicHalf(await privateKeys.open(id)).equals(named)) here.add(id)
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown
    }
  }
  return here
}
