/**
 * The exact path: reads the values of a document that looks like our template, writes the template with them,
 * and compares every byte. It does not parse XML. Any difference means that the document is not ours, and the
 * general path verifies it.
 */
import { hash, type KeyObject } from 'node:crypto'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { fits, METHODS, type SignatureMethod, verifyValue } from './algorithms.ts'
import type { CheckedSignature } from './checked-signature.ts'
import { type KnownIdentity, knownIdentity } from './known-identities.ts'
import * as T from './template.ts'
import { type Draft, draftSignature, fillDocument } from './write-signature.ts'

const QUOTE = 0x22
const LESS_THAN = 0x3c
/** base64 of a SHA-512 digest. */
const DIGEST_CHARACTERS = 88
const DIGEST_BYTES = 64
const TIME_CHARACTERS = 24
const LEAST_BYTES = 4096
const MOST_BYTES = 128 * 1024
const methodAt = T.DOCUMENT_HEAD.length + T.BEFORE_METHOD.length
const beforeUnsigned = Buffer.from(T.BEFORE_UNSIGNED)
/**
 * Buffer for the rewritten template. One is enough, since it is filled and read within one synchronous call.
 */
const scratch = Buffer.allocUnsafeSlow(2 * MOST_BYTES)
const stampOpen = Buffer.from(T.STAMP.open)

type Values = {
  method: SignatureMethod
  uri: T.DataUri
  digest: Buffer
  value: Buffer
  time: Date
  token: Buffer | undefined
  identity: KnownIdentity
}

/**
 * Verifies a document that is byte for byte what write-signature.ts writes; undefined for any other. Throws
 * `invalid_signature_value` if everything but the signature value is right.
 */
export function checkSignatureExact(document: Buffer): CheckedSignature | undefined {
  if (document.length < LEAST_BYTES || document.length > MOST_BYTES) return undefined
  const values = readValues(document)
  const prepared = values && prepare(values)
  if (values === undefined || prepared === undefined) return undefined
  const { method, uri, digest, value, time, token, identity } = values
  const { certificate, intermediates, ocspResponses } = identity
  const { draft, key } = prepared
  const rebuilt = fillDocument(draft, value.toString('base64'), token?.toString('base64'), (length) =>
    length === document.length ? scratch.subarray(0, length) : scratch,
  )
  if (!rebuilt.equals(document)) return undefined
  if (!verifyValue(method, key, draft.signedInfo, value)) throw new Fault('invalid_signature_value')
  return {
    way: 'exact',
    certificate,
    certificates: intermediates,
    ocspResponses,
    signingTime: time,
    references: [{ uri, digest: 'SHA-512', value: digest }],
    signatureValue: value,
    signedInfoDigest: hash('sha256', draft.signedInfo, 'buffer'),
    timeStampToken: token,
  }
}

/**
 * The document with these values; undefined if our template could never contain the certificate's key or
 * names.
 */
function prepare({
  method,
  uri,
  digest,
  time,
  identity,
}: Values): { draft: Draft; key: KeyObject } | undefined {
  try {
    const key = publicKeyOf(identity.certificate)
    if (!fits(method, key)) return undefined
    const reference = { uri, sha512: digest }
    return { draft: draftSignature({ ...identity, signingTime: time, reference, method }), key }
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/**
 * Slices the values at the positions of the template. Wrong slices do no harm: the comparison detects them.
 */
function readValues(document: Buffer): Values | undefined {
  const text = (start: number, end: number): string => document.toString('latin1', start, end)
  const bytes = (start: number, end: number): Buffer => Buffer.from(text(start, end), 'base64')

  const methodEnd = document.indexOf(QUOTE, methodAt)
  const method = METHODS.get(text(methodAt, Math.min(methodEnd, methodAt + 100)))
  const uriAt = methodEnd + T.BEFORE_URI.length
  const uriEnd = document.indexOf(QUOTE, uriAt)
  const uri = dataUri(text(uriAt, Math.min(uriEnd, uriAt + 100)))
  if (method === undefined || uri === undefined) return undefined
  const digestAt = uriEnd + T.BEFORE_DATA_DIGEST.length
  const digestEnd = digestAt + DIGEST_CHARACTERS
  const signedInfoEnd =
    digestEnd + T.BEFORE_PROPERTIES_DIGEST.length + DIGEST_CHARACTERS + T.SIGNED_INFO_END.length
  const valueAt = signedInfoEnd + T.BEFORE_VALUE.length
  const valueEnd = document.indexOf(LESS_THAN, valueAt)
  const certificateAt = valueEnd + T.BEFORE_CERTIFICATE.length
  const certificateEnd = document.indexOf(LESS_THAN, certificateAt)
  const timeAt = certificateEnd + T.BEFORE_PROPERTIES.length + T.BEFORE_TIME.length
  const time = new Date(text(timeAt, timeAt + TIME_CHARACTERS))
  const unsignedAt = document.indexOf(beforeUnsigned, timeAt) + beforeUnsigned.length
  const end = document.length - T.DOCUMENT_END.length
  if (valueEnd < 0 || certificateEnd < 0 || unsignedAt < timeAt || unsignedAt > end) return undefined
  if (Number.isNaN(time.getTime())) return undefined

  let token: Buffer | undefined
  let restAt = unsignedAt
  if (document.compare(stampOpen, 0, stampOpen.length, unsignedAt, unsignedAt + stampOpen.length) === 0) {
    const tokenAt = unsignedAt + stampOpen.length
    const tokenEnd = document.indexOf(LESS_THAN, tokenAt)
    token = bytes(tokenAt, tokenEnd)
    restAt = tokenEnd + T.STAMP.close.length
    if (token.length === 0 || tokenEnd < 0 || restAt > end) return undefined
  }
  const value = bytes(valueAt, valueEnd)
  // The general path says that it is malformed, and that it does not verify only of others.
  if (value.length === 0) return undefined
  const identity = knownIdentity(text(certificateAt, certificateEnd), document.subarray(restAt, end))
  if (identity === undefined) return undefined
  const digest = bytes(digestAt, digestEnd)
  // As many letters may be one or two bytes more, which no digest of SHA-512 is.
  if (digest.length !== DIGEST_BYTES) return undefined
  return { method, uri, digest, value, time, token, identity }
}

function dataUri(text: string): T.DataUri | undefined {
  return text === '/message.xml' || text === '/sig-hashchainresult.xml' ? text : undefined
}
