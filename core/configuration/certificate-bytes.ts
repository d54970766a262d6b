/**
 * Certificates inside configuration files: base64 of DER, or base64 of PEM (central servers store what was
 * uploaded).
 */
import { Fault, type FaultCode } from '#schemas/fault.ts'

// Each white space can match only one part of the pattern. If two parts could match it, a long text of blanks
// would take cubic time.
const PEM = /^-----BEGIN CERTIFICATE-----(?=\s)([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/
const MAX_BYTES = 64 * 1024

/**
 * The DER of a certificate in DER or PEM. Does not parse the certificate: one bad certificate in a registry
 * must not stop every member, so the code that uses it skips a malformed one.
 */
export function certificateDer(bytes: Buffer, code: FaultCode): Buffer {
  if (bytes.length > MAX_BYTES)
    throw new Fault(code, { what: `a certificate is larger than ${MAX_BYTES} bytes` })
  const pem = PEM.exec(bytes.toString('latin1'))
  return pem === null ? bytes : Buffer.from(pem[1] as string, 'base64')
}
