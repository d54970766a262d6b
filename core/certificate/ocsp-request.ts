/** OCSP requests (RFC 6960 section 4.1) and the CertID that names a certificate in request and answer. */
import { createHash } from 'node:crypto'
import {
  children,
  type Der,
  expectTag,
  malformed,
  onlyChild,
  parseDer,
  readBitString,
  readInteger,
  readNull,
  readOctetString,
  readOid,
  readSmallInteger,
  TAG,
} from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import type { Certificate } from './certificate.ts'
import { readMessageExtensions, readNonce, writeNonce } from './ocsp-extensions.ts'

/** Longer requests and answers are refused without being read. */
export const MAX_OCSP_BYTES = 64 * 1024
/** The most certificates in one message. */
export const MAX_OCSP_ENTRIES = 64

/** The content of a CertID: digests of the issuer's name and key, and the serial number. */
type CertIdFields = {
  digest: string
  issuerNameHash: Buffer
  issuerKeyHash: Buffer
  serialNumber: bigint
}

/**
 * The CertID of `certificate` in the one form that X-Road compares: SHA-1 with NULL parameters. SHA-1 only
 * identifies the issuer here; no security depends on its strength.
 */
export function certId(certificate: Certificate, issuer: Certificate): Buffer {
  return der.sequence(
    der.sequence(der.oid(OID.sha1), der.null()),
    der.octetString(createHash('sha1').update(issuer.subject.der).digest()),
    der.octetString(keyHash(issuer)),
    der.integer(certificate.serialNumber),
  )
}

/** The SHA-1 of a certificate's public key bits: KeyHash in CertID and ResponderID. */
export function keyHash(certificate: Certificate, digest = 'sha1'): Buffer {
  const { bytes } = readBitString(children(parseDer(certificate.spki))[1])
  return createHash(digest).update(bytes).digest()
}

/** An unsigned request for one certificate. */
export function buildOcspRequest(certificate: Certificate, issuer: Certificate, nonce?: Buffer): Buffer {
  const list = der.sequence(der.sequence(certId(certificate, issuer)))
  return der.sequence(der.sequence(list, ...writeNonce(nonce).map((part) => der.explicit(2, part))))
}

/**
 * Reads a request for a responder: the CertIDs as received, byte for byte, and the nonce. A signature on the
 * request is ignored. Throws `malformed_ocsp`.
 */
export function parseOcspRequest(bytes: Buffer): { certIds: Buffer[]; nonce?: Buffer } {
  return asOcspFault('request', () => {
    if (bytes.length > MAX_OCSP_BYTES) throw malformed(`longer than ${MAX_OCSP_BYTES} bytes`)
    const [tbs, signature, ...more] = children(expectTag(parseDer(bytes), TAG.sequence, 'request'))
    if (signature !== undefined) expectTag(signature, 0xa0, 'request signature')
    if (more.length > 0) throw malformed('fields after the signature')
    return readTbsRequest(expectTag(tbs, TAG.sequence, 'request content'))
  })
}

function readTbsRequest(tbs: Der): { certIds: Buffer[]; nonce?: Buffer } {
  const fields = children(tbs)
  if (fields[0]?.tag === 0xa0 && readSmallInteger(onlyChild(fields.shift()!)) !== 0)
    throw malformed('version')
  if (fields[0]?.tag === 0xa1) fields.shift()
  const list = children(expectTag(fields.shift(), TAG.sequence, 'request list'))
  const extensions = fields.shift()
  if (fields.length > 0) throw malformed('fields after the extensions')
  if (list.length === 0 || list.length > MAX_OCSP_ENTRIES) throw malformed('number of certificates asked for')
  const listed = extensions && onlyChild(expectTag(extensions, 0xa2, 'request extensions'))
  const nonce = readNonce(listed)
  return { certIds: list.map(readRequest), ...(nonce !== undefined && { nonce }) }
}

function readRequest(request: Der): Buffer {
  const [id, extensions, ...more] = children(expectTag(request, TAG.sequence, 'request entry'))
  if (extensions !== undefined) {
    readMessageExtensions(onlyChild(expectTag(extensions, 0xa0, 'request entry extensions')), [])
  }
  if (more.length > 0) throw malformed('fields after the request entry')
  readCertId(expectTag(id, TAG.sequence, 'CertID'))
  return id!.raw
}

/** Reads the content of a CertID; throws `malformed_der`. */
export function readCertId(id: Der): CertIdFields {
  const [algorithm, nameHash, issuerKeyHash, serial, ...more] = children(id)
  if (more.length > 0) throw malformed('fields after the serial number')
  const [digest, parameters, ...rest] = children(expectTag(algorithm, TAG.sequence, 'CertID digest'))
  if (parameters !== undefined) readNull(parameters)
  if (rest.length > 0) throw malformed('CertID digest parameters')
  return {
    digest: readOid(digest),
    issuerNameHash: readOctetString(nameHash),
    issuerKeyHash: readOctetString(issuerKeyHash),
    serialNumber: readInteger(serial),
  }
}

/** Runs a reader and turns its DER faults into `malformed_ocsp`. */
export function asOcspFault<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (
      !(cause instanceof Fault) ||
      (cause.code !== 'malformed_der' && cause.code !== 'malformed_certificate')
    ) {
      throw cause
    }
    throw new Fault('malformed_ocsp', { what: `${what}: ${cause.what}`, cause })
  }
}
