/**
 * Writes and renews evidence records (RFC 4998 sections 4.2 and 5.2). The caller first asks for the hash to
 * be stamped, gets a time-stamp over it (alone, or under a hash tree with others) from an authority, and then
 * adds it here.
 */
import { der } from '#core/asn1/der-write.ts'
import { digestOf, writeDigest } from '#core/timestamp/digest.ts'
import type { DigestName } from '#schemas/wire.ts'
import { type EvidenceRecord, readEvidenceRecord } from './read-evidence-record.ts'

/** A time-stamp over the root of a hash tree, and the lists that lead from one object to this root. */
export type GivenStamp = { digest: DigestName; lists: Buffer[][]; token: Buffer }

/** The hash of a new object. */
export function objectHash(data: Buffer, digest: DigestName): Buffer {
  return digestOf(digest, data)
}

/**
 * The hash that a time-stamp renewal covers: the hash of the last time-stamp. `digest` must be the digest of
 * the chain.
 */
export function renewedStampHash(record: EvidenceRecord, digest: DigestName): Buffer {
  return digestOf(digest, record.chains.at(-1)!.stamps.at(-1)!.token)
}

/** The hash that a hash-tree renewal covers: the object and all older chains, by a new digest. */
export function renewedTreeHash(
  chains: readonly { raw: Buffer }[],
  data: Buffer,
  digest: DigestName,
): Buffer {
  const older = digestOf(digest, der.sequence(...chains.map(({ raw }) => raw)))
  return digestOf(digest, Buffer.concat([digestOf(digest, data), older]))
}

/** A new record with one archive time-stamp. */
export function newEvidenceRecord(stamp: GivenStamp): Buffer {
  return write([stamp.digest], [der.sequence(writeStamp(stamp))])
}

/** The record with one more time-stamp in its last chain. Throws `malformed_evidence_record`. */
export function renewTimeStamp(bytes: Buffer, stamp: GivenStamp): Buffer {
  const { digests, chains } = readEvidenceRecord(bytes)
  const last = chains.at(-1)!
  const older = chains.slice(0, -1).map(({ raw }) => raw)
  const stamps = [...last.stamps.map(writeStamp), writeStamp(stamp)]
  return write(digests, [...older, der.sequence(...stamps)])
}

/** The record with one more chain. Throws `malformed_evidence_record`. */
export function renewHashTree(bytes: Buffer, stamp: GivenStamp): Buffer {
  const { digests, chains } = readEvidenceRecord(bytes)
  return write([...digests, stamp.digest], [...chains.map(({ raw }) => raw), der.sequence(writeStamp(stamp))])
}

function write(digests: DigestName[], chains: Buffer[]): Buffer {
  return der.sequence(
    der.integer(1),
    der.sequence(...[...new Set(digests)].map(writeDigest)),
    der.sequence(...chains),
  )
}

function writeStamp({
  digest,
  lists,
  token,
}: Omit<GivenStamp, 'digest'> & { digest: DigestName | undefined }): Buffer {
  return der.sequence(
    ...(digest === undefined ? [] : [der.implicit(0, writeDigest(digest))]),
    ...(lists.length === 0
      ? []
      : [der.implicit(2, der.sequence(...lists.map((list) => der.sequence(...list.map(der.octetString)))))]),
    token,
  )
}
