/**
 * The owner's signing certificate, which signs the log's tree heads, as evidence bundles and archives contain
 * it.
 */
import { Fault } from '#schemas/fault.ts'
import { memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { Keys } from './keys.ts'

/**
 * Certificates in DER, the signing certificate first, and their OCSP responses. Undefined when there is no
 * signing identity, for example while the token is locked; the owner's messages may then still prove the same
 * certificate.
 */
export function checkpointSigner(
  keys: Pick<Keys, 'signingIdentity'>,
  server: ServerId,
): { certificates: Buffer[]; ocspResponses: Buffer[] } | undefined {
  try {
    const { certificate, intermediates, ocspResponses } = keys.signingIdentity(memberOf(server))
    return { certificates: [certificate, ...intermediates].map(({ der }) => der), ocspResponses }
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}
