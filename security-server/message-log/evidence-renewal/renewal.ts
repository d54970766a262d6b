/** How an evidence record is renewed and when the next renewal is due (docs/validation-policy.md). */
import { parseCertificate } from '#core/certificate/certificate.ts'
import { type AlgorithmEnds, digestEnd } from '#core/evidence-bundle/validation-policy.ts'
import { readEvidenceRecord } from '#core/evidence-record/read-evidence-record.ts'
import { type StampEnd, verifyEvidenceRecord } from '#core/evidence-record/verify-evidence-record.ts'
import {
  type GivenStamp,
  newEvidenceRecord,
  objectHash,
  renewedStampHash,
  renewedTreeHash,
  renewHashTree,
  renewTimeStamp,
} from '#core/evidence-record/write-evidence-record.ts'
import { Fault } from '#schemas/fault.ts'

export type RenewalPolicy = {
  /** How long before the end of its proof a record is renewed. */
  beforeMs: number
  ends: AlgorithmEnds
}

/**
 * The digests for time-stamp requests, in order of preference; the first that is valid long enough is used.
 */
const DIGESTS = ['SHA-512', 'SHA-384', 'SHA-256'] as const
export type StampDigest = (typeof DIGESTS)[number]

/** The hash to be stamped, and the function that writes the record with the stamp. */
export type Renewal = {
  digest: StampDigest
  covered: Buffer
  write(stamp: Omit<GivenStamp, 'digest'>): Buffer
}

/** A first record over `data`. Throws `timestamping_failed` when no digest is valid for long enough. */
export function firstRecord(data: Buffer, now: number, policy: RenewalPolicy): Renewal {
  const digest = digestOfNow(now, policy)
  return {
    digest,
    covered: objectHash(data, digest),
    write: (stamp) => newEvidenceRecord({ digest, ...stamp }),
  }
}

/**
 * Renews a record: with a time-stamp over the last one, or with a new chain over everything when the chain's
 * digest is about to expire.
 */
export function renewalOf(record: Buffer, data: Buffer, now: number, policy: RenewalPolicy): Renewal {
  const read = readEvidenceRecord(record)
  const digest = read.chains.at(-1)!.stamps[0]!.digest
  const stays = DIGESTS.find((one) => one === digest && endsLater(one, now, policy))
  if (stays !== undefined) {
    return {
      digest: stays,
      covered: renewedStampHash(read, stays),
      write: (stamp) => renewTimeStamp(record, { digest: stays, ...stamp }),
    }
  }
  const next = digestOfNow(now, policy)
  return {
    digest: next,
    covered: renewedTreeHash(read.chains, data, next),
    write: (stamp) => renewHashTree(record, { digest: next, ...stamp }),
  }
}

/**
 * When the proof of a record ends, judged by the certificates that the authorities sent with their stamps.
 */
export function endOf(q: {
  record: Buffer
  data: Buffer
  certificates: Buffer[]
  policy: RenewalPolicy
}): StampEnd {
  const tsaCertificates = q.certificates.map((der) => parseCertificate(der))
  return verifyEvidenceRecord({ record: q.record, data: q.data, tsaCertificates, ends: q.policy.ends }).end
}

function digestOfNow(now: number, policy: RenewalPolicy): StampDigest {
  const found = DIGESTS.find((one) => endsLater(one, now, policy))
  if (found === undefined)
    throw new Fault('timestamping_failed', { what: 'no digest counts for long enough' })
  return found
}

function endsLater(digest: StampDigest, now: number, { ends, beforeMs }: RenewalPolicy): boolean {
  return digestEnd(digest, ends) > now + beforeMs
}
