/**
 * Addresses to which nobody may make the registry send requests: link-local (metadata of clouds), multicast,
 * reserved.
 */
import { BlockList, isIP } from 'node:net'

const forbidden = new BlockList()
for (const [network, bits] of [
  ['0.0.0.0', 8], // "this host"
  ['169.254.0.0', 16], // link-local: metadata of clouds
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
] as const)
  forbidden.addSubnet(network, bits, 'ipv4')
for (const [network, bits] of [
  ['fe80::', 10],
  ['fec0::', 10], // site-local, which some machines still route
  ['ff00::', 8],
  ['64:ff9b::', 96], // NAT64 and 6to4 hold an IPv4 address that was not looked at
  ['64:ff9b:1::', 48],
  ['2002::', 16],
] as const)
  forbidden.addSubnet(network, bits, 'ipv6')
forbidden.addAddress('::', 'ipv6')

/**
 * Whether this IP address (not a name) is forbidden; an IPv4 address inside an IPv6 one is judged as IPv4.
 */
export function isForbiddenAddress(address: string): boolean {
  return forbidden.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
