/**
 * W3C Verifiable Credentials 2.0 as compact JWS (vc-jose-cose), ES256 only. Guarantees that a key of the
 * issuer's own DID document for assertions signed it, and that it is valid now. There is no status list:
 * credentials live a day, so a withdrawn one is soon not renewed.
 */
import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { Fault } from '#schemas/fault.ts'

export const CREDENTIAL_TYPE = 'application/vc+jwt'
const CONTEXT = 'https://www.w3.org/ns/credentials/v2'
/**
 * Gives terms that no context defines an address of their own, so that readers of JSON-LD keep them. Readers
 * have it built in: a context at the registry's address would tell it who checks which credential, and could
 * change what a signed one means.
 */
const OTHER_TERMS = 'https://www.w3.org/ns/credentials/undefined-terms/v2'

export type Credential = {
  '@context': string[]
  type: string[]
  issuer: string
  validFrom: string
  validUntil: string
  credentialSubject: { id: string } & Record<string, unknown>
} & Record<string, unknown>

type Document = Record<string, unknown>

const MAX_LENGTH = 64 * 1024
const TOKEN = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})$/

/** Signs with the P-256 key that the issuer's document calls `kid`. */
export function signCredential(
  credential: Omit<Credential, '@context'>,
  { key, kid }: { key: KeyObject; kid: string },
): string {
  const header = { alg: 'ES256', typ: 'vc+jwt', cty: 'vc', kid }
  const content = { '@context': [CONTEXT, OTHER_TERMS], ...credential }
  const signed = [header, content]
    .map((part) => Buffer.from(canonicalJson(part)).toString('base64url'))
    .join('.')
  const value = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${value.toString('base64url')}`
}

/** Whether a file looks like a token of three parts. */
export function isCredential(bytes: Buffer): boolean {
  return bytes.length <= MAX_LENGTH && TOKEN.test(bytes.toString('latin1').trim())
}

/**
 * Throws `invalid_input` for what is no such credential, `invalid_proof` when it was not signed by that
 * issuer or is not valid now.
 */
export function verifyCredential(token: string, q: { issuer: Document; now: Date }): Credential {
  const [, first, second, signature] = (token.length > MAX_LENGTH ? null : TOKEN.exec(token)) ?? []
  if (first === undefined || second === undefined || signature === undefined)
    throw malformed('it is no token')
  const { alg, typ, kid, crit } = readPart(first)
  if (alg !== 'ES256' || typ !== 'vc+jwt' || typeof kid !== 'string' || crit !== undefined)
    throw malformed('its header is of another kind')
  const content = readPart(second)
  if (content['issuer'] !== q.issuer['id']) throw unproven('it names another issuer than the document')
  const octets = Buffer.from(signature, 'base64url')
  const key = { key: keyOf(q.issuer, kid), dsaEncoding: 'ieee-p1363' as const }
  if (!verify('sha256', Buffer.from(`${first}.${second}`), key, octets))
    throw unproven('its signature does not verify')
  const credential = readCredential(content)
  const [from, until] = [Date.parse(credential.validFrom), Date.parse(credential.validUntil)]
  // Written so that a time that is none counts as not valid.
  if (!(from <= q.now.getTime() && q.now.getTime() < until))
    throw unproven(`it is valid from ${credential.validFrom} until ${credential.validUntil}`)
  return credential
}

function readCredential(content: Document): Credential {
  const { '@context': context, type, issuer, validFrom, validUntil, credentialSubject } = content
  const texts = [issuer, validFrom, validUntil].every((one) => typeof one === 'string' && one.length < 2000)
  const isOurs = Array.isArray(context) && context[0] === CONTEXT && Array.isArray(type)
  const subject = credentialSubject as { id?: unknown } | null | undefined
  if (!texts || !isOurs || typeof subject?.id !== 'string')
    throw malformed('its fields are not those of a credential')
  return content as Credential
}

/** The key of that name, if the document lets it make assertions. */
function keyOf({ id, verificationMethod, assertionMethod }: Document, kid: string): KeyObject {
  const methods = Array.isArray(verificationMethod) ? (verificationMethod as Document[]) : []
  const method = methods.find((one) => one['id'] === kid)
  const mayAssert = Array.isArray(assertionMethod) && assertionMethod.includes(kid)
  if (method === undefined || !mayAssert || method['controller'] !== id)
    throw unproven('the document of its issuer has no such key for assertions')
  const { kty, crv, x, y } = (method['publicKeyJwk'] ?? {}) as Record<string, string>
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined)
    throw unproven('it needs a key on P-256')
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
  } catch (cause) {
    throw new Fault('invalid_proof', { what: 'credential: the key of its issuer is no key', cause })
  }
}

function readPart(part: string): Document {
  try {
    const value = parseStrictJson(Buffer.from(part, 'base64url'), { maxDepth: 12 })
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Document
  } catch (cause) {
    throw new Fault('invalid_input', { what: 'credential: a part of it is not JSON', cause })
  }
  throw malformed('a part of it is no object')
}

function malformed(what: string): Fault {
  return new Fault('invalid_input', { what: `credential: ${what}` })
}

function unproven(what: string): Fault {
  return new Fault('invalid_proof', { what: `credential: ${what}` })
}
