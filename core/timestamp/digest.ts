/** The digests of time-stamps: their names in this project, in node:crypto and in ASN.1. */
import { createHash } from 'node:crypto'
import { children, type Der, expectTag, malformed, readNull, readOid, TAG } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import type { DigestName } from '#schemas/wire.ts'

const ROWS: Record<DigestName, { node: string; oid: string; bytes: number }> = {
  'SHA-1': { node: 'sha1', oid: OID.sha1, bytes: 20 },
  'SHA-224': { node: 'sha224', oid: OID.sha224, bytes: 28 },
  'SHA-256': { node: 'sha256', oid: OID.sha256, bytes: 32 },
  'SHA-384': { node: 'sha384', oid: OID.sha384, bytes: 48 },
  'SHA-512': { node: 'sha512', oid: OID.sha512, bytes: 64 },
}
const NAMES = new Map(Object.entries(ROWS).map(([name, row]) => [row.oid, name as DigestName]))

/**
 * Whether a message imprint or certificate hash may use this digest; SHA-1 and SHA-224 are known only to
 * refuse them.
 */
export function isStrongDigest(name: DigestName): boolean {
  return ROWS[name].bytes >= 32
}

export function digestOf(name: DigestName, data: Buffer): Buffer {
  return createHash(ROWS[name].node).update(data).digest()
}

export function digestLength(name: DigestName): number {
  return ROWS[name].bytes
}

/** AlgorithmIdentifier with NULL parameters, as X-Road's TSP client writes it. */
export function writeDigest(name: DigestName): Buffer {
  return der.sequence(der.oid(ROWS[name].oid), der.null())
}

/**
 * AlgorithmIdentifier of a digest; parameters are absent or NULL (RFC 5754 section 2). Throws
 * `malformed_der`.
 */
export function readDigest(algorithm: Der | undefined): DigestName {
  const [oid, parameters, ...more] = children(expectTag(algorithm, TAG.sequence, 'digest algorithm'))
  if (parameters !== undefined) readNull(parameters)
  if (more.length > 0) throw malformed('fields after the digest parameters')
  const name = NAMES.get(readOid(oid))
  if (name === undefined) throw malformed('digest algorithm is not known')
  return name
}
