/**
 * Decides since when an evidence record proves that its object existed (RFC 4998 sections 4.3 and 5.3). Every
 * time-stamp must cover the right hash, come from a configured authority, and be renewed while it still
 * counted.
 */
import { type Certificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { type AlgorithmEnds, digestEnd, keyEnd } from '#core/evidence-bundle/validation-policy.ts'
import { isStrongDigest } from '#core/timestamp/digest.ts'
import { readSignedData } from '#core/timestamp/signed-data.ts'
import { readTstInfo } from '#core/timestamp/tst-info.ts'
import { type TimeStamp, verifyTimeStampToken } from '#core/timestamp/verify-token.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { DigestName } from '#schemas/wire.ts'
import { rootOf } from './hash-tree.ts'
import { type ArchiveTimeStamp, readEvidenceRecord } from './read-evidence-record.ts'
import { objectHash, renewedTreeHash } from './write-evidence-record.ts'

type EvidenceQuestion = {
  record: Buffer
  /** The object whose existence is to be proved. */
  data: Buffer
  /** Certificates of the approved authorities, from the configuration. */
  tsaCertificates: Certificate[]
  /** Ends of algorithms that replace those of the published policy. */
  ends?: AlgorithmEnds
}

export type StampEnd = { time: number; cause: 'certificate' | 'algorithm' }

type ProvenExistence = {
  /** The time of the first time-stamp: the object existed then. */
  since: Date
  /** Every time-stamp, in order. */
  stamps: { time: Date; tsa: Certificate; digest: DigestName }[]
  /**
   * When the last time-stamp stops counting. After that, the record proves nothing until newer evidence
   * covers it.
   */
  end: StampEnd
}

/**
 * Throws `malformed_evidence_record`, or `evidence_record_invalid` when it proves nothing. The caller checks
 * whether `end` has passed.
 */
export function verifyEvidenceRecord(q: EvidenceQuestion): ProvenExistence {
  const { chains, digests } = readEvidenceRecord(q.record)
  const stamps: ProvenExistence['stamps'] = []
  let end: StampEnd | undefined
  chains.forEach((chain, number) => {
    let before: ArchiveTimeStamp | undefined
    let digest: DigestName | undefined
    for (const stamp of chain.stamps) {
      digest ??= stamp.digest ?? imprintDigest(stamp.token)
      if ((stamp.digest ?? digest) !== digest) throw invalid(say`a chain of several digests`)
      if (!isStrongDigest(digest) || !digests.includes(digest))
        throw invalid(say`its digest is too weak or not declared`)
      const covered =
        before !== undefined
          ? objectHash(before.token, digest)
          : number === 0
            ? objectHash(q.data, digest)
            : renewedTreeHash(chains.slice(0, number), q.data, digest)
      const given = checkStamp(stamp, covered, digest, q)
      const last = stamps.at(-1)
      if (last !== undefined && given.latest < last.time) throw invalid(say`its time-stamps are not in order`)
      if (end !== undefined && given.latest.getTime() > end.time)
        throw invalid(say`it was not renewed in time`)
      stamps.push({ time: given.latest, tsa: given.certificate, digest })
      end = stampEnd(given, q.ends)
      before = stamp
    }
  })
  return { since: stamps[0]!.time, stamps, end: end! }
}

/**
 * When a time-stamp stops counting: when its authority's certificate expires, or at the end of the first of
 * its algorithms.
 */
export function stampEnd(stamp: TimeStamp, ends?: AlgorithmEnds): StampEnd {
  const certificate = stamp.certificate.notAfter.getTime()
  const algorithm = Math.min(
    keyEnd(publicKeyOf(stamp.certificate), ends),
    ...stamp.digests.map((name) => digestEnd(name, ends)),
  )
  return algorithm < certificate
    ? { time: algorithm, cause: 'algorithm' }
    : { time: certificate, cause: 'certificate' }
}

function checkStamp(
  { lists, token }: ArchiveTimeStamp,
  covered: Buffer,
  digest: DigestName,
  q: EvidenceQuestion,
): TimeStamp {
  const root = rootOf(covered, lists, digest)
  if (root === undefined) throw invalid(say`a hash tree without the hash that it is about`)
  const given = verified(token, root, q)
  if (given.digests[0] !== digest) throw invalid(say`a time-stamp over another digest`)
  return given
}

function verified(token: Buffer, imprint: Buffer, q: EvidenceQuestion): TimeStamp {
  try {
    return verifyTimeStampToken({
      ...{ token, imprint },
      tsaCertificates: q.tsaCertificates,
      requireTimeStampingUsage: false,
      keys: 'of-its-time',
    })
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault('evidence_record_invalid', { what: say`a time-stamp: ${cause.said ?? ''}`, cause })
  }
}

/**
 * The digest of an archive time-stamp that does not state one: the digest of the time-stamp's imprint
 * (section 3.1).
 */
function imprintDigest(token: Buffer): DigestName {
  try {
    return readTstInfo(readSignedData(token).content).digest
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause
    throw new Fault('malformed_evidence_record', { what: say`a time-stamp: ${cause.said ?? ''}`, cause })
  }
}

function invalid(what: Word): Fault {
  return new Fault('evidence_record_invalid', { what })
}
