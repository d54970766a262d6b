/**
 * Reads an evidence record (RFC 4998 section 3.1) completely and strictly, in DER; does not decide whether to
 * trust it.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  parseDer,
  readOctetString,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { digestLength, readDigest } from '#core/timestamp/digest.ts'
import { asSequence } from '#core/timestamp/tst-info.ts'
import { Fault } from '#schemas/fault.ts'
import type { DigestName } from '#schemas/wire.ts'

export type ArchiveTimeStamp = {
  /** If absent, the digest of the time-stamp's message imprint applies. */
  digest: DigestName | undefined
  /**
   * The reduced hash tree; the list with the object's own hash comes first. Empty if the time-stamp is over
   * that hash itself.
   */
  lists: Buffer[][]
  /** The time-stamp (ContentInfo), byte for byte: a renewal hashes it. */
  token: Buffer
}

type ArchiveTimeStampChain = { stamps: ArchiveTimeStamp[]; raw: Buffer }

export type EvidenceRecord = { digests: DigestName[]; chains: ArchiveTimeStampChain[] }

const MAX_EVIDENCE_RECORD_BYTES = 1024 * 1024
const MAX_CHAINS = 32
const MAX_STAMPS = 128
const MAX_LISTS = 64
const MAX_HASHES = 1024

/** Throws `malformed_evidence_record`, also for records of encrypted objects. */
export function readEvidenceRecord(bytes: Buffer): EvidenceRecord {
  try {
    if (bytes.length > MAX_EVIDENCE_RECORD_BYTES) throw malformed('too long')
    return readFields(children(expectTag(parseDer(bytes), TAG.sequence, 'evidence record')))
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code !== 'malformed_der') throw cause
    throw new Fault('malformed_evidence_record', { what: cause.what, cause })
  }
}

function readFields(fields: Der[]): EvidenceRecord {
  if (readSmallInteger(fields.shift()) !== 1) throw malformed('version')
  const digests = some(fields.shift(), 'digest algorithms', MAX_CHAINS).map(readDigest)
  // cryptoInfos only help to find certificates, so they are skipped. Records of encrypted objects are
  // refused: we cannot decrypt them.
  if (fields[0]?.tag === 0xa0) fields.shift()
  if (fields[0]?.tag === 0xa1) throw malformed('an encrypted object')
  const chains = some(fields.shift(), 'archive time-stamp chains', MAX_CHAINS).map((chain) => ({
    stamps: some(chain, 'archive time-stamps', MAX_STAMPS).map(readStamp),
    raw: chain.raw,
  }))
  if (fields.length > 0) throw malformed('fields after the chains')
  return { digests, chains }
}

function readStamp(stamp: Der): ArchiveTimeStamp {
  const fields = children(expectTag(stamp, TAG.sequence, 'archive time-stamp'))
  const digest = fields[0]?.tag === 0xa0 ? readDigest(asSequence(fields.shift()!)) : undefined
  if (fields[0]?.tag === 0xa1) fields.shift()
  const lists = fields[0]?.tag === 0xa2 ? readLists(asSequence(fields.shift()!), digest) : []
  const token = expectTag(fields.shift(), TAG.sequence, 'time-stamp').raw
  if (fields.length > 0) throw malformed('fields after the time-stamp')
  return { digest, lists, token }
}

function readLists(tree: Der, digest: DigestName | undefined): Buffer[][] {
  return some(tree, 'reduced hash tree', MAX_LISTS).map((list) =>
    some(list, 'list of hashes', MAX_HASHES).map((hash) => {
      const value = readOctetString(hash)
      if (digest !== undefined && value.length !== digestLength(digest))
        throw malformed('a hash of wrong length')
      return value
    }),
  )
}

/** The elements of a SEQUENCE that must have at least one and at most `most`. */
function some(list: Der | undefined, what: string, most: number): Der[] {
  const found = children(expectTag(list, TAG.sequence, what))
  if (found.length === 0 || found.length > most) throw malformed(`none or too many: ${what}`)
  return found
}
