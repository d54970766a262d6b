/**
 * The exact path for documents of X-Road's own software: as verify-exact.ts, it reads the values where
 * X-Road's form has them, writes that form with them, and compares every byte. Any difference means that the
 * general path verifies the document.
 */
import { hash, type KeyObject } from 'node:crypto'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { fits, METHODS, type SignatureMethod, verifyValue } from './algorithms.ts'
import type { CheckedSignature } from './checked-signature.ts'
import { type KnownIdentity, knownIdentity } from './known-identities.ts'
import * as T from './template.ts'
import { identityOf } from './write-signature.ts'
import { inLines, LINE_BREAK, X_ROAD_PIECE, xRoadForm } from './x-road-form.ts'

const LEAST_BYTES = 4096
const MOST_BYTES = 128 * 1024
/** base64 of a SHA-512 digest, in two lines. */
const DIGEST_CHARACTERS = 88 + LINE_BREAK.length
const DIGEST_BYTES = 64
const LONGEST_URI = 100
const LONGEST_TIME = 24

type Values = {
  method: SignatureMethod
  uri: T.DataUri
  digest: Buffer
  /** As in the document. */
  valueText: string
  time: Date
  token: Buffer | undefined
  identity: KnownIdentity
}

/**
 * Verifies a document that is byte for byte what X-Road writes; undefined for any other. Throws
 * `invalid_signature_value` if everything but the signature value is right.
 */
export function checkSignatureXRoad(document: Buffer): CheckedSignature | undefined {
  if (document.length < LEAST_BYTES || document.length > MOST_BYTES) return undefined
  const values = readValues(document)
  const form = values && formOf(values)
  if (values === undefined || form === undefined) return undefined
  const { method, uri, digest, time, token, valueText, identity } = values
  const { signedInfo, pieces, key } = form
  const value = signatureValueOf(valueText)
  if (value === undefined || !consistsOf(document, pieces(valueText, token))) return undefined
  if (!verifyValue(method, key, signedInfo, value)) throw new Fault('invalid_signature_value')
  return {
    way: 'exact',
    certificate: identity.certificate,
    certificates: identity.intermediates,
    ocspResponses: identity.ocspResponses,
    signingTime: time,
    references: [{ uri, digest: 'SHA-512', value: digest }],
    signatureValue: value,
    signedInfoDigest: hash('sha256', signedInfo, 'buffer'),
    timeStampToken: token,
  }
}

/**
 * X-Road's form with these values; undefined if X-Road could not have written the names or the time, or the
 * key does not fit.
 */
function formOf(values: Values): (ReturnType<typeof xRoadForm> & { key: KeyObject }) | undefined {
  const { method, uri, digest, time } = values
  try {
    const key = publicKeyOf(values.identity.certificate)
    if (!fits(method, key)) return undefined
    const reference = { uri, sha512: digest }
    return {
      ...xRoadForm({ identity: identityOf(values.identity), method, reference, signingTime: time }),
      key,
    }
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

/**
 * The signature value, which stands between two line feeds: in one line since 7.4, before that in lines as
 * all base64.
 */
function signatureValueOf(text: string): Buffer | undefined {
  const value = decode(text)
  const base64 = value.toString('base64')
  if (value.length === 0) return undefined
  return text === `\n${base64}\n` || text === `\n${inLines(base64)}\n` ? value : undefined
}

function decode(text: string): Buffer {
  return Buffer.from(text.replaceAll(LINE_BREAK, ''), 'base64')
}

/** Whether the document is these pieces one after the other, and nothing else. */
function consistsOf(document: Buffer, pieces: readonly Buffer[]): boolean {
  let at = 0
  for (const piece of pieces) {
    const end = at + piece.length
    if (end > document.length || document.compare(piece, 0, piece.length, at, end) !== 0) return false
    at = end
  }
  return at === document.length
}

/**
 * Slices the values at the positions of X-Road's form. Wrong slices do no harm: the comparison detects them.
 */
function readValues(document: Buffer): Values | undefined {
  const { beforeMethod, beforeUri, beforeDigest, beforeProperties, beforeValue, end } = X_ROAD_PIECE
  let at = beforeMethod.length
  /** The text up to a mark, at most of a given length; the next one starts after `then`. */
  const upTo = (mark: string, then: string, most: number = MOST_BYTES): string | undefined => {
    const found = document.indexOf(mark, at)
    if (found < 0 || found - at > most) return undefined
    const text = document.toString('latin1', at, found)
    at = found + then.length
    return text
  }
  const method = METHODS.get(upTo('"', beforeUri, LONGEST_URI) ?? '')
  const uri = dataUri(upTo('"', beforeDigest, LONGEST_URI))
  if (method === undefined || uri === undefined) return undefined
  const digest = decode(document.toString('latin1', at, at + DIGEST_CHARACTERS))
  // As many letters may be one or two bytes more, which no digest of SHA-512 is.
  if (digest.length !== DIGEST_BYTES) return undefined
  at += 2 * DIGEST_CHARACTERS + beforeProperties.length + beforeValue.length
  const valueText = upTo('<', X_ROAD_PIECE.beforeCertificate)
  const certificate = upTo('\n</', X_ROAD_PIECE.beforeTime)
  const time = new Date(upTo('<', '', LONGEST_TIME) ?? '')
  upTo(X_ROAD_PIECE.beforeUnsigned, X_ROAD_PIECE.beforeUnsigned)
  const last = document.length - end.length
  if (valueText === undefined || certificate === undefined || Number.isNaN(time.getTime())) return undefined

  let token: Buffer | undefined
  if (document.toString('latin1', at, at + T.STAMP.open.length) === T.STAMP.open) {
    at += T.STAMP.open.length
    token = decode(upTo('<', T.STAMP.close) ?? '')
    if (token.length === 0) return undefined
  }
  if (at > last) return undefined
  const identity = knownIdentity(certificate.replaceAll(LINE_BREAK, ''), document.subarray(at, last))
  if (identity === undefined) return undefined
  return { method, uri, digest, valueText, time, token, identity }
}

function dataUri(text: string | undefined): T.DataUri | undefined {
  return text === '/message.xml' || text === '/sig-hashchainresult.xml' ? text : undefined
}
