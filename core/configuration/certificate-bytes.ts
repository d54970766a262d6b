/** Certificates inside configuration files: base64 of DER, or (central servers keep what was uploaded) base64 of PEM. */
import { Fault, type FaultCode } from '#schemas/fault.ts'

// White space belongs to one piece of the pattern only: where two could take it, a text of blanks alone costs the cube of its length.
const PEM = /^-----BEGIN CERTIFICATE-----(?=\s)([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/
const MAX_BYTES = 64 * 1024

/**
 * The DER of a certificate given as DER or PEM. Whether it is a sound certificate is not looked at: one bad certificate
 * of a registry must not stop every member, so whoever uses it leaves an unsound one out.
 */
export function certificateDer(bytes: Buffer, code: FaultCode): Buffer {
  if (bytes.length > MAX_BYTES)
    throw new Fault(code, { what: `a certificate is larger than ${MAX_BYTES} bytes` })
  const pem = PEM.exec(bytes.toString('latin1'))
  return pem === null ? bytes : Buffer.from(pem[1] as string, 'base64')
}
