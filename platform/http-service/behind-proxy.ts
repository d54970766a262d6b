/**
 * The address of whoever asks, where a reverse proxy stands in between. Guarantees that the header counts
 * only on connections of proxies that the settings name, and that what a browser wrote into it itself never
 * counts.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import type { FastifyRequest } from 'fastify'

const MOST_CHARACTERS = 2_000
const MOST_HOPS = 20

/** Whether this is an address, or a network such as 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  if (isIP(address) === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128))
}

/**
 * `proxies` are addresses and networks. Of X-Forwarded-For the last address counts that is of none of them:
 * each of them wrote what stands before its own.
 */
export function createAddressOf(proxies: readonly string[]): (request: Asking) => string {
  const named = new BlockList()
  for (const one of proxies) {
    const [address = '', bits] = one.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) named.addAddress(address, family)
    else named.addSubnet(address, Number(bits), family)
  }
  const isProxy = (address: string): boolean => named.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress ?? '')
    if (isIP(peer) === 0 || !isProxy(peer)) return peer
    const given = [headers['x-forwarded-for'] ?? []].flat().join(',')
    if (given.length > MOST_CHARACTERS) return peer
    for (const hop of given.split(',').slice(-MOST_HOPS).reverse()) {
      const address = plain(hop.trim())
      // What is no address was not written by a proxy that can be trusted.
      if (isIP(address) === 0) return peer
      if (!isProxy(address)) return address
    }
    return peer
  }
}

type Asking = Pick<FastifyRequest, 'headers'> & { socket: { remoteAddress?: string | undefined } }

/** An IPv4 address that a socket for both kinds writes as IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
