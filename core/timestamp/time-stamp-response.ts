/**
 * Time-stamp responses (RFC 3161 section 2.4.2): reads the token of a granted one; writes granted and
 * rejected ones for our own authority.
 */
import {
  children,
  type Der,
  expectTag,
  malformed,
  parseDer,
  readBitString,
  readSmallInteger,
  readText,
  TAG,
} from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import type { Certificate } from '#core/certificate/certificate.ts'
import type { DerSigner } from '#core/certificate/ocsp-write.ts'
import { Fault } from '#schemas/fault.ts'
import { definiteForm } from './definite-form.ts'
import { asTimeStampFault } from './faults.ts'
import type { TimeStampRequest } from './time-stamp-request.ts'
import { writeTstInfo } from './tst-info.ts'
import { type TokenQuestion, writeToken } from './write-token.ts'

/** PKIFailureInfo: bit numbers. */
const FAILURE = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const

type TimeStampFailure = keyof typeof FAILURE

const REJECTION = 2
const MAX_TEXT = 200

/**
 * The token (ContentInfo, in DER) of a granted response; does not verify it. Throws `timestamping_failed`
 * with the authority's reason when it refused, `malformed_timestamp` when the response cannot be read.
 */
export function readTimeStampResponse(bytes: Buffer): Buffer {
  return asTimeStampFault('response', () => {
    const response = expectTag(parseDer(definiteForm(bytes)), TAG.sequence, 'response')
    const [status, token, ...more] = children(response)
    if (more.length > 0) throw malformed('fields after the token')
    const refusal = readStatus(expectTag(status, TAG.sequence, 'status'))
    if (refusal !== undefined) throw new Fault('timestamping_failed', { what: refusal })
    return expectTag(token, TAG.sequence, 'token').raw
  })
}

/** Why the authority refused; undefined when it granted (0) or granted with modifications (1). */
function readStatus(status: Der): string | undefined {
  const fields = children(status)
  const code = readSmallInteger(fields.shift())
  const texts = fields[0]?.tag === TAG.sequence ? children(fields.shift()!).map((text) => readText(text)) : []
  const bits = fields[0]?.tag === TAG.bitString ? readBitString(fields.shift()!).bytes : Buffer.alloc(0)
  if (fields.length > 0) throw malformed('fields after the failure')
  if (code === 0 || code === 1) return undefined
  const isSet = (bit: number): boolean => ((bits[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0
  const failures = Object.entries(FAILURE).flatMap(([name, bit]) => (isSet(bit) ? [name] : []))
  const said = texts
    .join('; ')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, MAX_TEXT)
  return ['the authority refused', `status ${code}`, ...failures, ...(said === '' ? [] : [said])].join(', ')
}

/** A granted response to `request`; the token includes certificates only if the request asks for them. */
export function buildTimeStampResponse(q: {
  request: TimeStampRequest
  time: Date
  serialNumber: bigint
  policy: string
  accuracySeconds?: number
  certificate: Certificate
  includeCertificates: Certificate[]
  digest: TokenQuestion['digest']
  sign: DerSigner
}): Buffer {
  const { digest, imprint, nonce, certReq } = q.request
  const { time, serialNumber, policy, accuracySeconds } = q
  const token = writeToken({
    content: writeTstInfo({ digest, imprint, nonce, time, serialNumber, policy, accuracySeconds }),
    certificate: q.certificate,
    includeCertificates: certReq ? q.includeCertificates : [],
    digest: q.digest,
    sign: q.sign,
  })
  return der.sequence(der.sequence(der.integer(0)), token)
}

/** An unsigned rejection. */
export function buildTimeStampRejection(failure: TimeStampFailure, text: string): Buffer {
  const bit = FAILURE[failure]
  const bytes = Buffer.alloc((bit >> 3) + 1)
  bytes[bit >> 3] = 0x80 >> (bit & 7)
  const status = [der.integer(REJECTION), der.sequence(der.utf8(text)), der.bitString(bytes, 7 - (bit & 7))]
  return der.sequence(der.sequence(...status))
}
