/**
 * Which addresses a service may have. They belong to the operator and may be internal. Forbidden are the
 * link-local range, which has cloud metadata, and this server's own ports. Checked when an address is stored
 * and again on connecting.
 */
import { BlockList, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { Fault } from '#schemas/fault.ts'
import { type Said, say } from '#schemas/said.ts'

/** A listener of this server: a request to it would look as if it came from inside. */
export type OwnListener = { host: string; port: number }

/**
 * What the address of an inbox begins with: this server keeps what comes, for a system that fetches it, or
 * that it is pushed to.
 */
const INBOX_URL = 'inbox:'

/** Whether the service is an inbox. */
export function isInbox(url: string): boolean {
  return url.startsWith(INBOX_URL)
}

/**
 * Where an inbox pushes its events, such as `https://system/events` of `inbox:https://system/events`;
 * undefined where they are fetched.
 */
export function pushAddress(url: string): string | undefined {
  return isInbox(url) && url !== INBOX_URL ? url.slice(INBOX_URL.length) : undefined
}

/**
 * What the address of a room is: this server keeps the events that are published in it, and gives them to
 * subscribers.
 */
const ROOM_URL = 'room:'

/** Whether the service is a room of events. */
export function isRoom(url: string): boolean {
  return url === ROOM_URL
}

/** What the address of a tracker is: this server answers people who used their data. */
export const TRACKER_URL = 'tracker:'

/** Whether the service is a tracker, in REST or in SOAP. */
export function isTracker(url: string): boolean {
  return url === TRACKER_URL
}

/** What the address of the service is by which people give and withdraw consents, which this server keeps. */
export const CONSENTS_URL = 'consents:'

/** Whether people give and withdraw consents by the service. */
export function isConsents(url: string): boolean {
  return url === CONSENTS_URL
}

/** Whether whoever has a right to the service speaks for people: a tracker, or consents. */
export function speaksForPeople(url: string): boolean {
  return isTracker(url) || isConsents(url)
}

/** Whether the service is an inbox or a room. Both are REST services. */
export function takesEvents(url: string): boolean {
  return isInbox(url) || isRoom(url)
}

/** Whether the service is this server itself: an inbox, a room, a tracker or consents. */
export function isKeptHere(url: string): boolean {
  return takesEvents(url) || speaksForPeople(url)
}

const MAX_URL = 2048
const HOST = /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)*$/

const forbidden = new BlockList()
forbidden.addSubnet('169.254.0.0', 16, 'ipv4') // link-local: metadata of clouds
forbidden.addSubnet('0.0.0.0', 8, 'ipv4') // "this host": reaches loopback listeners
forbidden.addSubnet('224.0.0.0', 4, 'ipv4') // multicast
forbidden.addSubnet('240.0.0.0', 4, 'ipv4') // reserved, broadcast
forbidden.addAddress('100.100.100.200', 'ipv4') // metadata of one more cloud
forbidden.addAddress('192.0.0.192', 'ipv4') // and another
forbidden.addSubnet('fe80::', 10, 'ipv6')
forbidden.addSubnet('fec0::', 10, 'ipv6') // site-local
// NAT64 of a network's own: only that network knows where in it the IPv4 address is.
forbidden.addSubnet('64:ff9b:1::', 48, 'ipv6')
forbidden.addSubnet('ff00::', 8, 'ipv6')
forbidden.addAddress('::', 'ipv6')
forbidden.addAddress('fd00:ec2::254', 'ipv6')
forbidden.addAddress('fd20:ce::254', 'ipv6')

/** Whether no service may have this IP address (text form, IPv4-mapped forms included). */
export function isForbiddenAddress(address: string): boolean {
  const kind = isIP(address)
  if (kind === 0) return true
  if (kind === 4) return forbidden.check(address, 'ipv4')
  const mapped = embeddedIpv4(address)
  return mapped === undefined ? forbidden.check(address, 'ipv6') : forbidden.check(mapped, 'ipv4')
}

/**
 * Whether address and port belong to one of our own listeners. A wildcard listener occupies its port on every
 * local address, one at `localhost` on a loopback address.
 */
