/**
 * The counts that a log commits to after each day: how many records there were of which parties, over a stretch of indexes that
 * begins where the last one ended. Each row is hidden behind a salted digest, so that some can be shown without the others.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { malformed } from '#core/evidence-bundle/parse-manifest.ts'

/**
 * Records of one kind between the same parties; identifiers as in a record's metadata, '' where a record names none,
 * NOT_TOLD where they are not told.
 */
export type CountRow = {
  client: string
  direction: string
  kind: string
  outcome: string
  peer: string
  records: number
  /** 16 octets, base64: nobody guesses at a row by its digest. */
  salt: string
  secrecy: number
  service: string
}

/** What the leaf of the record commits to under `message`. */
export type CountsDocument = {
  /** The stretch of indexes, both ends included. */
  first: number
  last: number
  /** Days that hold the time of every record of the stretch: midnight UTC, `from` included and `to` not. */
  from: string
  to: string
  /** Base64 of SHA-256 over each row's text, sorted, so that their order tells nothing. */
  rows: string[]
  version: 1
}

/** A record of daily counts as an export holds it. Binary values are base64. */
export type DailyCounts = {
  index: number
  form: string
  /** From the leaf to the tree head of the export. */
  path: string[]
  /** Opens the leaf's commitment `message`; the digest is SHA-512 of the document. */
  opening: { key: string; digest: string }
  document: string
  /** Each row's text, or the digest alone of one that is hidden. */
  rows: string[]
}

/**
 * In place of parties that are not told, because the record was erased before it was counted or there were too many to be told
 * apart; and in place of an outcome, of which there were too many.
 */
export const NOT_TOLD = '?'

const MIDNIGHT = /^\d{4}-\d{2}-\d{2}T00:00:00\.000Z$/
const DIGEST = /^[A-Za-z0-9+/]{43}=$/
const TEXTS = ['client', 'direction', 'kind', 'outcome', 'peer', 'salt', 'service'] as const
const ROW_MEMBERS = 9
const DOCUMENT_MEMBERS = 6

export function countRowText(row: CountRow): string {
  return canonicalJson(row)
}

export function countRowDigest(text: string): string {
  return hash('sha256', text, 'base64')
}

/** The document over rows given by their texts. */
export function countsDocument(q: Omit<CountsDocument, 'rows' | 'version'> & { texts: string[] }): string {
  const { first, last, from, to, texts } = q
  return canonicalJson({ first, from, last, rows: texts.map(countRowDigest).sort(), to, version: 1 })
}

/** Throws `malformed_bundle` for another form, or one that is not canonical. */
export function readCountsDocument(text: string): CountsDocument {
  const value = readCanonical(text) as Partial<CountsDocument>
  const { first, last, from, to, rows, version } = value
  const isSound =
    Object.keys(value).length === DOCUMENT_MEMBERS &&
    version === 1 &&
    isIndex(first) &&
    isIndex(last) &&
    first <= last &&
    [from, to].every((time) => typeof time === 'string' && MIDNIGHT.test(time)) &&
    Array.isArray(rows) &&
    rows.every((row, at) => typeof row === 'string' && DIGEST.test(row) && !(row < (rows[at - 1] ?? '')))
  if (!isSound) throw malformed('daily counts of another form')
  return value as CountsDocument
}

/** Throws `malformed_bundle` for another form, or one that is not canonical. */
export function readCountRow(text: string): CountRow {
  const value = readCanonical(text) as Record<string, unknown>
  const isSound =
    Object.keys(value).length === ROW_MEMBERS &&
    TEXTS.every((name) => typeof value[name] === 'string') &&
    isIndex(value['records']) &&
    [0, 1, 2].includes(value['secrecy'] as number)
  if (!isSound) throw malformed('a row of daily counts of another form')
  return value as CountRow
}

function readCanonical(text: string): object {
  const value = parseStrictJson(text)
  if (typeof value !== 'object' || value === null || canonicalJson(value) !== text)
    throw malformed('daily counts that are not canonical JSON')
  return value
}

function isIndex(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
