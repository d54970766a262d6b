/**
 * Decides where a name is relative to a subtree of the same kind (RFC 5280 4.2.1.10): inside, outside or
 * unclear. Unclear means that either is malformed, that the kind has no rule, or that a wildcard reaches
 * across the border.
 */
import type { GeneralName } from './general-name.ts'
import { comparableRdns, type Name } from './name.ts'

export type Place = 'inside' | 'outside' | 'unclear'

const HOST = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*$/
const DOTTED_NUMBERS = /(?:^|\.)[0-9]+$/

export function placeOf(name: GeneralName, subtree: GeneralName): Place {
  if (name.kind === 'directoryName' && subtree.kind === name.kind)
    return directoryPlace(name.name, subtree.name)
  if (name.kind === 'iPAddress' && subtree.kind === name.kind) return ipPlace(name.bytes, subtree.bytes)
  if (name.kind === 'dNSName' && subtree.kind === name.kind) {
    return dnsPlace(name.text.toLowerCase(), subtree.text.toLowerCase())
  }
  if (name.kind === 'rfc822Name' && subtree.kind === name.kind) return mailPlace(name.text, subtree.text)
  if (name.kind === 'uniformResourceIdentifier' && subtree.kind === name.kind) {
    return uriPlace(name.text, subtree.text.toLowerCase())
  }
  return 'unclear'
}

function directoryPlace(name: Name, base: Name): Place {
  const [rdns, baseRdns] = [comparableRdns(name), comparableRdns(base)]
  return place(baseRdns.length <= rdns.length && baseRdns.every((rdn, at) => rdn === rdns[at]))
}

/**
 * A subtree is the base and every name below it; an empty base matches everything. A leading dot has no
 * meaning for DNS names.
 */
function dnsPlace(name: string, base: string): Place {
  const wildcard = name.startsWith('*.')
  const host = wildcard ? name.slice(2) : name
  if (!HOST.test(host) || (base !== '' && !HOST.test(base))) return 'unclear'
  if (base === '' || host === base || host.endsWith(`.${base}`)) return 'inside'
  return wildcard && base.endsWith(`.${host}`) ? 'unclear' : 'outside'
}

/**
 * The base is an address, a host (its own addresses), or a dot and a domain (addresses on hosts below it).
 */
function mailPlace(address: string, base: string): Place {
  const at = address.lastIndexOf('@')
  const [local, host] = [address.slice(0, at), address.slice(at + 1).toLowerCase()]
  if (at < 1 || !HOST.test(host) || !/^[!#-'*+\-/-9=?A-Z^-~.]+$/.test(local)) return 'unclear'
  const baseAt = base.lastIndexOf('@')
  if (baseAt < 0) return hostPlace(host, base.toLowerCase())
  const [baseLocal, baseHost] = [base.slice(0, baseAt), base.slice(baseAt + 1).toLowerCase()]
  if (baseAt === 0 || !HOST.test(baseHost)) return 'unclear'
  if (host !== baseHost) return 'outside'
  if (local === baseLocal) return 'inside'
  // In theory the case of a local part matters, but almost no mail system distinguishes it.
  return local.toLowerCase() === baseLocal.toLowerCase() ? 'unclear' : 'outside'
}

/** RFC 5280: where URIs are constrained, a URI without a host name (no host, or an IP address) is refused. */
function uriPlace(uri: string, base: string): Place {
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@\\]*@)?([^/?#:@\\]+)(?::[0-9]*)?(?:[/?#]|$)/i.exec(uri)
  const host = match?.[1]?.toLowerCase() ?? ''
  return HOST.test(host) && !DOTTED_NUMBERS.test(host) ? hostPlace(host, base) : 'unclear'
}

/**
 * A host as base matches this host alone; a dot and a domain match every host below the domain, but not the
 * domain itself.
 */
function hostPlace(host: string, base: string): Place {
  const below = base.startsWith('.')
  if (!HOST.test(below ? base.slice(1) : base)) return 'unclear'
  return place(below ? host.endsWith(base) : host === base)
}

/** Address and mask of the same family; the mask must be a prefix. */
function ipPlace(address: Buffer, subtree: Buffer): Place {
  if (![4, 16].includes(address.length) || ![8, 32].includes(subtree.length)) return 'unclear'
  if (subtree.length !== 2 * address.length) return 'outside'
  const base = subtree.subarray(0, address.length)
  const mask = subtree.subarray(address.length)
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  if (!/^1*0*$/.test(bits)) return 'unclear'
  return place(address.every((byte, at) => (byte & mask[at]!) === (base[at]! & mask[at]!)))
}

function place(inside: boolean): Place {
  return inside ? 'inside' : 'outside'
}
