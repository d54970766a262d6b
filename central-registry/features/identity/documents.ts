/**
 * DID documents from facts of the register; pure. Each is written for a DID, so that did:web and did:webvh
 * have the same content.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import type { DidState } from '#core/did/did-entry.ts'
import { didSegment, webName } from '#core/did/web-name.ts'
import { parseMemberId, parseServerId } from '#schemas/identifiers.ts'

type Jwk = Record<string, unknown>
/** A key by its name in the document. `asserts`: its signatures count as those of the subject. */
type Key = { name: string; jwk: Jwk; use: 'assertionMethod' | 'authentication' | undefined }
type Service = { name: string; type: string; endpoint: string }

export type Subject = {
  kind: 'instance' | 'member' | 'server'
  /** The identifier in text form. */
  id: string
  /** Segments below the registry's own DID. */
  segments: string[]
  /** The segments of whoever answers for it; undefined for the instance. */
  controller: string[] | undefined
  keys: Key[]
  services: Service[]
}

/** X-Road's port for messages between security servers. */
const MESSAGE_PORT = 5500
/** More keys at a time has nobody; a document stays small enough to be signed and served. */
const MOST_KEYS = 32
const MOST_SERVICES = 100
const CONTEXT = ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/jwk/v1']

/** Where a subject's files lie, and what comes after the registry's own DID. */
export function pathOf(segments: readonly string[]): string {
  return segments.map(didSegment).join('/')
}

/** Where the history lies of an identifier that was begun anew, the second time or later. */
export function againPath(path: string, times: number): string {
  return [path, `again-${times}`].filter((segment) => segment !== '').join('/')
}

/** The did:web of the subject with these segments. */
export function webDid(url: string, segments: readonly string[]): string {
  return `did:web:${webName(url, segments)}`
}

/** The document of the subject for `did`; `aliases` are its other names. */
export function documentOf(subject: Subject, q: { did: string; aliases: string[]; url: string }): DidState {
  const { did, aliases, url } = q
  const keys = subject.keys.slice(0, MOST_KEYS)
  const named = (use: Key['use']): string[] =>
    keys.filter((key) => key.use === use).map(({ name }) => `${did}#${name}`)
  return {
    '@context': CONTEXT,
    id: did,
    ...(subject.controller === undefined ? {} : { controller: webDid(url, subject.controller) }),
    alsoKnownAs: aliases,
    verificationMethod: keys.map(({ name, jwk }) => ({
      ...{ id: `${did}#${name}`, type: 'JsonWebKey', controller: did, publicKeyJwk: jwk },
    })),
    assertionMethod: named('assertionMethod'),
    authentication: named('authentication'),
    service: subject.services.slice(0, MOST_SERVICES).map(({ name, type, endpoint }) => ({
      ...{ id: `${did}#${name}`, type, serviceEndpoint: endpoint },
    })),
  }
}

/** Changes when the document of the subject does. */
export function factsOf(subject: Subject, url: string): string {
  return hash('sha256', canonicalJson(documentOf(subject, { did: 'did:x', aliases: [], url })), 'hex')
}

/** The key of a certificate, which goes along in `x5c`. Undefined once the certificate has expired. */
export function certificateKey(der: Buffer, use: Key['use'], now: number): Key | undefined {
  const certificate = parseCertificate(der)
  if (certificate.notAfter.getTime() <= now) return undefined
  const jwk = publicKeyOf(certificate).export({ format: 'jwk' }) as Jwk
  const print = Buffer.from(certificate.sha256, 'hex').toString('base64url')
  return {
    name: `key-${certificate.sha256.slice(0, 16)}`,
    jwk: { ...jwk, x5c: [der.toString('base64')], 'x5t#S256': print },
    use,
  }
}

export function memberSegments(id: string): string[] {
  const { memberClass, memberCode } = parseMemberId(id)
  return ['members', memberClass, memberCode]
}

export function serverSegments(id: string): string[] {
  const { memberClass, memberCode, serverCode } = parseServerId(id)
  return ['members', memberClass, memberCode, 'servers', serverCode]
}

/** The address at which other security servers reach this one. */
export function serverService(id: string, address: string): Service {
  const host = address.includes(':') ? `[${address}]` : address
  const name = `server-${didSegment(parseServerId(id).serverCode)}`
  return { name, type: 'XRoadSecurityServer', endpoint: `https://${host}:${MESSAGE_PORT}/` }
}
