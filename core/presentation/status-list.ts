/**
 * Token Status List (draft-ietf-oauth-status-list-20), JWT form: whether a credential is still good. The list
 * is fetched by others and handed in, so that it can be kept with the verdict.
 */
import { inflateSync } from 'node:zlib'
import { isObject, type JsonObject, readBase64url } from './json.ts'
import { isSignedWith, readJws } from './jws.ts'
import { need, orRefuse, Refused } from './refused.ts'
import { readX5c, requiresStatusAt, type TrustedIssuer, verifyIssuer } from './trusted-issuers.ts'

/** Where a credential's status stands. */
export type StatusReference = { uri: string; index: number }

/** Tokens by address; an address without one could not be had. */
export type StatusLists = Record<string, string | undefined>

/** A list of 16 million entries of one bit; larger ones would be bombs. */
const MAX_LIST = 2_097_152
const MAX_TOKEN = 4_194_304
const MAX_URI = 2048
const SKEW_SECONDS = 60
const ENTRIES_PER_OCTET: Record<number, number> = { 1: 8, 2: 4, 4: 2, 8: 1 }

/**
 * The reference of a credential; undefined if it names none. A status of another kind is none that can be
 * checked.
 */
export function readStatusReference(status: unknown): StatusReference | undefined {
  if (status === undefined) return undefined
  const reference = isObject(status) ? status.status_list : undefined
  need(isObject(reference), 'status_unknown', 'another kind of status')
  const { idx: index, uri } = reference
  need(
    typeof index === 'number' && Number.isSafeInteger(index) && index >= 0,
    'presentation_malformed',
    'idx',
  )
  need(typeof uri === 'string' && uri.length <= MAX_URI && URL.canParse(uri), 'presentation_malformed', 'uri')
  return { uri, index }
}

/**
 * Refuses unless the credential is valid by its list. `type` is the credential's: whoever may issue it may
 * say whether it is still good, under the same anchors.
 */
export function verifyStatus(q: {
  reference: StatusReference | undefined
  lists: StatusLists
  issuer: TrustedIssuer
  type: string
  at: Date
  /**
   * A list older than this says nothing, though it names a later end or none. The draft only recommends `exp`
   * and `ttl` (section 5.1), and leaves the freshness by `iat` to the relying party (section 8.3, step 4).
   */
  maxAgeSeconds: number
}): void {
  const { reference, issuer } = q
  if (reference === undefined) {
    need(!requiresStatusAt(issuer, q.at), 'status_missing')
    return
  }
  const token = Object.hasOwn(q.lists, reference.uri) ? q.lists[reference.uri] : undefined
  need(token !== undefined, 'status_unavailable')
  const list = verifyListToken({ ...q, token, uri: reference.uri })
  const value = statusAt(list, reference.index)
  if (value === 0) return
  throw new Refused(
    value === 1 ? 'credential_revoked' : value === 2 ? 'credential_suspended' : 'status_unknown',
  )
}

function verifyListToken(q: {
  token: string
  uri: string
  issuer: TrustedIssuer
  type: string
  at: Date
  maxAgeSeconds: number
}): JsonObject {
  const jws = readJws(q.token, 'status_list_malformed', MAX_TOKEN)
  need(jws.header.typ === 'statuslist+jwt', 'status_list_malformed', 'typ')
  const question = { type: q.type, format: 'status list' as const, issuers: [q.issuer], at: q.at }
  const isTrusted = (): boolean =>
    isSignedWith(jws, verifyIssuer({ ...question, chain: readX5c(jws.header.x5c) }).key)
  try {
    need(isTrusted(), 'status_list_untrusted')
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    throw new Refused('status_list_untrusted', thrown.what)
  }
  const { sub, iat, exp, ttl, status_list: list } = jws.payload
  need(sub === q.uri, 'status_list_untrusted', 'the list of another address')
  need(typeof iat === 'number' && isObject(list), 'status_list_malformed', 'iat or status_list')
  need(ttl === undefined || (typeof ttl === 'number' && ttl > 0), 'status_list_malformed', 'ttl')
  const now = q.at.getTime() / 1000
  need(iat <= now + SKEW_SECONDS, 'status_list_malformed', 'it was made later')
  need(exp === undefined || (typeof exp === 'number' && now < exp), 'status_list_expired', 'exp')
  need(now - iat <= q.maxAgeSeconds, 'status_list_expired', 'its age')
  return list
}

/**
 * When a list was made, how long it may be kept and when it ends, by its own words: the signature is not
 * looked at.
 */
export function listTimes(token: string): { issuedAt: Date; ttlSeconds?: number; expiresAt?: Date } {
  const { iat, ttl, exp } = readJws(token, 'status_list_malformed', MAX_TOKEN).payload
  need(typeof iat === 'number', 'status_list_malformed', 'iat')
  return {
    issuedAt: new Date(iat * 1000),
    ...(typeof ttl === 'number' ? { ttlSeconds: ttl } : {}),
    ...(typeof exp === 'number' ? { expiresAt: new Date(exp * 1000) } : {}),
  }
}

/** The value of an entry; entry 0 stands in the lowest bits of the first octet. */
export function statusAt({ bits, lst }: JsonObject, index: number): number {
  const perOctet = typeof bits === 'number' ? ENTRIES_PER_OCTET[bits] : undefined
  need(perOctet !== undefined && typeof lst === 'string', 'status_list_malformed', 'bits or lst')
  const packed = readBase64url(lst, 'status_list_malformed')
  const octets = orRefuse('status_list_malformed', () => inflateSync(packed, { maxOutputLength: MAX_LIST }))
  const octet = octets[Math.floor(index / perOctet)]
  need(octet !== undefined, 'status_out_of_range')
  const width = 8 / perOctet
  return (octet >> ((index % perOctet) * width)) & (2 ** width - 1)
}
