/**
 * Time-stamp requests (RFC 3161 section 2.4.1); by default as X-Road sends them: SHA-512, no nonce, no
 * certReq.
 */
import {
  children,
  expectTag,
  malformed,
  parseDer,
  readBoolean,
  readInteger,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { readMessageExtensions } from '#core/certificate/ocsp-extensions.ts'
import type { DigestName } from '#schemas/wire.ts'
import { asTimeStampFault } from './faults.ts'
import { asSequence, readImprint, writeImprint } from './tst-info.ts'

const MAX_REQUEST_BYTES = 4096

export type TimeStampRequest = {
  imprint: Buffer
  digest: DigestName
  nonce?: bigint
  certReq: boolean
  policy?: string
}

/** `imprint` is the digest to be stamped. */
export function buildTimeStampRequest(q: {
  imprint: Buffer
  digest?: 'SHA-512' | 'SHA-384' | 'SHA-256'
  nonce?: bigint
  certReq?: boolean
  policy?: string
}): Buffer {
  return der.sequence(
    der.integer(1),
    writeImprint({ digest: q.digest ?? 'SHA-512', imprint: q.imprint }),
    ...(q.policy === undefined ? [] : [der.oid(q.policy)]),
    ...(q.nonce === undefined ? [] : [der.integer(q.nonce)]),
    ...(q.certReq === true ? [der.boolean(true)] : []),
  )
}

/**
 * Reads a request for an authority. Throws `malformed_timestamp`, also for critical extensions and unknown
 * digests.
 */
export function parseTimeStampRequest(bytes: Buffer): TimeStampRequest {
  return asTimeStampFault('request', () => {
    if (bytes.length > MAX_REQUEST_BYTES) throw malformed(`longer than ${MAX_REQUEST_BYTES} bytes`)
    const fields = children(expectTag(parseDer(bytes), TAG.sequence, 'request'))
    const [version, imprint] = fields.splice(0, 2)
    if (readSmallInteger(version) !== 1) throw malformed('request version')
    const policy = fields[0]?.tag === TAG.oid ? readOid(fields.shift()) : undefined
    const nonce = fields[0]?.tag === TAG.integer ? readInteger(fields.shift()) : undefined
    const certReq = fields[0]?.tag === TAG.boolean ? readBoolean(fields.shift()) : false
    if (fields[0]?.tag === 0xa0) readMessageExtensions(asSequence(fields.shift()!), [])
    if (fields.length > 0) throw malformed('unknown fields in the request')
    return {
      ...readImprint(imprint),
      certReq,
      ...(policy !== undefined && { policy }),
      ...(nonce !== undefined && { nonce }),
    }
  })
}
