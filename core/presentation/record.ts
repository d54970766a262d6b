/**
 * A verdict as one JSON document that verifies years later, from itself and trust anchors alone: the signed
 * request, the presentations, the status lists as they were, the time, and what was found
 * (`schemas/presentation-record.schema.json`).
 */
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Time } from '#schemas/sent-values.ts'
import type { Asked } from './asked.ts'
import { isObject, readJsonObject } from './json.ts'
import { type JudgedCredential, judge, type Verdict } from './judge.ts'
import { type Presentations, readPresentations } from './read-answer.ts'
import { need, orRefuse } from './refused.ts'
import { listTimes, type StatusLists } from './status-list.ts'
import { openNonce } from './transaction-data.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'
import { type ExpectedVerifiers, verifyRequest } from './verify-request.ts'

const RECORD_FORM = 'concordat-presentation-record/1'

type PresentationRecord = {
  form: typeof RECORD_FORM
  /** The request object as the wallet fetched it. */
  request: string
  presentations: Presentations
  statusLists: Record<string, string>
  maxStatusAgeSeconds: number
  judgedAt: Time
  verdict: Verdict
}

/** One that rests on what was presented, as a consent does: a refused presentation makes none. */
export type AcceptedRecord = PresentationRecord & { verdict: Extract<Verdict, { outcome: 'accepted' }> }

const MAX_RECORD = 16_777_216
/** Claims as deep as presentations may be, and the levels of the record above them. */
const MAX_DEPTH = 64
const SKEW_MS = 60_000

/** The text of a record, canonical (RFC 8785): equal records have equal digests. */
export function writeRecord(q: {
  request: string
  presentations: Presentations
  lists: StatusLists
  maxStatusAgeSeconds: number
  at: Date
  verdict: Verdict
}): string {
  const record: PresentationRecord = {
    form: RECORD_FORM,
    request: q.request,
    presentations: q.presentations,
    statusLists: Object.fromEntries(
      Object.entries(q.lists).flatMap(([uri, token]) => (token === undefined ? [] : [[uri, token]])),
    ),
    maxStatusAgeSeconds: q.maxStatusAgeSeconds,
    judgedAt: q.at.toISOString(),
    verdict: q.verdict,
  }
  return canonicalJson(record)
}

/** What whoever verifies a record says themselves: a record could be made to suit. */
export type Reader = {
  /** Whose requests count. Without it the verdict says nothing about who asked. */
  verifiers?: ExpectedVerifiers
  /** How old a status list may have been at `judgedAt`; the record's own maximum counts besides. */
  maxStatusAgeSeconds: number
}

type VerifiedRecord = {
  verdict: Verdict
  asked: Asked
  judgedAt: Date
  /** Whether `asked` comes from a verifier whom the reader expects. */
  isVerifierKnown: boolean
  /** When each status list that the verdict rests on was made. */
  statusLists: { uri: string; issuedAt: Date }[]
  /**
   * How the holder committed to the exchange with this digest; nothing is bound by a presentation that was
   * refused.
   */
  boundTo: (requestDigest: Buffer) => 'transaction data' | 'nonce' | undefined
}

/**
 * Judges a record again and gives its verdict, with the issuers' names as the reader has them. Refuses with
 * `record_malformed`, `request_signature_invalid`, `verifier_untrusted`, `status_list_expired` for lists too
 * old for the reader, or `record_differs` when it says otherwise. That the time is true is for the evidence
 * that holds the record to prove.
 */
