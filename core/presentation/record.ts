/**
 * A verdict as one JSON document that verifies years later, from itself and trust anchors alone: the signed request, the
 * presentations, the status lists as they were, the time, and what was found (`schemas/presentation-record.schema.json`).
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseCertificate, publicKeyOf } from '#core/certificate/certificate.ts'
import { type Asked, readAsked } from './asked.ts'
import { isObject, readJsonObject } from './json.ts'
import { judge, type Verdict } from './judge.ts'
import { isSignedWith, readJws } from './jws.ts'
import { type Presentations, readPresentations } from './read-answer.ts'
import { need, orRefuse } from './refused.ts'
import type { StatusLists } from './status-list.ts'
import { openNonce, readTransaction } from './transaction-data.ts'
import { readX5c, type TrustedIssuer } from './trusted-issuers.ts'

const RECORD_FORM = 'concordat-presentation-record/1'

type PresentationRecord = {
  form: typeof RECORD_FORM
  /** The request object as the wallet fetched it. */
  request: string
  presentations: Presentations
  statusLists: Record<string, string>
  maxStatusAgeSeconds: number
  judgedAt: string
  verdict: Verdict
}

const MAX_RECORD = 16_777_216

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

/**
 * Judges a record again and gives its verdict. Refuses with `record_malformed`, `request_signature_invalid`, or `record_differs`
 * when it says otherwise. That the time is true is for the evidence that holds the record to prove.
 */
export function verifyRecord(
  text: string,
  issuers: TrustedIssuer[],
): {
  verdict: Verdict
  asked: Asked
  boundTo: (requestDigest: Buffer) => 'transaction data' | 'nonce' | undefined
} {
  need(text.length <= MAX_RECORD, 'record_malformed', 'too long')
  const record = orRefuse('record_malformed', () => readJsonObject(text, 'record_malformed'))
  const { form, request, presentations, statusLists, maxStatusAgeSeconds, judgedAt } = record
  need(form === RECORD_FORM, 'record_malformed', 'form')
  need(typeof request === 'string' && isObject(presentations), 'record_malformed')
  need(isObject(statusLists) && typeof judgedAt === 'string', 'record_malformed')
  need(typeof maxStatusAgeSeconds === 'number', 'record_malformed')
  const at = new Date(judgedAt)
  need(!Number.isNaN(at.getTime()) && at.toISOString() === judgedAt, 'record_malformed', 'judgedAt')
  const lists = Object.fromEntries(
    Object.entries(statusLists).map(([uri, token]) => {
      need(typeof token === 'string', 'record_malformed', 'statusLists')
      return [uri, token]
    }),
  )
  const asked = verifyRequest(request)
  need(at.getTime() <= asked.expiresAt.getTime(), 'record_differs', 'judged after the request had ended')
  const read = orRefuse('record_malformed', () => readPresentations(presentations))
  const { verdict } = judge({ asked, presentations: read, issuers, lists, at, maxStatusAgeSeconds })
  need(canonicalJson(verdict) === canonicalOf(record.verdict), 'record_differs', wordsOf(verdict))
  return { verdict, asked, boundTo: (digest) => bindingOf(asked, digest) }
}

/** The request is signed by the key whose certificate its client identifier names. */
function verifyRequest(token: string): Asked {
  const jws = readJws(token, 'record_malformed')
  const asked = readAsked(jws.payload)
  const [leaf] = readX5c(jws.header.x5c)
  need(leaf !== undefined, 'record_malformed', 'x5c')
  const certificate = orRefuse('record_malformed', () => parseCertificate(leaf))
  const [prefix, name] = [asked.clientId.slice(0, asked.clientId.indexOf(':')), asked.clientId.split(':')[1]]
  const digest = createHash('sha256').update(leaf).digest('base64url')
  const names = (certificate.extensions.subjectAltNames ?? []).flatMap((one) =>
    one.kind === 'dNSName' ? [one.text] : [],
  )
  const isNamed =
    prefix === 'x509_hash' ? name === digest : prefix === 'x509_san_dns' && names.includes(name!)
  const isSigned = orRefuse('request_signature_invalid', () => isSignedWith(jws, publicKeyOf(certificate)))
  need(isNamed && isSigned, 'request_signature_invalid')
  return asked
}

/** How the holder committed to the exchange with this digest, if they did. */
function bindingOf(asked: Asked, digest: Buffer): 'transaction data' | 'nonce' | undefined {
  const wanted = digest.toString('base64url')
  const inData = asked.transactionData.some(({ text }) => readTransaction(text).requestDigest === wanted)
  if (inData) return 'transaction data'
  return openNonce(asked.nonce)?.requestDigest.equals(digest) === true ? 'nonce' : undefined
}

function canonicalOf(value: unknown): string {
  return orRefuse('record_malformed', () => canonicalJson(value))
}

function wordsOf(verdict: Verdict): string {
  return verdict.outcome === 'accepted' ? 'accepted' : verdict.reason
}
