/**
 * Checks a time-stamp batch: it is complete, it covers the stated documents, its own record commits to it,
 * and an authority signed it.
 */
import { hash } from 'node:crypto'
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { batchBytes } from '#core/evidence-bundle/stamp-batch.ts'
import { commit, type LeafFields } from '#core/merkle/leaf-form.ts'
import { buildTimeStampHashChains } from '#core/signature/hash-chain.ts'
import { checkSignature } from '#core/signature/verify-signature.ts'
import { verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { say } from '#schemas/said.ts'
import type { OpenedRecord } from '../../../message-log/records/open-record.ts'
import type { StoredRecord } from '../../../message-log/records/store.ts'
import { splitDigests } from '../../../message-log/time-stamps/batch.ts'
import { decodeEvidence } from '../../../message-log/time-stamps/stamp-record.ts'
import type { StoredTimeStamp } from '../../../message-log/time-stamps/store.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

export type StampedDocument = { id: number; digest: Buffer }

/**
 * `covered`: the documents after the previous batch up to the last one of this batch, in order. Throws
 * `log_inconsistent`, and the faults of the token.
 */
export async function checkTimeStamp(q: {
  stamp: StoredTimeStamp | undefined
  record: StoredRecord
  form: LeafFields
  opened: OpenedRecord | undefined
  covered: StampedDocument[]
  source: LogSource
  tsaCertificates: Certificate[] | undefined
}): Promise<void> {
  const { stamp, covered } = q
  if (stamp === undefined || stamp.idx !== q.record.idx)
    throw inconsistent(say`the time-stamp of this record is missing`)
  if (stamp.time !== q.form.time) throw inconsistent(say`the time of the time-stamp`)
  if (q.opened !== undefined) checkCommitments(stamp, q.form, q.opened)
  const digests = Buffer.concat(covered.map(({ digest }) => digest))
  if (
    covered[0]?.id !== stamp.first_id ||
    covered.at(-1)?.id !== stamp.last_id ||
    !digests.equals(stamp.digests)
  ) {
    throw inconsistent(say`the time-stamp does not cover the documents that wait for it`)
  }
  verifyTimeStampToken({
    token: stamp.token,
    tsaCertificates:
      q.tsaCertificates ?? decodeEvidence(stamp.evidence).certificates.map((der) => parseCertificate(der)),
    ...(await stampedData(stamp, q.source)),
  })
}

function checkCommitments(stamp: StoredTimeStamp, form: LeafFields, { key }: OpenedRecord): void {
  const token = commit('message', key.salt, hash('sha512', stamp.token, 'buffer'))
  const rest = commit('body', key.salt, hash('sha512', batchBytes(stamp), 'buffer'))
  if (token.toString('base64') !== form.message)
    throw inconsistent(say`the token is not what the leaf commits to`)
  if (rest.toString('base64') !== form.body)
    throw inconsistent(say`the time-stamp batch is not what the leaf commits to`)
}

async function stampedData(stamp: StoredTimeStamp, source: LogSource): Promise<{ data: Buffer }> {
  if (stamp.hash_chain_result === null) {
    const stored = await source.document(stamp.first_id)
    if (stored === undefined) throw inconsistent(say`the stamped document is missing`)
    return { data: (await checkSignature(stored.document)).signatureValue }
  }
  const { result } = buildTimeStampHashChains(splitDigests(stamp.digests))
  if (!result.equals(stamp.hash_chain_result))
    throw inconsistent(say`the hash chain result of the time-stamp`)
  return { data: result }
}
