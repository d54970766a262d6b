/**
 * Verifies a directory's signature with exactly the certificate whose hash the directory names, out of those
 * that its source may use.
 */
import { createHash, verify } from 'node:crypto'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { Directory } from './directory.ts'
import { digestOfUri, methodOfUri } from './signature-method.ts'

/**
 * Throws `invalid_global_conf_signature` unless the directory was signed by one of `certificates` (DER).
 * Their validity periods are not checked: they are trusted as keys, and X-Road's own expire in 2038 or
 * earlier.
 */
export function verifyDirectory(directory: Directory, certificates: Buffer[]): void {
  const digest = digestOfUri(directory.certHashAlgorithm)
  const der = certificates.find((candidate) =>
    createHash(digest).update(candidate).digest().equals(directory.certHash),
  )
  if (der === undefined) throw refused('it was signed by a certificate that is not among the trusted ones')
  const method = methodOfUri(directory.signatureAlgorithmId)
  if (method === undefined) throw refused('its signature algorithm is not allowed')
  const key = publicKeyOf(readCertificate(der))
  if (key.asymmetricKeyType !== method.keyType)
    throw refused('its signature algorithm does not fit the certificate')
  if (!verify(method.digest, directory.signedBytes, { key, ...method.options }, directory.signature)) {
    throw refused('its signature does not fit its content')
  }
}

function refused(what: string): Fault {
  return new Fault('invalid_global_conf_signature', { what })
}
