/**
 * Verifies the proof of when a container's signature existed: a time-stamp over the signature itself, or over
 * a hash chain.
 */
import { createHash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { nodeDigest } from '#core/signature/algorithms.ts'
import { verifyHashChain } from '#core/signature/hash-chain.ts'
import type { CheckedSignature } from '#core/signature/verify-signature.ts'
import { type TimeStamp, verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { PART_NAME } from '#schemas/wire.ts'
import { type Container, ENTRY } from './container.ts'
import { checkAsicManifest } from './manifests.ts'

/**
 * Verifies the container's time-stamp. Throws `timestamp_invalid` or `malformed_timestamp`, or
 * `malformed_signature` (as X-Road does) when the chain does not lead from this signature to the stamped
 * data.
 */
export function verifyTimeStamp(
  container: Container,
  signature: CheckedSignature,
  tsaCertificates: Certificate[],
): TimeStamp {
  const { timestampHashChainResult: result, timestampHashChain: chain } = container
  if (result !== undefined && chain !== undefined) checkChain(container, result, chain)
  else if (container.asicManifest !== undefined)
    throw new Fault('malformed_signature', {
      what: say`${ENTRY.asicManifest} is about no time-stamp of a hash chain`,
    })
  const token = container.timestampToken ?? (result === undefined ? signature.timeStampToken : undefined)
  if (token === undefined) throw new Fault('timestamp_invalid', { what: say`there is no time-stamp` })
  return verifyTimeStampToken({
    token,
    data: result ?? signature.signatureValue,
    tsaCertificates,
    // The configuration names exactly this certificate for time-stamping; X-Road requires no more.
    requireTimeStampingUsage: false,
    keys: 'of-its-time',
  })
}

function checkChain(container: Container, result: Buffer, chain: Buffer): void {
  try {
    verifyHashChain({
      result,
      chain,
      parts: [
        {
          name: PART_NAME.signatures,
          digest: (name) => createHash(nodeDigest(name)).update(container.signatures).digest(),
        },
      ],
    })
    if (container.asicManifest !== undefined) checkAsicManifest(container.asicManifest, result)
  } catch (thrown) {
    const cause = asFault(thrown)
    throw new Fault('malformed_signature', {
      what: say`hash chain of the time-stamp: ${cause.said ?? ''}`,
      cause,
    })
  }
}
