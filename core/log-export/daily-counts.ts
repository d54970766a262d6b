/**
 * The counts to which a log commits after each day: how many records it has of which parties, over a stretch
 * of indexes that begins where the last one ended. A salted digest hides each row, so that the log can show
 * some rows without the others.
 */
import { hash } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { malformed } from '#core/evidence-bundle/parse-manifest.ts'
import type { Time } from '#schemas/sent-values.ts'

/**
 * The number of records of one kind between the same parties. Identifiers as in a record's metadata; '' if a
 * record names none, NOT_TOLD if they are withheld.
 */
export type CountRow = {
  client: string
  direction: string
  kind: string
  outcome: string
  peer: string
  records: number
  /** 16 octets, base64, so that nobody can guess a row from its digest. */
  salt: string
  secrecy: number
  service: string
}

/** The document to which the record's leaf commits under `message`. */
export type CountsDocument = {
  /** First and last index of the stretch, both included. */
  first: number
  last: number
  /** The days in which all records of the stretch were made: midnight UTC, `from` included, `to` excluded. */
  from: Time
  to: Time
  /** Base64 of the SHA-256 of each row's text, sorted, so that the order reveals nothing. */
  rows: string[]
  version: 1
}

/** A record of daily counts in an export. Binary values are base64. */
export type DailyCounts = {
  index: number
  form: string
  /** The inclusion proof from the leaf to the tree head of the export. */
  path: string[]
  /** Opens the leaf's commitment `message`; the digest is the SHA-512 of the document. */
  opening: { key: string; digest: string }
  document: string
  /** The text of each row, or only the digest of a hidden row. */
  rows: string[]
}

/**
 * Stands for parties that are withheld: the record was erased before it was counted, or there were too many
 * parties to list. Also stands for an outcome if there were too many outcomes.
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

/** The document over rows, given by their texts. */
export function countsDocument(q: Omit<CountsDocument, 'rows' | 'version'> & { texts: string[] }): string {
  const { first, last, from, to, texts } = q
  return canonicalJson({ first, from, last, rows: texts.map(countRowDigest).sort(), to, version: 1 })
}

/** Throws `malformed_bundle` if the text has another form or is not canonical. */
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

/** Throws `malformed_bundle` if the text has another form or is not canonical. */
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
