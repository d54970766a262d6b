/**
 * Verifies the record of a presentation, or the consent that one proves, from itself, trusted issuers and
 * expected verifiers.
 */

import { isUtf8 } from 'node:buffer'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { verifyOnePerson } from '#core/consent/held-together.ts'
import { LINK } from '#core/presentation/dcql/query.ts'
import { digestOfIssuers } from '#core/presentation/digest-issuers.ts'
import type { JudgedCredential } from '#core/presentation/judge.ts'
import { verifyRecord } from '#core/presentation/record.ts'
import { need, orRefuse, Refused } from '#core/presentation/refused.ts'
import { readTrustedIssuers, type TrustedIssuer } from '#core/presentation/trusted-issuers.ts'
import { readExpectedVerifiers } from '#core/presentation/verify-request.ts'
import { printable } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import { REFUSALS } from '#schemas/presentation.ts'
import { type CodePlaces, placesIn, readCodePlaces } from './code-places.ts'
import type { Report } from './report.ts'
import { onePersonLine, readSavedConsent, savedIssuers, verifyConsent } from './verify-consent.ts'

const DAY_SECONDS = 86_400
const NOT_NAMED =
  'All of it holds by the issuers in the file alone. Whether the registry had published them is for you to see: its transparency log names the list by that digest (V1/TRUSTED-ISSUERS); or name a list of your own (--issuers).'

type Question = {
  file: string
  content: Buffer
  /**
   * The JSON of the trusted issuers, and of the expected verifiers if there are any. A saved consent may
   * bring issuers, by which it is judged without others.
   */
  issuers?: unknown
  verifiers?: unknown
  /** The JSON of where credentials have the code of their person, by their types. */
  codes?: unknown
  /** How old a status list may have been, in seconds; a day if it is not said. */
  maxStatusAge?: string | undefined
}

/** Throws `invalid_input` for malformed issuers, verifiers, places of codes or age. */
export function verifyPresentation(q: Question): Report {
  const named = q.issuers === undefined ? undefined : readTrustedIssuers(q.issuers)
  const verifiers = q.verifiers === undefined ? undefined : readExpectedVerifiers(q.verifiers)
  const places = q.codes === undefined ? undefined : readCodePlaces(q.codes)
  const maxStatusAgeSeconds = q.maxStatusAge === undefined ? DAY_SECONDS : Number(q.maxStatusAge)
  if (!Number.isSafeInteger(maxStatusAgeSeconds) || maxStatusAgeSeconds < 0)
    throw new Fault('invalid_input', { what: '--max-status-age is a number of seconds' })
  const reader = { maxStatusAgeSeconds, ...(verifiers === undefined ? {} : { verifiers }) }
  const saved = readSavedConsent(q.content)
  const kind = saved === undefined ? 'presentation' : 'consent'
  try {
    if (saved !== undefined) {
      // A number that no double holds has no canonical form, and so no digest.
      orRefuse('record_malformed', () => canonicalJson(saved))
      const brought = savedIssuers(saved)
      const issuers = named ?? readBrought(brought)
      const { lines, proven, isOnePerson, facts } = verifyConsent(saved, issuers, reader, places)
      // Whoever makes up a consent makes up its issuers, too.
      const passed = named !== undefined && isOnePerson
      const verdict = passed ? 'TOTAL-PASSED' : 'INDETERMINATE'
      const issuersDigest = brought && digestOfIssuers(brought)
      const more = {
        ...{ file: q.file, verdict, ...factsOf(proven), presentation: proven.credentials },
        ...(issuersDigest && { issuersDigest }),
      }
      const text = textOf([
        verdict,
        ...lines,
        ...issuedBy(proven.credentials),
        ...circumstances(proven),
        ...(issuersDigest === undefined
          ? []
          : [`Trusted issuers were then, by its document: SHA-512 ${issuersDigest}`]),
        ...(named === undefined ? [NOT_NAMED] : []),
      ])
      return { kind, passed, facts: { ...facts, ...more }, text }
    }
    if (named === undefined) throw new Fault('invalid_input', { what: 'a record needs --issuers' })
    // Decoding would put a character in place of bytes that are none, and other bytes would be the same
    // record.
    need(isUtf8(q.content), 'record_malformed', 'not UTF-8')
    const verified = verifyRecord(q.content.toString('utf8'), named, reader)
    const { verdict } = verified
    const passed = verdict.outcome === 'accepted'
    const outcome = passed ? 'TOTAL-PASSED' : 'TOTAL-FAILED'
    const lines = [
      outcome,
      ...(verdict.outcome === 'accepted'
        ? [...issuedBy(verdict.credentials), ...linkLines(verdict.credentials, verified, places)]
        : [REFUSALS[verdict.reason]]),
      ...circumstances(verified),
    ]
    const facts = { file: q.file, verdict: outcome, ...factsOf(verified), presentation: verdict }
    return { kind, passed, facts, text: textOf(lines) }
  } catch (thrown) {
    if (!(thrown instanceof Refused)) throw thrown
    const facts = { file: q.file, verdict: 'TOTAL-FAILED', reason: thrown.reason }
    return { kind, passed: false, facts, text: textOf(['TOTAL-FAILED', thrown.message]) }
  }
}

