/**
 * The ZIP file of an export as a stream, made while it is read: records in the order of the log, evidence bundles straight
 * from the log so that no content lies in a file of ours, and last `filter.json`, which says what was asked of which
 * records of which signed tree head, and the digest of every other file.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
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
import type { ExportRow } from './store.ts'

/** A form has some 600 octets; a larger log would make every export a large one. */
const MAX_FORMS = 200_000
const FORMS_AT_ONCE = 5000

type ExportQuestion = {
  row: ExportRow
  /** Its records, a JSON object a line. */
  file: string
  server: string
  /** Where bundles come from. */
  source(): BundleSource
  /** Leaf forms of the log, from `first` on. */
  forms(q: { first: number; limit: number }): Promise<string[]>
  /** What the log committed to after each day, with its proofs. */
  counts(): AsyncIterable<DailyCounts>
  /** Of which there are to be bundles; none in other formats. */
  exchanges: BundledExchanges
  /** Whom the terms of the filter name: the file is verified by that. */
  actors: AskedActors
  now: Date
}

/** The records of each exchange, and those of which no bundle can be made any more. */
type BundledExchanges = { of: number[][]; without: { index: number; why: string }[] }

/** An error while it is made destroys the stream. */
export function writeExport(q: ExportQuestion): Readable {
  const zip = createZipStream()
  const hashes = new Map<string, Hash>()
  const add = (name: string, open: () => Promise<Readable>, compress = true): void => {
    const digest = createHash('sha256')
    hashes.set(name, digest)
    const update = (chunk: Buffer): void => void digest.update(chunk)
    zip.addStream(name, { mtime: q.now, compress }, async () => watchedBy(await opened(open), update))
  }
  if (q.row.format === 'jsonl') add('records.jsonl', async () => createReadStream(q.file))
  else add('records.csv', async () => Readable.from(csvOf(q.file), { objectMode: false }))
  for (const indexes of q.exchanges.of) {
    add(`bundles/evidence-${indexes[0]}.zip`, () => writeBundle(q.source(), indexes), false)
  }
  // With them, what was left out can be looked at offline: docs/decisions/exports-prove-what-they-leave-out.md.
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

/** The records of each exchange once, whichever of its records fit. One that was erased since has no bundle, which is said. */
export async function exchangesOf(
  file: string,
  { log }: Pick<BundleSource, 'log'>,
): Promise<BundledExchanges> {
  const known = new Set<number>()
  const found: BundledExchanges = { of: [], without: [] }
  for await (const { index } of rowsOf(file)) {
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
    // All of them were looked at, from the first to the last, without a gap.
    range: { first: 0, last: Number(row.size) - 1 },
    treeHead: row.checkpoint,
    records: Number(row.records),
    // Their metadata went with their content: no search finds them.
    erasedInRange: Number(row.erased),
    ...(row.format === 'bundles' ? { withoutBundle: exchanges.without } : {}),
  }
}

/** Not by node:readline, which does not pass on that a file cannot be read. */
async function* rowsOf(file: string): AsyncGenerator<FoundRecord> {
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'utf8' }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield JSON.parse(line) as FoundRecord
  }
}

async function* linesOf(values: AsyncIterable<object>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`
}

/** The leaf forms of the whole range, a line each, in the order of the log. */
async function* formsOf({ forms }: Pick<ExportQuestion, 'forms'>, size: number): AsyncGenerator<string> {
  for (let first = 0; first < size; first += FORMS_AT_ONCE) {
    const some = await forms({ first, limit: Math.min(FORMS_AT_ONCE, size - first) })
    yield some.map((form) => `${form}\n`).join('')
  }
}

/** RFC 4180. */
async function* csvOf(file: string): AsyncGenerator<string> {
  yield `${FOUND_RECORD_COLUMNS.join(',')}\r\n`
  for await (const row of rowsOf(file))
    yield `${FOUND_RECORD_COLUMNS.map((name) => cell(row[name] ?? null)).join(',')}\r\n`
}

function cell(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  return csvCell(value)
}
