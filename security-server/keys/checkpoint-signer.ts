/** Who countersigns the log's tree heads: what bundles and archives bring of the owner's signing certificate. */
import { Fault } from '#schemas/fault.ts'
import { memberOf, type ServerId } from '#schemas/identifiers.ts'
import type { Keys } from './keys.ts'

/** DER, the certificate first. Undefined while the token is locked: messages of the owner may prove the same certificate. */
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
