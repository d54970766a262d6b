/**
 * Self-signed certificates for TLS keys (RFC 5280 4.1), for systems that register the certificate by hand
 * instead of trusting a CA.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto'
import { children, parseDer, readBitString } from '#core/asn1/der.ts'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { type AltNames, altNamesExtension, isDnsName } from './alt-names.ts'
import { signatureAlgorithm, signed, subjectName } from './certification-request.ts'

/** The upper bound of a common name in X.520. */
const MAX_COMMON_NAME = 64
/** X-Road's own validity: systems that pin the certificate should not be cut off by its expiry. */
const DAYS = 7300

/** The names of a server by default: its host name and the addresses on which it listens. */
export type HostNames = { hostName: string; ipAddresses: readonly string[] }

/** The DER of a certificate for TLS server and client use, valid for 20 years from `at`. */
export function selfSignedCertificate(q: { privateKey: KeyObject; names: HostNames; at: Date }): Buffer {
  const spki = createPublicKey(q.privateKey).export({ format: 'der', type: 'spki' })
  const { hostName, ipAddresses } = q.names
  const commonName = hostName.length > 0 && hostName.length <= MAX_COMMON_NAME ? hostName : 'security-server'
  const name = subjectName([{ type: 'CN', value: commonName }])
  const notAfter = new Date(q.at.getTime() + DAYS * 86_400_000)
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(2)),
    der.integer(serialNumber()),
    signatureAlgorithm(q.privateKey),
    name,
    der.sequence(time(q.at), time(notAfter)),
    name,
    spki,
    der.explicit(3, extensions(spki, { dnsNames: isDnsName(hostName) ? [hostName] : [], ipAddresses })),
  )
  return signed(toBeSigned, q.privateKey)
}

/** A Time of RFC 5280 4.1.2.5: UTCTime until 2049, then GeneralizedTime. */
function time(date: Date): Buffer {
  return date.getUTCFullYear() < 2050 ? der.utcTime(date) : der.generalizedTime(date)
}

/** 16 random bytes, positive and without a leading zero (RFC 5280 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes
}

function extensions(spki: Buffer, names: AltNames): Buffer {
  const critical = (oid: string, value: Buffer): Buffer =>
    der.sequence(der.oid(oid), der.boolean(true), der.octetString(value))
  const other = (oid: string, value: Buffer): Buffer => der.sequence(der.oid(oid), der.octetString(value))
  const keyBits = readBitString(children(parseDer(spki))[1]).bytes
  const identifier = createHash('sha1').update(keyBits).digest()
  const altNames = altNamesExtension(names)
  return der.sequence(
    critical(OID.basicConstraints, der.sequence()),
    // The first bit is digitalSignature.
    critical(OID.keyUsage, der.bitString(Buffer.of(0x80), 7)),
    other(OID.extendedKeyUsage, der.sequence(der.oid(OID.serverAuth), der.oid(OID.clientAuth))),
    other(OID.subjectKeyIdentifier, der.octetString(identifier)),
    ...(altNames === undefined ? [] : [altNames]),
  )
}
