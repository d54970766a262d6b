/**
 * Decides whether certificates may be presented for the internal TLS key: checks the key, validity period,
 * purpose and order.
 */

import { OID } from '#core/asn1/oids.ts'
import { type Certificate, isIssuedBy, publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const MAX_CERTIFICATES = 10
const MAX_BYTES = 256 * 1024
const BEGIN = '-----BEGIN CERTIFICATE-----'
const PEM = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
const USABLE: readonly string[] = [OID.serverAuth, OID.anyExtendedKeyUsage]

/** Reads one certificate in DER, PEM or base64, or 2 to 10 in PEM. Throws `malformed_certificate`. */
export function readChain(bytes: Buffer): [Certificate, ...Certificate[]] {
  if (bytes.length > MAX_BYTES) throw new Fault('malformed_certificate', { what: say`too long` })
  const text = bytes[0] === 0x30 ? '' : bytes.toString('latin1')
  const blocks = [...text.matchAll(PEM)]
  if (text.split(BEGIN).length - 1 !== blocks.length) {
    throw new Fault('malformed_certificate', { what: say`a certificate has no end` })
  }
  if (blocks.length > MAX_CERTIFICATES) {
    throw new Fault('malformed_certificate', { what: say`more than ${MAX_CERTIFICATES} certificates` })
  }
  if (blocks.length < 2) return [readCertificate(bytes)]
  const [own, ...issuers] = blocks.map(([block]) => readCertificate(Buffer.from(block, 'latin1')))
  return [own!, ...issuers]
}

/**
 * Does not check for an approved CA: the agency's own systems decide which CA they trust. Throws
 * `key_not_found` when the first certificate is for another key, `cert_validation` outside of a validity
 * period, `incorrect_certificate` when it may not be used for a TLS server, `invalid_cert_path` when a
 * certificate was not issued by the next one.
 */
export function checkChain(chain: readonly [Certificate, ...Certificate[]], spki: Buffer, at: Date): void {
  const [own] = chain
  if (!publicKeyOf(own).export({ format: 'der', type: 'spki' }).equals(spki)) {
    throw new Fault('key_not_found', { what: say`the first certificate is not for the internal TLS key` })
  }
  for (const [i, certificate] of chain.entries()) {
    if (at < certificate.notBefore || at > certificate.notAfter) {
      const { notBefore, notAfter } = certificate
      const what = `certificate ${i + 1} is valid from ${notBefore.toISOString()} to ${notAfter.toISOString()}`
      throw new Fault('cert_validation', { what })
    }
    const issuer = chain[i + 1]
    if (issuer === undefined) continue
    if (issuer.extensions.basicConstraints?.ca !== true || !isIssuedBy(certificate, issuer)) {
      throw new Fault('invalid_cert_path', {
        what: say`certificate ${i + 2} did not issue certificate ${i + 1}`,
      })
    }
  }
  const { keyUsage, extendedKeyUsage } = own.extensions
  const usable =
    (keyUsage === undefined || keyUsage.has('digitalSignature')) &&
    (extendedKeyUsage === undefined || extendedKeyUsage.some((one) => USABLE.includes(one)))
  if (!usable)
    throw new Fault('incorrect_certificate', { what: say`it does not allow the use as a TLS server` })
}
