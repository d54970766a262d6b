/** Reads certificates in the forms of files and X-Road's configuration: DER, PEM, or base64 of either. */
import { Fault } from '#schemas/fault.ts'
import { type Certificate, parseCertificate } from './parse-certificate.ts'

const MAX_TEXT = 256 * 1024
const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

/**
 * Reads exactly one certificate in DER, PEM (text around it is ignored) or base64 of these. Throws
 * `malformed_certificate`.
 */
export function readCertificate(bytes: Buffer): Certificate {
  return parseCertificate(derOf(bytes, true))
}

function derOf(bytes: Buffer, mayBeBase64: boolean): Buffer {
  if (bytes[0] === 0x30) return bytes
  if (bytes.length > MAX_TEXT) throw unreadable('too long')
  const text = bytes.toString('latin1')
  const blocks = [...text.matchAll(PEM)]
  if (blocks.length > 1) throw unreadable('more than one certificate')
  if (blocks[0] !== undefined) return fromBase64(blocks[0][1]!)
  if (!mayBeBase64) throw unreadable('neither DER nor PEM')
  return derOf(fromBase64(text), false)
}

/** Node's decoder skips unknown characters; only the canonical base64 of the bytes is accepted. */
function fromBase64(text: string): Buffer {
  const compact = text.replace(/\s+/g, '')
  const bytes = Buffer.from(compact, 'base64')
  if (bytes.length === 0 || bytes.toString('base64') !== compact) throw unreadable('not base64')
  return bytes
}

function unreadable(what: string): Fault {
  return new Fault('malformed_certificate', { what })
}
