/**
 * Reads circumstances strictly: canonical JSON with exactly the members of version 1, within bounds, and with
 * the expected hash.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import type { Circumstances, EndpointPattern, RightGrant } from '#schemas/circumstances.ts'
import { Fault } from '#schemas/fault.ts'

/**
 * The most bytes of a document. It is more than the content of a contract or the circumstances written here
 * need.
 */
export const MAX_CIRCUMSTANCES = 64 * 1024
const MAX_GRANTS = 256
const DIGEST = /^[A-Za-z0-9+/]{43}=$/
const HEX = /^[0-9a-f]{64}$/

type Reader<T> = (value: unknown, where: string) => T

/** The entry name in a bundle or archive for the document with this hash (base64). */
export function circumstancesEntry(digest: string): string {
  return `circumstances/${Buffer.from(digest, 'base64').toString('hex')}.json`
}

/** Throws `malformed_circumstances`. `digest`: the base64 SHA-256 that the record names. */
export function readCircumstances(bytes: Buffer, digest: string): Circumstances {
  if (bytes.length > MAX_CIRCUMSTANCES) throw malformed('the document is too long')
  if (hash('sha256', bytes, 'base64') !== digest) throw malformed('the document has another hash')
  const value = parse(bytes)
  // One value, one text: two readers cannot see two circumstances under one hash.
  if (canonicalJson(value) !== bytes.toString()) throw malformed('the document is not canonical')
  return circumstances(value, 'the document')
}

function parse(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes)
  } catch (cause) {
    throw malformed('the document is no JSON', cause)
  }
}

const text: Reader<string> = (value, where) => {
  if (typeof value !== 'string') throw malformed(where)
  return value
}

function one<T extends string | number>(...of: T[]): Reader<T> {
  return (value, where) => {
    const found = of.find((each) => each === value)
    if (found === undefined) throw malformed(where)
    return found
  }
}

function like(pattern: RegExp): Reader<string> {
  return (value, where) => {
    if (!pattern.test(text(value, where))) throw malformed(where)
    return value as string
  }
}

function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, where) => (value === undefined ? undefined : reader(value, where))
}

function list<T>(item: Reader<T>, most: number): Reader<T[]> {
  return (value, where) => {
    if (!Array.isArray(value) || value.length > most) throw malformed(where)
    return value.map((each) => item(each, where))
  }
}

/** Reads exactly these members; a member may be absent if its reader accepts `undefined`. */
function object<T extends object>(members: { [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  return (value, where) => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw malformed(where)
    const given = value as Record<string, unknown>
    if (Object.keys(given).some((name) => !Object.hasOwn(members, name)))
      throw malformed(`${where} has a member that version 1 does not know`)
    const read = Object.entries(members as Record<string, Reader<unknown>>).map(([name, reader]) => [
      name,
      reader(Object.hasOwn(given, name) ? given[name] : undefined, `its ${name}`),
    ])
    return Object.fromEntries(read.filter(([, member]) => member !== undefined)) as T
  }
}

const version: Reader<number> = (value, where) => {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw malformed(where)
  return value as number
}
const endpoint = object<EndpointPattern>({ method: text, path: text })
const circumstances = object<Circumstances>({
  version: one<1>(1),
  side: one('consumer', 'provider'),
  authentication: optional(one('NOSSL', 'SSLNOAUTH', 'SSLAUTH')),
  contract: optional(
    object<NonNullable<Circumstances['contract']>>({
      ...{ id: text, version, hash: like(HEX), title: text, purpose: text, legalBasis: text, endpoint },
      globalGroup: optional(text),
    }),
  ),
  endpoint: optional(endpoint),
  right: optional(
    object<NonNullable<Circumstances['right']>>({
      endpoint,
      grants: list(
        object<RightGrant>({
          subjectType: one('SUBSYSTEM', 'GLOBALGROUP', 'LOCALGROUP'),
          ...{ subject: text, since: text },
        }),
        MAX_GRANTS,
      ),
    }),
  ),
  service: optional(
    object<NonNullable<Circumstances['service']>>({
      type: one('REST', 'OPENAPI', 'WSDL'),
      description: optional(
        object<{ document: string; published: string; since: string }>({
          ...{ document: like(DIGEST), published: like(DIGEST), since: text },
        }),
      ),
    }),
  ),
})

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('malformed_circumstances', { what, cause })
}
