/**
 * Trusted issuers as a registry publishes them: each complete, in one form, all together within bounds; and
 * how one is changed or withdrawn without losing what was trusted before.
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import {
  type FormerTrust,
  ISSUER_NAME,
  type PublishedAnchor,
  type PublishedIssuer,
} from '#schemas/trusted-issuer.ts'
import { isObject, isTexts, type JsonObject } from './json.ts'
import { readTrustedIssuers } from './trusted-issuers.ts'

const MOST_ISSUERS = 100
/** Of all of them: they stand in a statement that every server fetches. */
const MOST_LENGTH = 512 * 1024
/** Of what is put. The rest is for the ends of anchors: a withdrawal always has room. */
const MOST_PUT_LENGTH = 256 * 1024
const MOST_ANCHORS = 20
const MOST_FORMER = 100
const MOST_TYPES = 32
const MOST_CLAIMS = 100
const MOST_STEPS = 8
const MEMBERS = [
  ...['name', 'purpose', 'types', 'claims', 'anchors', 'signers', 'statusSigners'],
  ...['requiresStatus', 'statusHosts'],
]
const TEXT = /^[\x21-\x7e]{1,255}$/
/** No control characters, and none that turn the direction of what follows. */
const PURPOSE = /^[^\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,500}$/u

/**
 * Throws `invalid_input`; `given` is parsed JSON. A certificate may be PEM or base64; it is kept as base64 of
 * DER.
 */
export function readPublishedIssuer(given: unknown): PublishedIssuer {
  if (!isObject(given)) throw wrong('an issuer is an object')
  const { former, ...now } = given
  const issuer = readTerms(now)
  if (former === undefined) return issuer
  if (!Array.isArray(former) || former.length === 0 || former.length > MOST_FORMER || !former.every(isObject))
    throw wrong(`former: a list of 1 to ${MOST_FORMER} is needed`)
  const { name, purpose } = issuer
  const read = former.map((one) => {
    if ('name' in one || 'purpose' in one) throw wrong('former: name and purpose are those of the issuer')
    const { name: _name, purpose: _purpose, ...terms } = readTerms({ ...one, name, purpose })
    return terms
  })
  return { ...issuer, former: read }
}