export function isOwnListener(address: string, port: number, own: readonly OwnListener[]): boolean {
  const plain = embeddedIpv4(address) ?? address
  return own.some(
    (listener) =>
      listener.port === port &&
      (listener.host === plain ||
        (['0.0.0.0', '::'].includes(listener.host) && isOfThisMachine(plain)) ||
        (listener.host === 'localhost' && isLoopback(plain))),
  )
}

/** Why a service may not be connected to here; undefined where it may. */
export function whyNoService(
  { address, port }: { address: string; port: number },
  own: readonly OwnListener[],
): Said | undefined {
  if (isForbiddenAddress(address)) return say`no service may lie at the address of its host`
  return isOwnListener(address, port, own) ? say`it leads back to this server` : undefined
}

/**
 * Returns a service's address in the form in which it is stored: http or https, a plain host, without user,
 * query, fragment or trailing slash; or that of an inbox or a room. Those of a tracker and of consents are
 * set where these are switched on, and nowhere else. Throws `service_malformed_url`.
 */
export function checkServiceUrl(text: string, own: readonly OwnListener[] = []): string {
  if (text === INBOX_URL || isRoom(text)) return text
  if (isInbox(text)) return `${INBOX_URL}${checkHttpUrl(text.slice(INBOX_URL.length), own)}`
  return checkHttpUrl(text, own)
}

function checkHttpUrl(text: string, own: readonly OwnListener[]): string {
  const url = readHttpUrl(text, own)
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) {
    throw refused(say`it has a query or a fragment`)
  }
  return url.href.replace(/\/+$/, '')
}

/** As `checkServiceUrl` for the address of a document to fetch, which may have a query. */
export function checkDocumentUrl(text: string, own: readonly OwnListener[] = []): string {
  return readHttpUrl(text, own).href
}

function readHttpUrl(text: string, own: readonly OwnListener[]): URL {
  if (text.length > MAX_URL || /[\u0000-\u0020\u007f-\uffff\\]/.test(text) || !/^https?:\/\//i.test(text)) {
    throw refused(say`http:// or https:// and plain ASCII are needed`)
  }
  if (!URL.canParse(text)) throw refused(say`it does not parse`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '' || text.slice(8).split('/')[0]!.includes('@')) {
    throw refused(say`it names a user`)
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) === 0 ? !HOST.test(host) || host.length > 253 : isForbiddenAddress(host)) {
    throw refused(say`its host is not allowed`)
  }
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const named = host === 'localhost' ? '127.0.0.1' : host
  if (isOwnListener(named, port, own)) throw refused(say`it leads back to this server`)
  return url
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1'
}

function isOfThisMachine(address: string): boolean {
  if (isLoopback(address)) return true
  return Object.values(networkInterfaces()).some((all = []) => all.some((one) => one.address === address))
}

/** The IPv4 address inside ::ffff:a.b.c.d, 64:ff9b:: (NAT64) or 2002:: (6to4) forms. */
function embeddedIpv4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined
  const groups = expand(address)
  const tail = (at: number) =>
    [groups[at]! >> 8, groups[at]! & 0xff, groups[at + 1]! >> 8, groups[at + 1]! & 0xff].join('.')
  const leading = groups.slice(0, 5).every((group) => group === 0)
  if (leading && (groups[5] === 0xffff || (groups[5] === 0 && groups[6] !== 0))) return tail(6)
  if (groups[0] === 0x64 && groups[1] === 0xff9b && groups[2] === 0) return tail(6)
  return groups[0] === 0x2002 ? tail(1) : undefined
}

/** The eight groups of an IPv6 address that `isIP` accepted. */
function expand(address: string): number[] {
  const plain = address
    .replace(/%.*$/, '')
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, a, b, c, d) =>
      [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((n) => n.toString(16)).join(':'),
    )
  const [head = '', tail] = plain.split('::')
  const read = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const front = read(head)
  const back = tail === undefined ? [] : read(tail)
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back]
}

function refused(what: Said): Fault {
  return new Fault('service_malformed_url', { what })
}
