/**
 * Trusted issuers as a registry publishes them: each complete, in one form, all together within bounds; and how one is changed or
 * withdrawn without losing what was trusted before.
 */
import { readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import type { PublishedAnchor, PublishedIssuer } from '#schemas/trusted-issuer.ts'
import { isObject, isTexts } from './json.ts'
import { readTrustedIssuers } from './trusted-issuers.ts'

const MOST_ISSUERS = 100
/** Of all of them: they stand in a statement that every server fetches. */
const MOST_LENGTH = 256 * 1024
const MOST_ANCHORS = 20
const MOST_TYPES = 32
const MOST_CLAIMS = 100
const MOST_STEPS = 8
const MEMBERS = ['name', 'purpose', 'types', 'claims', 'anchors', 'signers', 'requiresStatus', 'statusHosts']
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/
const TEXT = /^[\x21-\x7e]{1,255}$/
/** No control characters, and none that turn the direction of what follows. */
const PURPOSE = /^[^\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,500}$/u

/** Throws `invalid_input`; `given` is parsed JSON. A certificate may be PEM or base64; it is kept as base64 of DER. */
export function readPublishedIssuer(given: unknown): PublishedIssuer {
  if (!isObject(given)) throw wrong('an issuer is an object')
  const unknown = Object.keys(given).find((member) => !MEMBERS.includes(member))
  if (unknown !== undefined) throw wrong(`an issuer has no member ${unknown.slice(0, 40)}`)
  const { name, purpose, types, claims, anchors, signers, requiresStatus, statusHosts } = given
  if (typeof name !== 'string' || !NAME.test(name)) throw wrong('name: letters, digits, and _ . - are needed')
  if (typeof purpose !== 'string' || purpose.trim() === '' || !PURPOSE.test(purpose))
    throw wrong('purpose: a sentence is needed, without control characters')
  if (
    !isTexts(types) ||
    types.length === 0 ||
    types.length > MOST_TYPES ||
    !types.every((one) => TEXT.test(one))
  )
    throw wrong('types: vct values or doctypes are needed')
  if (!Array.isArray(anchors) || anchors.length === 0 || anchors.length > MOST_ANCHORS)
    throw wrong(`anchors: 1 to ${MOST_ANCHORS} are needed`)
  const issuer: PublishedIssuer = {
    ...{ name, purpose, types },
    ...(claims === undefined ? {} : { claims: readClaims(claims) }),
    anchors: anchors.map(readAnchor),
    ...(signers === undefined ? {} : { signers: signers as PublishedIssuer['signers'] & object }),
    ...(requiresStatus === undefined ? {} : { requiresStatus: requiresStatus as boolean | string }),
    ...(statusHosts === undefined ? {} : { statusHosts: statusHosts as string[] }),
  }
  // By the reader of those who verify: what it refuses is not published.
  readTrustedIssuers([issuer])
  return issuer
}

/** All that an instance publishes. Throws `invalid_input`. */
export function readPublishedIssuers(given: unknown): PublishedIssuer[] {
  if (!Array.isArray(given) || given.length > MOST_ISSUERS)
    throw wrong(`trusted issuers are a list of at most ${MOST_ISSUERS}`)
  const issuers = given.map(readPublishedIssuer)
  if (new Set(issuers.map(({ name }) => name)).size < issuers.length)
    throw wrong('two issuers have the same name')
  if (JSON.stringify(issuers).length > MOST_LENGTH)
    throw wrong(`trusted issuers have at most ${MOST_LENGTH} octets together`)
  readTrustedIssuers(issuers)
  return issuers
}

/** `next` in the place of `before`: anchors that it leaves out stay, and are over at `at`. */
export function replaceIssuer(before: PublishedIssuer, next: PublishedIssuer, at: Date): PublishedIssuer {
  const kept = new Set(next.anchors.map(({ certificate }) => certificate))
  const over = before.anchors.filter(({ certificate }) => !kept.has(certificate))
  return { ...next, anchors: [...next.anchors, ...over.map((anchor) => endAnchor(anchor, at))] }
}

/** All anchors are over at `at`; what was presented before is still judged by them. */
export function withdrawIssuer(issuer: PublishedIssuer, at: Date): PublishedIssuer {
  return { ...issuer, anchors: issuer.anchors.map((anchor) => endAnchor(anchor, at)) }
}

/** Whether any anchor counts at `at`, or will. */
export function isWithdrawn({ anchors }: PublishedIssuer, at: Date): boolean {
  return anchors.every(
    ({ trustedUntil }) => trustedUntil !== undefined && Date.parse(trustedUntil) <= at.getTime(),
  )
}

function endAnchor(anchor: PublishedAnchor, at: Date): PublishedAnchor {
  const { trustedUntil } = anchor
  const isOver = trustedUntil !== undefined && Date.parse(trustedUntil) <= at.getTime()
  return isOver ? anchor : { ...anchor, trustedUntil: at.toISOString() }
}

function readClaims(value: unknown): string[][] {
  const isPath = (path: unknown): path is string[] =>
    isTexts(path) &&
    path.length > 0 &&
    path.length <= MOST_STEPS &&
    path.every((step) => step !== '' && step.length <= 255)
  if (!Array.isArray(value) || value.length === 0 || value.length > MOST_CLAIMS || !value.every(isPath))
    throw wrong('claims: a list of paths is needed, each a list of names')
  return value
}

function readAnchor(value: unknown): PublishedAnchor {
  const { certificate, trustedFrom, trustedUntil, ...more } = isObject(value) ? value : {}
  if (typeof certificate !== 'string') throw wrong('anchors: each has a certificate')
  if (Object.keys(more).length > 0)
    throw wrong('anchors: trustedFrom and trustedUntil may stand beside the certificate')
  return {
    certificate: certificateOfCa(certificate),
    ...(trustedFrom === undefined ? {} : { trustedFrom: trustedFrom as string }),
    ...(trustedUntil === undefined ? {} : { trustedUntil: trustedUntil as string }),
  }
}

/** A chain that is presented must not hold its anchor (HAIP 1.0), so an anchor is a CA and none that signs credentials. */
function certificateOfCa(text: string): string {
  const { der, extensions } = readCertificate(Buffer.from(text, 'latin1'))
  if (extensions.basicConstraints?.ca !== true) throw wrong('anchors: the certificate is not that of a CA')
  return der.toString('base64')
}

function wrong(what: string): Fault {
  return new Fault('invalid_input', { what })
}
