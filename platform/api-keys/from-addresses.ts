/** The addresses and networks from which a key is accepted: "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". */
import { BlockList, isIP, SocketAddress } from 'node:net'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'

const MOST = 50
const BITS = { 4: 32, 6: 128 } as const
/** The form of an IPv4 address on a dual-stack socket (RFC 4291 section 2.5.5.2). */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * The stored form; null for none, which means everywhere. Throws `invalid_input` for anything but addresses
 * and networks.
 */
export function addressesText(addresses: readonly string[] | undefined): string | null {
  if (addresses === undefined || addresses.length === 0) return null
  if (addresses.length > MOST)
    throw new Fault('invalid_input', { what: say`a key is bound to at most ${MOST} addresses` })
  for (const one of addresses) partsOf(one)
  return addresses.join(' ')
}

/**
 * Whether a key with the stored addresses is accepted from this address; an unknown address is not accepted.
 */
export function isAmong(stored: string | null, from: string | undefined): boolean {
  if (stored === null) return true
  if (from === undefined) return false
  const plain = MAPPED.exec(from)?.[1] ?? from
  const version = isIP(plain)
  if (version === 0) return false
  const list = new BlockList()
  for (const one of stored.split(' ')) {
    const { address, bits, family } = partsOf(one)
    list.addSubnet(address, bits, family)
  }
  return list.check(new SocketAddress({ address: plain, family: version === 4 ? 'ipv4' : 'ipv6' }))
}

function partsOf(text: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } {
  const [, address = '', given] = /^([0-9A-Fa-f:.]{2,45})(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address) as 0 | 4 | 6
  const most = version === 0 ? 0 : BITS[version]
  const bits = given === undefined ? most : Number(given)
  // To allow everywhere, leave out the addresses. A mapped form would belong to two families.
  if (version === 0 || bits < 1 || bits > most || MAPPED.test(address))
    throw new Fault('invalid_input', { what: say`${text.slice(0, 50)} is no address or network` })
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' }
}
