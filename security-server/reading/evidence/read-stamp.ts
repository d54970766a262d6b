/**
 * The complete time-stamp batch that covers a record's signature: everything that the batch's own log record
 * commits to.
 */
import type { LogDatabase } from '../../message-log/log-store.ts'
import { decodeEvidence } from '../../message-log/time-stamps/stamp-record.ts'

export type StampProof = {
  /** Index of the log record that commits to the batch. */
  index: number
  firstId: number
  lastId: number
  digests: Buffer
  hashChainResult: Buffer | undefined
  token: Buffer
  certificates: Buffer[]
  ocspResponses: Buffer[]
}

/** Undefined for a record without a signature, and for one that has no time-stamp yet. */
export async function readStampProof(
  log: Pick<LogDatabase, 'records' | 'timeStamps'>,
  index: number,
): Promise<StampProof | undefined> {
  const { signatureId } = await log.records.get(index)
  const stamp = signatureId === null ? undefined : await log.timeStamps.covering(signatureId)
  if (stamp === undefined) return undefined
  return {
    index: Number(stamp.idx),
    firstId: Number(stamp.first_id),
    lastId: Number(stamp.last_id),
    digests: stamp.digests,
    hashChainResult: stamp.hash_chain_result ?? undefined,
    token: stamp.token,
    ...decodeEvidence(stamp.evidence),
  }
}
