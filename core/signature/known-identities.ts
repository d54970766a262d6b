/**
 * Caches the parsed certificates and OCSP responses of documents in our template while the same peer keeps
 * sending them. The cache is bounded. It only saves parsing and never affects a verdict.
 */
import { type Certificate, parseCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { CERTIFICATE_VALUE, LIMIT, OCSP_VALUE } from './template.ts'

/**
 * A signer's certificate with the certificates and OCSP responses in the document. While the bytes are the
 * same, so are the array objects.
 */
export type KnownIdentity = {
  certificate: Certificate
  intermediates: Certificate[]
  ocspResponses: Buffer[]
}

type Entry = KnownIdentity & { unsigned: Buffer }

const MAX_ENTRIES = 256
/**
 * Ten times what the certificates and OCSP responses of a signer take. Larger ones are read each time: what
 * is kept is not verified yet, and must not fill the memory.
 */
const LARGEST_KEPT = 48 * 1024
const entries = new Map<string, Entry>()

/**
 * Parses, or takes from the cache, the identity of a document that looks like ours: `base64` is the
 * certificate, `unsigned` the unsigned properties without a time-stamp. Undefined when either cannot be read.
 */
export function knownIdentity(base64: string, unsigned: Buffer): KnownIdentity | undefined {
  const known = entries.get(base64)
  if (known?.unsigned.equals(unsigned)) return known
  try {
    const entry = read(base64, unsigned, known?.certificate)
    if (entry === undefined) return undefined
    if (base64.length + unsigned.length > LARGEST_KEPT) return entry
    // Inserted again, so that the oldest entry is always the first of the map.
    entries.delete(base64)
    entries.set(base64, entry)
    if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value as string)
    return entry
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined
    throw thrown
  }
}

function read(base64: string, unsigned: Buffer, parsed: Certificate | undefined): Entry | undefined {
  const text = unsigned.toString('latin1')
  const certificates = valuesBetween(text, CERTIFICATE_VALUE, LIMIT.certificates)
  const ocspResponses = valuesBetween(text, OCSP_VALUE, LIMIT.ocspResponses)
  if (certificates === undefined || ocspResponses === undefined || ocspResponses.length === 0)
    return undefined
  return {
    certificate: parsed ?? parseCertificate(Buffer.from(base64, 'base64')),
    intermediates: certificates.map(parseCertificate),
    ocspResponses,
    unsigned: Buffer.from(unsigned),
  }
}

/** The decoded values between numbered tags; undefined if there are too many or one is empty. */
function valuesBetween(
  text: string,
  tag: { open(number: number): string; close: string },
  most: number,
): Buffer[] | undefined {
  const values: Buffer[] = []
  for (let at = 0; ; ) {
    const open = tag.open(values.length + 1)
    const start = text.indexOf(open, at)
    if (start < 0) return values
    const end = text.indexOf('<', start + open.length)
    const value = Buffer.from(text.slice(start + open.length, end < 0 ? undefined : end), 'base64')
    if (value.length === 0 || values.length === most) return undefined
    values.push(value)
    at = start + open.length
  }
}