function readTerms(given: JsonObject): PublishedIssuer {
  const unknown = Object.keys(given).find((member) => !MEMBERS.includes(member))
  if (unknown !== undefined) throw wrong(`an issuer has no member ${unknown.slice(0, 40)}`)
  const { name, purpose, types, claims, anchors, signers, statusSigners, requiresStatus, statusHosts } = given
  if (typeof name !== 'string' || !ISSUER_NAME.test(name))
    throw wrong('name: letters, digits, and _ . - are needed')
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
    ...(statusSigners === undefined
      ? {}
      : { statusSigners: statusSigners as PublishedIssuer['statusSigners'] & object }),
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

/** Throws `invalid_input` when there is no room for one more change. */
export function checkRoom(issuers: readonly PublishedIssuer[]): void {
  if (JSON.stringify(issuers).length > MOST_PUT_LENGTH)
    throw wrong(
      `trusted issuers have at most ${MOST_PUT_LENGTH} octets together, with what was trusted before`,
    )
}

/** An issuer that is trusted for the first time: its anchors count from `at`, unless it is said from when. */
export function startIssuer(issuer: PublishedIssuer, at: Date): PublishedIssuer {
  return {
    ...issuer,
    anchors: issuer.anchors.map((anchor) => ({ trustedFrom: at.toISOString(), ...anchor })),
  }
}

/**
 * `next` in the place of `before`. What was trusted stays in `former`, with its end and the terms of then:
 * anchors that are over already, those that `next` leaves out, and all of them where the terms are others. An
 * anchor that is trusted again counts from `at`.
 */
export function replaceIssuer(before: PublishedIssuer, next: PublishedIssuer, at: Date): PublishedIssuer {
  const isSame = canonicalJson(termsOf(before)) === canonicalJson(termsOf(next))
  const going = before.anchors.filter((anchor) => !isOver(anchor, at))
  const known = new Set(
    [before, ...(before.former ?? [])].flatMap(({ anchors }) => anchors.map(canonicalJson)),
  )
  const anchors = next.anchors
    // What was over is there already, and is no anchor of the new terms.
    .filter((anchor) => !(isOver(anchor, at) && known.has(canonicalJson(anchor))))
    .map((anchor): PublishedAnchor => {
      const was = going.find(({ certificate }) => certificate === anchor.certificate)
      if (isSame && was !== undefined)
        return was.trustedFrom === undefined ? anchor : { ...anchor, trustedFrom: was.trustedFrom }
      const wasTrusted = [before, ...(before.former ?? [])].some((one) =>
        one.anchors.some(({ certificate }) => certificate === anchor.certificate),
      )
      const from = anchor.trustedFrom ?? at.toISOString()
      return {
        ...anchor,
        trustedFrom: wasTrusted && Date.parse(from) < at.getTime() ? at.toISOString() : from,
      }
    })
  if (anchors.length === 0) throw wrong('anchors: each has ended; withdraw the issuer')
  const goesOn = new Set(isSame ? anchors.map(({ certificate }) => certificate) : [])
  const ended = before.anchors
    .filter((anchor) => isOver(anchor, at) || !goesOn.has(anchor.certificate))
    // One that had not begun never counted.
    .filter(({ trustedFrom }) => trustedFrom === undefined || Date.parse(trustedFrom) < at.getTime())
    .map((anchor) => endAnchor(anchor, at))
  const former = [
    ...(before.former ?? []),
    ...(ended.length === 0 ? [] : [{ ...termsOf(before), anchors: ended }]),
  ]
  return { ...next, anchors, ...(former.length === 0 ? {} : { former }) }
}

/**
 * All anchors, or those of these certificates, are over at `at`; what was presented before is still judged by
 * them.
 */
export function withdrawIssuer(
  issuer: PublishedIssuer,
  at: Date,
  certificates?: ReadonlySet<string>,
): PublishedIssuer {
  const anchors = issuer.anchors.map((anchor) =>
    certificates?.has(anchor.certificate) === false ? anchor : endAnchor(anchor, at),
  )
  return { ...issuer, anchors }
}

/** Whether any anchor counts at `at`, or will. */
export function isWithdrawn({ anchors }: PublishedIssuer, at: Date): boolean {
  return anchors.every((anchor) => isOver(anchor, at))
}

/** For what it is trusted, apart from its anchors. */
function termsOf({ types, claims, signers, statusSigners, requiresStatus, statusHosts }: FormerTrust) {
  return {
    types,
    ...(claims === undefined ? {} : { claims }),
    ...(signers === undefined ? {} : { signers }),
    ...(statusSigners === undefined ? {} : { statusSigners }),
    ...(requiresStatus === undefined ? {} : { requiresStatus }),
    ...(statusHosts === undefined ? {} : { statusHosts }),
  }
}

export function isOver({ trustedUntil }: PublishedAnchor, at: Date): boolean {
  return trustedUntil !== undefined && Date.parse(trustedUntil) <= at.getTime()
}

function endAnchor(anchor: PublishedAnchor, at: Date): PublishedAnchor {
  return isOver(anchor, at) ? anchor : { ...anchor, trustedUntil: at.toISOString() }
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

/**
 * A chain that is presented must not hold its anchor (HAIP 1.0), so an anchor is a CA and none that signs
 * credentials.
 */
function certificateOfCa(text: string): string {
  const { der, extensions } = readCertificate(Buffer.from(text, 'latin1'))
  if (extensions.basicConstraints?.ca !== true) throw wrong('anchors: the certificate is not that of a CA')
  return der.toString('base64')
}

function wrong(what: string): Fault {
  return new Fault('invalid_input', { what })
}
