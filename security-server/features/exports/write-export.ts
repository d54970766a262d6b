/**
 * Writes the ZIP file of an export as a stream, while the caller reads it. Records come first, in the order
 * of the log. Evidence bundles come directly from the log, so that no content is stored in a file.
 * `filter.json` comes last: it states the search, the range of records, the signed tree head, and the digest
 * of every other file.
 */
import { createHash, type Hash } from 'node:crypto'
import { Readable } from 'node:stream'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { createZipStream, watchedBy } from '#core/container/zip-stream.ts'
import type { AskedActors } from '#core/log-export/actors.ts'
import { csvCell } from '#core/log-export/csv-cell.ts'
import type { DailyCounts } from '#core/log-export/daily-counts.ts'
import { COUNTS, FORMS, HEAD } from '#core/log-export/read-export.ts'
import { asFault } from '#schemas/fault.ts'
import { FOUND_RECORD_COLUMNS, type FoundRecord } from '#schemas/found-record.ts'
import { type BundleSource, collectExchange, writeBundle } from '../../reading/evidence/write-bundle.ts'
import { shownFilter } from '../../reading/record-filter.ts'
import { type ExportLines, textsOf } from './lines.ts'
import type { ExportRow } from './store.ts'

/**
 * A leaf form has about 600 octets. For a larger log the forms are left out, because they would make every
 * export large.
 */
const MAX_FORMS = 200_000
const FORMS_AT_ONCE = 5000

type ExportQuestion = {
  row: ExportRow
  /** The export's records, one JSON object a line. */
  lines: ExportLines
  server: string
  /** The log and certificates from which bundles are made. */
  source(): BundleSource
  /** Leaf forms of the log, starting at `first`. */
  forms(q: { first: number; limit: number }): Promise<string[]>
  /** The daily counts with their proofs. */
  counts(): AsyncIterable<DailyCounts>
  /** The exchanges to bundle. Empty in other formats. */
  exchanges: BundledExchanges
  /** The names behind the terms of the filter. The file needs them so that it can be verified. */
  actors: AskedActors
  now: Date
}

/**
 * `of`: the records of each exchange. `without`: records for which no bundle can be made any more, with the
 * reason.
 */
type BundledExchanges = { of: number[][]; without: { index: number; why: string }[] }

/** An error while the file is being made destroys the stream. */
export function writeExport(q: ExportQuestion): Readable {
  const zip = createZipStream()
  const hashes = new Map<string, Hash>()
  const add = (name: string, open: () => Promise<Readable>, compress = true): void => {
    const digest = createHash('sha256')
    hashes.set(name, digest)
    const update = (chunk: Buffer): void => void digest.update(chunk)
    zip.addStream(name, { mtime: q.now, compress }, async () => watchedBy(await opened(open), update))
  }
  if (q.row.format === 'jsonl') add('records.jsonl', async () => q.lines.read())
  else add('records.csv', async () => Readable.from(csvOf(q.lines), { objectMode: false }))
  for (const indexes of q.exchanges.of) {
    add(`bundles/evidence-${indexes[0]}.zip`, () => writeBundle(q.source(), indexes), false)
  }
  // With the leaf forms, a verifier can check offline what was left out:
  // docs/decisions/exports-prove-what-they-leave-out.md.
  const size = Number(q.row.size)
  if (size <= MAX_FORMS) add(FORMS, async () => Readable.from(formsOf(q, size), { objectMode: false }))
  add(COUNTS, async () => Readable.from(linesOf(q.counts()), { objectMode: false }))
  zip.addStream(HEAD, { mtime: q.now }, () => {
    const files = Object.fromEntries([...hashes].map(([name, digest]) => [name, digest.digest('base64')]))
    return Readable.from([Buffer.from(canonicalJson({ ...headOf(q), files }))])
  })
  zip.end()
  return zip.output
}

async function opened(open: () => Promise<Readable>): Promise<Readable> {
  try {
    return await open()
  } catch (cause) {
    throw asFault(cause)
  }
}

/** Groups the records by exchange, each exchange once. A record that was erased since goes to `without`. */
export async function exchangesOf(
  lines: ExportLines,
  { log }: Pick<BundleSource, 'log'>,
): Promise<BundledExchanges> {
  const known = new Set<number>()
  const found: BundledExchanges = { of: [], without: [] }
  for await (const { index } of rowsOf(lines)) {
    if (known.has(index)) continue
    try {
      const { indexes } = await collectExchange({ log }, index)
      for (const one of indexes) known.add(one)
      found.of.push(indexes)
    } catch (thrown) {
      found.without.push({ index, why: asFault(thrown).message })
    }
  }
  return found
}

function headOf({ row, server, exchanges, actors }: ExportQuestion) {
  const { userTerm: _user, representedPartyTerm: _party, ...filter } = shownFilter(row.filter)
  return {
    version: 1,
    log: server,
    orderedBy: row.ordered_by_name,
    orderedAt: row.ordered_at,
    ...(row.case_number === null ? {} : { case: row.case_number }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    format: row.format,
    filter: { ...filter, ...actors },
    // The search covered every record from the first to the last.
    range: { first: 0, last: Number(row.size) - 1 },
    treeHead: row.checkpoint,
    records: Number(row.records),
    // No search finds these records: the erasure removed their metadata with the content.
    erasedInRange: Number(row.erased),
    ...(row.format === 'bundles' ? { withoutBundle: exchanges.without } : {}),
  }
}

async function* rowsOf(lines: ExportLines): AsyncGenerator<FoundRecord> {
  for await (const text of textsOf(lines)) yield JSON.parse(text) as FoundRecord
}

async function* linesOf(values: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`
}

/** The leaf forms of the whole range in the order of the log, one a line. */
async function* formsOf({ forms }: Pick<ExportQuestion, 'forms'>, size: number): AsyncGenerator<string> {
  for (let first = 0; first < size; first += FORMS_AT_ONCE) {
    const some = await forms({ first, limit: Math.min(FORMS_AT_ONCE, size - first) })
    yield some.map((form) => `${form}\n`).join('')
  }
}

/** The records as CSV (RFC 4180). */
async function* csvOf(lines: ExportLines): AsyncGenerator<string> {
  yield `${FOUND_RECORD_COLUMNS.join(',')}\r\n`
  for await (const row of rowsOf(lines))
    yield `${FOUND_RECORD_COLUMNS.map((name) => cell(row[name] ?? null)).join(',')}\r\n`
}

function cell(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  return csvCell(value)
}
