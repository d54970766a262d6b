/**
 * Writes the signature of a message: first the bytes to be signed, then the document with the signature
 * value. The texts that depend on the certificate and its OCSP responses are built once per identity; a
 * message then costs one hash and a few copies.
 */
import { hash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { nameText } from '#core/certificate/name.ts'
import { Fault } from '#schemas/fault.ts'
import type { SignatureMethod } from './algorithms.ts'
import * as T from './template.ts'

type SigningInput = {
  signingTime: Date
  certificate: Certificate
  /** From the signer's issuer upwards, without the trust anchor. */
  intermediates: Certificate[]
  /** DER OCSP responses, the signer's first. */
  ocspResponses: Buffer[]
  reference: { uri: T.DataUri; sha512: Buffer }
  method: SignatureMethod
}

type PreparedSignature = {
  /** Canonical ds:SignedInfo: the bytes that the key signs. */
  toBeSigned: Buffer
  /** Returns META-INF/signatures.xml with the signature value: raw r||s for ECDSA. */
  finish(signatureValue: Buffer): Buffer
}

/** The parts of a document that stay the same for one certificate with one set of OCSP responses. */
export type Identity = {
  certificate: Certificate
  intermediates: Certificate[]
  ocspResponses: Buffer[]
  /** From BEFORE_CERTIFICATE to the signing time. */
  beforeTime: Buffer
  /**
   * From the signing time to the end of xades:SignedProperties: as text for hashing, as bytes for the
   * document.
   */
  afterTime: Record<T.DataUri, string>
  afterTimeBytes: Record<T.DataUri, Buffer>
  /** The unsigned properties without a time-stamp, to the end of the document. */
  unsigned: Buffer
}

const identities = new WeakMap<Certificate, Identity>()
const heads = new Map<string, Buffer>()
const apexLength = T.APEX.signedInfo.length
const headLength = T.DOCUMENT_HEAD.length

/** A whole document except the signature value. */
export type Draft = { signedInfo: Buffer; time: string; identity: Identity; uri: T.DataUri }

/** Throws `cannot_sign` if XML does not allow a name of the certificate, or if the time is out of range. */
export function prepareSignature(input: SigningInput): PreparedSignature {
  const draft = draftSignature(input)
  return {
    toBeSigned: draft.signedInfo,
    finish: (value) => fillDocument(draft, value.toString('base64'), undefined, Buffer.allocUnsafe),
  }
}

/** The state between preparing and finishing a signature; `signedInfo` is canonical. */
export function draftSignature(input: SigningInput): Draft {
  const identity = identityOf(input)
  const uri = input.reference.uri
  const time = timeText(input.signingTime)
  const properties = hash('sha512', T.PROPERTIES_START + time + identity.afterTime[uri], 'base64')
  const head = headFor(input.method, uri)
  const digests =
    input.reference.sha512.toString('base64') + T.BEFORE_PROPERTIES_DIGEST + properties + T.SIGNED_INFO_END
  const signedInfo = Buffer.allocUnsafe(head.length - headLength + apexLength + digests.length)
  signedInfo.write(T.APEX.signedInfo, 0, 'latin1')
  head.copy(signedInfo, apexLength, headLength)
  signedInfo.write(digests, apexLength + head.length - headLength, 'latin1')
  return { signedInfo, time, identity, uri }
}

/** The document with a signature value and, if given, a time-stamp token, both in base64. */
export function fillDocument(
  { signedInfo, time, identity, uri }: Draft,
  value: string,
  token: string | undefined,
  allocate: (length: number) => Buffer,
): Buffer {
  const after = identity.afterTimeBytes[uri]
  const stamp = token === undefined ? '' : T.STAMP.open + token + T.STAMP.close
  const document = allocate(
    headLength +
      signedInfo.length -
      apexLength +
      T.BEFORE_VALUE.length +
      value.length +
      identity.beforeTime.length +
      time.length +
      after.length +
      T.BEFORE_UNSIGNED.length +
      stamp.length +
      identity.unsigned.length,
  )
  let at = document.write(T.DOCUMENT_HEAD, 0, 'latin1')
  at += signedInfo.copy(document, at, apexLength)
  at += document.write(T.BEFORE_VALUE + value, at, 'latin1')
  at += identity.beforeTime.copy(document, at)
  at += document.write(time, at, 'latin1')
  at += after.copy(document, at)
  at += document.write(T.BEFORE_UNSIGNED + stamp, at, 'latin1')
  identity.unsigned.copy(document, at)
  return document
}

/** The head of the document up to the first digest value. */
function headFor(method: SignatureMethod, uri: T.DataUri): Buffer {
  const key = method.uri + uri
  let head = heads.get(key)
  if (head === undefined) {
    head = Buffer.from(
      T.DOCUMENT_HEAD + T.BEFORE_METHOD + method.uri + T.BEFORE_URI + uri + T.BEFORE_DATA_DIGEST,
    )
    heads.set(key, head)
  }
  return head
}

/** xs:dateTime in UTC with milliseconds; years of four digits only, otherwise it throws `cannot_sign`. */
export function timeText(time: Date): string {
  const text = Number.isNaN(time.getTime()) ? '' : time.toISOString()
  if (text.length !== 24) throw new Fault('cannot_sign', { what: 'the signing time is out of range' })
  return text
}

/**
 * The texts of an identity, from the cache while its objects are the same. Throws `cannot_sign` as
 * prepareSignature.
 */
export function identityOf({
  certificate,
  intermediates,
  ocspResponses,
}: Pick<SigningInput, 'certificate' | 'intermediates' | 'ocspResponses'>): Identity {
  const known = identities.get(certificate)
  if (
    known !== undefined &&
    same(known.intermediates, intermediates) &&
    same(known.ocspResponses, ocspResponses)
  ) {
    return known
  }
  const after = T.afterTime(reference(certificate))
  const afterTime = {
    '/message.xml': after + T.dataObject('/message.xml'),
    '/sig-hashchainresult.xml': after + T.dataObject('/sig-hashchainresult.xml'),
  }
  const identity: Identity = {
    certificate,
    intermediates: [...intermediates],
    ocspResponses: [...ocspResponses],
    beforeTime: Buffer.from(
      T.BEFORE_CERTIFICATE + certificate.der.toString('base64') + T.BEFORE_PROPERTIES + T.BEFORE_TIME,
    ),
    afterTime,
    afterTimeBytes: {
      '/message.xml': Buffer.from(afterTime['/message.xml']),
      '/sig-hashchainresult.xml': Buffer.from(afterTime['/sig-hashchainresult.xml']),
    },
    unsigned: Buffer.from(
      T.unsignedProperties({
        certificates: intermediates.map((one) => ({
          reference: reference(one),
          base64: one.der.toString('base64'),
        })),
        ocspResponses: ocspResponses.map((response) => response.toString('base64')),
      }) + T.DOCUMENT_END,
    ),
  }
  identities.set(certificate, identity)
  return identity
}

/** Whether both have the same objects in the same order: a changed identity has new objects. */
function same(one: readonly object[], other: readonly object[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index])
}

function reference(certificate: Certificate): string {
  const issuer = T.escapeText(nameText(certificate.issuer))
  if (issuer === undefined) {
    throw new Fault('cannot_sign', { what: 'the issuer name holds characters that XML has no place for' })
  }
  return T.certificateReference({
    sha512: hash('sha512', certificate.der, 'base64'),
    issuer,
    serialNumber: certificate.serialNumber,
  })
}
