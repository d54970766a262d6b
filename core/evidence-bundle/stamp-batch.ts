/**
 * The bytes that the record of a time-stamp batch commits to besides the token (docs/message-log-format.md
 * section 9).
 */

type StampBatch = {
  first_id: number
  last_id: number
  /** SHA-512 of each signature document, one after the other. */
  digests: Buffer
  hash_chain_result: Buffer | null
  /** encodeEvidence of the certificates and OCSP answers stored with the token. */
  evidence: Buffer
}

export const CERTIFICATE = 1
export const OCSP = 2

/** First and last id (8 octets each), then the three other parts, each preceded by its length. */
export function batchBytes(stored: StampBatch): Buffer {
  const ids = Buffer.alloc(16)
  ids.writeBigUInt64BE(BigInt(stored.first_id))
  ids.writeBigUInt64BE(BigInt(stored.last_id), 8)
  const parts = [stored.digests, stored.hash_chain_result ?? Buffer.alloc(0), stored.evidence]
  return Buffer.concat([ids, ...parts.flatMap((part) => [lengthOf(part), part])])
}

/** Repeated `type (1: certificate, 2: OCSP response) ‖ length (4) ‖ DER`, the certificates first. */
export function encodeEvidence(q: { certificates: Buffer[]; ocspResponses: Buffer[] }): Buffer {
  const entry = (type: number) => (der: Buffer) => [Buffer.of(type), lengthOf(der), der]
  return Buffer.concat([
    ...q.certificates.flatMap(entry(CERTIFICATE)),
    ...q.ocspResponses.flatMap(entry(OCSP)),
  ])
}

function lengthOf(part: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return length
}
