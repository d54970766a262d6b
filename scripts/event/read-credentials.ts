/**
 * Reads the caller's certificate, and the private key that belongs to it: both strong enough, and valid at
 * the time in question.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { publicKeyOf, readCertificate } from '#core/certificate/certificate.ts'
import { certificateFacts } from '#core/certificate/certificate-facts.ts'
import { isStrongKey } from '#core/certificate/key-strength.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import { readBounded } from './bounded-file.ts'
import { privateKeyOf } from './private-key.ts'

const MAX_BYTES = 65_536

/** `sha256`: of the DER, in hexadecimal digits. `named`: the certificate in words. */
export type Holder = { publicKey: KeyObject; sha256: string; named: string }

/**
 * The certificate in a file, PEM or DER, one. Throws `code` where it is not valid at `at`, or its key is weak
 * or signs no events; `malformed_certificate` and `io_error`. Its issuer and its revocation are not judged.
 */
export async function readHolder(file: string, at: Date, code: FaultCode): Promise<Holder> {
  const bytes = await readBounded(file, MAX_BYTES)
  const publicKey = publicKeyOf(readCertificate(bytes))
  const { sha256, subject, notBefore, notAfter } = certificateFacts(bytes)
  if (at < new Date(notBefore) || at > new Date(notAfter))
    throw new Fault(code, {
      what: `the certificate ${file} is valid from ${notBefore} to ${notAfter}, not on ${at.toISOString()}`,
    })
  if (publicKey.asymmetricKeyType !== 'ed25519' && !isStrongKey(publicKey))
    throw new Fault(code, { what: `the key of ${file} is weak or of a kind that signs no events` })
  return { publicKey, sha256, named: `${subject}, SHA-256 ${sha256}, valid ${notBefore} to ${notAfter}` }
}

/**
 * The private key in a PEM file. Throws `cannot_sign` where it cannot be read or is not that of the
 * certificate, and `io_error`.
 */
export async function readKeyOf(holder: Holder, file: string): Promise<KeyObject> {
  const key = privateKeyOf(await readBounded(file, MAX_BYTES), file)
  if (!createPublicKey(key).equals(holder.publicKey))
    throw new Fault('cannot_sign', { what: `${file} is not the key of the certificate` })
  return key
}