/** Malformed, they are part of a malformed consent. */
function readBrought(brought: unknown[] | undefined): TrustedIssuer[] {
  if (brought === undefined)
    throw new Fault('invalid_input', { what: 'this consent brings no issuers: it needs --issuers' })
  return orRefuse('record_malformed', () => readTrustedIssuers(brought))
}

type Circumstances = Pick<
  ReturnType<typeof verifyRecord>,
  'asked' | 'judgedAt' | 'isVerifierKnown' | 'statusLists'
>

function factsOf({ asked: { clientId }, isVerifierKnown, judgedAt, statusLists }: Circumstances) {
  return { clientId, isVerifierKnown, judgedAt, statusLists }
}

function circumstances({ asked, judgedAt, isVerifierKnown, statusLists }: Circumstances): string[] {
  return [
    `Asked by ${asked.clientId} at ${asked.issuedAt.toISOString()}`,
    ...(isVerifierKnown
      ? []
      : ['Who asked is NOT verified: name the verifiers that you expect (--verifiers).']),
    `Judged at ${judgedAt.toISOString()}, by the words of the record`,
    ...statusLists.map(({ uri, issuedAt }) => `Status list ${uri} of ${issuedAt.toISOString()}`),
  ]
}

/**
 * Whoever asked chose what links several credentials: without places by the reader's word, whether that says
 * whose they are is for the reader to see.
 */
function linkLines(
  credentials: JudgedCredential[],
  { asked }: Pick<Circumstances, 'asked'>,
  places: CodePlaces | undefined,
): string[] {
  if (credentials.length === 1) return []
  const named = placesIn(credentials, places)
  if (named !== undefined) verifyOnePerson(credentials, named)
  const links = credentials.map(({ id }) => {
    const claims = asked.query.credentials.find((one) => one.id === id)?.claims ?? []
    return claims.find((claim) => claim.id === LINK)?.path.join('.') ?? ''
  })
  return [
    named === undefined
      ? `Of one person by what their verifier asked to be equal: ${links.join(', ')}`
      : onePersonLine(credentials, named),
    'Each for the same request: with its key the holder of each signed its nonce. That one wallet answered with all of them is not proved',
  ]
}

/** Names and addresses come from strangers. */
function textOf(lines: string[]): string {
  return `${lines.map(printable).join('\n')}\n`
}

function issuedBy(credentials: { type: string; issuer: string }[]): string[] {
  return credentials.map(({ type, issuer }) => `${type}, issued by ${issuer}`)
}
