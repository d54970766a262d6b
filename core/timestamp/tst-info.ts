/** TSTInfo (RFC 3161 section 2.4.2): what a time-stamping authority signs. */
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBoolean,
  readInteger,
  readOctetString,
  readOid,
  readSmallInteger,
  readTime,
  TAG,
} from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { readMessageExtensions } from '#core/certificate/ocsp-extensions.ts'
import type { DigestName } from '#schemas/wire.ts'
import { digestLength, readDigest, writeDigest } from './digest.ts'

type MessageImprint = { digest: DigestName; imprint: Buffer }

export type TstInfo = MessageImprint & {
  policy: string
  serialNumber: bigint
  /** With milliseconds; finer fractions are cut off. */
  time: Date
  /** In microseconds, if the authority states it. */
  accuracy: number | undefined
  nonce: bigint | undefined
}

/** Throws `malformed_der`. */
export function readTstInfo(bytes: Buffer): TstInfo {
  const fields = children(expectTag(parseDer(bytes), TAG.sequence, 'TSTInfo'))
  const [version, policy, imprint, serial, time] = fields.splice(0, 5)
  if (readSmallInteger(version) !== 1) throw malformed('TSTInfo version')
  const accuracy = fields[0]?.tag === TAG.sequence ? readAccuracy(fields.shift()!) : undefined
  // Some authorities write out the default (FALSE). We do not use `ordering`.
  if (fields[0]?.tag === TAG.boolean) readBoolean(fields.shift())
  const nonce = fields[0]?.tag === TAG.integer ? readInteger(fields.shift()) : undefined
  if (fields[0]?.tag === 0xa0) onlyChild(fields.shift()!)
  if (fields[0]?.tag === 0xa1) readMessageExtensions(asSequence(fields.shift()!), [])
  if (fields.length > 0) throw malformed('unknown fields in TSTInfo')
  return {
    policy: readOid(policy),
    ...readImprint(imprint),
    serialNumber: readInteger(serial),
    time: readTime(expectTag(time, TAG.generalizedTime, 'genTime'), { fractions: true }),
    accuracy,
    nonce,
  }
}

/** Reads a MessageImprint; the length must match the digest. Throws `malformed_der`. */
export function readImprint(imprint: Der | undefined): MessageImprint {
  const [algorithm, hashed, ...more] = children(expectTag(imprint, TAG.sequence, 'message imprint'))
  if (more.length > 0) throw malformed('fields after the message imprint')
  const digest = readDigest(algorithm)
  const value = readOctetString(hashed)
  if (value.length !== digestLength(digest)) throw malformed('message imprint of wrong length')
  return { digest, imprint: value }
}

export function writeImprint(q: MessageImprint): Buffer {
  return der.sequence(writeDigest(q.digest), der.octetString(q.imprint))
}

/** Converts extensions with an implicit tag back into a SEQUENCE. */
export function asSequence(tagged: Der): Der {
  return { ...tagged, tag: TAG.sequence }
}

function readAccuracy(accuracy: Der): number {
  const fields = children(accuracy)
  const take = (tag: number, limit: number): number => {
    if (fields[0]?.tag !== tag) return 0
    const value = readSmallInteger(fields.shift(), tag)
    if (value > limit) throw malformed('accuracy out of range')
    return value
  }
  const seconds = take(TAG.integer, 2 ** 31 - 1)
  const milliseconds = take(0x80, 999)
  const microseconds = take(0x81, 999)
  if (fields.length > 0) throw malformed('unknown fields in accuracy')
  return seconds * 1_000_000 + milliseconds * 1000 + microseconds
}

/** The DER of a TSTInfo. `time` is cut to whole seconds; without `accuracySeconds` there is no accuracy. */
export function writeTstInfo(
  q: MessageImprint & {
    policy: string
    serialNumber: bigint
    time: Date
    accuracySeconds?: number | undefined
    nonce?: bigint | undefined
  },
): Buffer {
  return der.sequence(
    der.integer(1),
    der.oid(q.policy),
    writeImprint(q),
    der.integer(q.serialNumber),
    der.generalizedTime(q.time),
    ...(q.accuracySeconds === undefined ? [] : [der.sequence(der.integer(q.accuracySeconds))]),
    ...(q.nonce === undefined ? [] : [der.integer(q.nonce)]),
  )
}
