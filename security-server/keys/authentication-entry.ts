/** Finds an authentication certificate with its key, and nothing but that. */
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { StoredCertificate, StoredKey } from './key-file.ts'

/** By SHA-256 in hex; throws `cert_not_found`. */
export type FindCertificate = (sha256: string) => { key: StoredKey; stored: StoredCertificate }

/** Throws `cert_not_found`, and `incorrect_certificate` for a certificate that is for signing. */
export function authenticationEntry(find: FindCertificate, sha256: string): ReturnType<FindCertificate> {
  const found = find(sha256)
  if (found.key.usage !== 'AUTHENTICATION')
    throw new Fault('incorrect_certificate', { what: say`it is not an authentication certificate` })
  return found
}