export function verifyRecord(text: string, issuers: TrustedIssuer[], reader: Reader): VerifiedRecord {
  const record = readRecord(text)
  const { request, presentations, statusLists: lists, maxStatusAgeSeconds } = record
  const at = new Date(record.judgedAt)
  const asked = verifyRequest(request, reader.verifiers)
  const isAfter = at.getTime() >= asked.issuedAt.getTime() - SKEW_MS
  need(isAfter, 'record_differs', 'judged before the request was made')
  const question = { asked, presentations, issuers, lists, at }
  const { verdict } = judge({ ...question, maxStatusAgeSeconds })
  need(isSameVerdict(verdict, record.verdict), 'record_differs', wordsOf(verdict))
  if (verdict.outcome === 'accepted' && reader.maxStatusAgeSeconds < maxStatusAgeSeconds) {
    const { refusal } = judge({ ...question, maxStatusAgeSeconds: reader.maxStatusAgeSeconds })
    if (refusal !== undefined) throw refusal
  }
  return {
    ...{ verdict, asked, judgedAt: at, isVerifierKnown: reader.verifiers !== undefined },
    statusLists: timesOf(verdict, lists),
    boundTo: (digest) => (verdict.outcome === 'accepted' ? bindingOf(asked, digest) : undefined),
  }
}

/** The record in its one spelling: nothing in it is unknown, nothing stands elsewhere. */
function readRecord(text: string): Omit<PresentationRecord, 'verdict'> & { verdict: unknown } {
  need(text.length <= MAX_RECORD, 'record_malformed', 'too long')
  const limits = { maxLength: MAX_RECORD, maxDepth: MAX_DEPTH }
  const record = readJsonObject(text, 'record_malformed', limits)
  const { form, request, presentations: given, statusLists, maxStatusAgeSeconds, judgedAt, verdict } = record
  need(form === RECORD_FORM, 'record_malformed', 'form')
  need(typeof request === 'string' && isObject(given), 'record_malformed')
  need(isObject(statusLists) && typeof judgedAt === 'string', 'record_malformed')
  need(typeof maxStatusAgeSeconds === 'number' && maxStatusAgeSeconds >= 0, 'record_malformed')
  const at = new Date(judgedAt)
  need(!Number.isNaN(at.getTime()) && at.toISOString() === judgedAt, 'record_malformed', 'judgedAt')
  for (const token of Object.values(statusLists))
    need(typeof token === 'string', 'record_malformed', 'statusLists')
  const lists = statusLists as Record<string, string>
  const presentations = readPresentations(given, 'record_malformed')
  const parts = { request, presentations, maxStatusAgeSeconds }
  const known = { form, ...parts, statusLists: lists, judgedAt, verdict }
  const written = orRefuse('record_malformed', () => canonicalJson(known))
  need(written === text, 'record_differs', 'unknown members, or another spelling')
  return { form: RECORD_FORM, ...parts, statusLists: lists, judgedAt, verdict }
}

/** An issuer may be called otherwise by whoever reads: its path says who it is. */
function isSameVerdict(verdict: Verdict, written: unknown): boolean {
  const names = isObject(written) && Array.isArray(written.credentials) ? written.credentials : []
  const asWritten = (one: JudgedCredential, at: number): JudgedCredential => {
    const credential: unknown = names[at]
    const name = isObject(credential) ? credential.issuer : undefined
    return { ...one, issuer: typeof name === 'string' ? name : one.issuer }
  }
  const expected =
    verdict.outcome === 'accepted' ? { ...verdict, credentials: verdict.credentials.map(asWritten) } : verdict
  return orRefuse('record_malformed', () => canonicalJson(written)) === canonicalJson(expected)
}

function timesOf(verdict: Verdict, lists: Record<string, string>): VerifiedRecord['statusLists'] {
  if (verdict.outcome !== 'accepted') return []
  const uris = new Set(verdict.credentials.flatMap(({ status }) => (status === null ? [] : [status.uri])))
  return [...uris].map((uri) => ({ uri, issuedAt: listTimes(lists[uri]!).issuedAt }))
}

/** How the holder committed to the exchange with this digest, if they did. */
function bindingOf(asked: Asked, digest: Buffer): 'transaction data' | 'nonce' | undefined {
  const wanted = digest.toString('base64url')
  const inData = asked.transactionData.some(({ requestDigest }) => requestDigest === wanted)
  if (inData) return 'transaction data'
  return openNonce(asked.nonce)?.requestDigest.equals(digest) === true ? 'nonce' : undefined
}

function wordsOf(verdict: Verdict): string {
  return verdict.outcome === 'accepted' ? 'accepted' : verdict.reason
}
