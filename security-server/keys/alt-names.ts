/**
 * Subject alternative names (RFC 5280 4.2.1.6): the DNS names and IP addresses of a host, for certificates
 * and certificate requests.
 */
import { isIP, isIPv4 } from 'node:net'
import { der } from '#core/asn1/der-write.ts'
import { OID } from '#core/asn1/oids.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

export type AltNames = {
  dnsNames?: readonly string[] | undefined
  ipAddresses?: readonly string[] | undefined
}

const MAX_NAMES = 20
const DNS_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/

export function isDnsName(text: string): boolean {
  return DNS_NAME.test(text)
}

/**
 * The DER of the extension subjectAltName, not critical; undefined without names. Throws `invalid_input` for
 * a malformed name or address and for more than 20.
 */
export function altNamesExtension({ dnsNames = [], ipAddresses = [] }: AltNames): Buffer | undefined {
  if (dnsNames.length + ipAddresses.length === 0) return undefined
  if (dnsNames.length > MAX_NAMES || !dnsNames.every(isDnsName)) {
    throw new Fault('invalid_input', { what: say`a DNS name is not well formed` })
  }
  if (ipAddresses.length > MAX_NAMES) throw new Fault('invalid_input', { what: say`too many IP addresses` })
  const names = der.sequence(
    ...dnsNames.map((name) => der.contextPrimitive(2, Buffer.from(name, 'latin1'))),
    ...ipAddresses.map((address) => der.contextPrimitive(7, addressBytes(address))),
  )
  return der.sequence(der.oid(OID.subjectAltName), der.octetString(names))
}

/**
 * The 4 or 16 bytes of an address. Throws `invalid_input` for any other text, also for an address with a
 * zone.
 */
function addressBytes(text: string): Buffer {
  if (isIP(text) === 0 || text.includes('%')) {
    throw new Fault('invalid_input', { what: say`an IP address is not well formed` })
  }
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number))
  const tail = /[0-9.]+\.[0-9]+$/.exec(text)?.[0]
  const whole = tail === undefined ? text : text.slice(0, -tail.length) + groupsOfIpv4(tail)
  const [head, rest] = whole.split('::') as [string, string?]
  const before = groups(head)
  const after = groups(rest ?? '')
  const zeros = new Array<number>(8 - before.length - after.length).fill(0)
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...before, ...zeros, ...after].entries()) bytes.writeUInt16BE(group, i * 2)
  return bytes
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

function groupsOfIpv4(text: string): string {
  const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number]
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
