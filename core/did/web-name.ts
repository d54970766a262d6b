/**
 * The name of a did:web: host and port of an address, then the segments of its path, each written so that it
 * is a DID and, in a URL, one segment (did:web, did:webvh).
 */
import { Fault } from '#schemas/fault.ts'

const SEGMENT = /^(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+$/

/**
 * For https://registry.example:8443/x and ['members', 'GOV']: registry.example%3A8443:x:members:GOV. Throws
 * `invalid_configuration`.
 */
export function webName(address: string, segments: readonly string[]): string {
  if (!URL.canParse(address)) throw new Fault('invalid_configuration', { what: `${address} is not a URL` })
  const { host, pathname } = new URL(address)
  const own = pathname.split('/').filter((segment) => segment !== '')
  const parts = [host.replace(':', '%3A'), ...own, ...segments.map(didSegment)]
  if (!parts.every((part) => SEGMENT.test(part)))
    throw new Fault('invalid_configuration', { what: `${address} cannot be the address of a DID` })
  return parts.join(':')
}

/** A code as a segment of a DID: percent-encoded but for letters, digits, ".", "-" and "_". */
export function didSegment(code: string): string {
  return encodeURIComponent(code).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
