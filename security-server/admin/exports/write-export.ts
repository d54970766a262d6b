/**
 * The ZIP file of an export as a stream, made while it is read: records in the order of the log, evidence bundles straight
 * from the log so that no content lies in a file of ours, and last `filter.json`, which says what was asked of which
 * records of which signed tree head, and the digest of every other file.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable, Transform } from 'node:stream'
import { ZipFile } from 'yazl'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { asFault } from '#schemas/fault.ts'
import { type BundleSource, collectExchange, writeBundle } from '../../message-log/evidence/write-bundle.ts'
import type { RowView } from '../record-filter.ts'
import type { ExportRow } from './store.ts'

const COLUMNS = [
  'index',
  'time',
  'kind',
  'direction',
  'outcome',
  'queryId',
  'requestId',
  'clientId',
  'serviceId',
  'peer',
  'answers',
] as const satisfies (keyof RowView)[]

export type ExportQuestion = {
  row: ExportRow
  /** Its records, a JSON object a line. */
  file: string
  server: string
  /** Where bundles come from. */
  source(): BundleSource
  now: Date
}

/** An error while it is made destroys the stream. */
export function writeExport(q: ExportQuestion): Readable {
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  zip.on('error', (error: Error) => output.destroy(error))
  const hashes = new Map<string, Hash>()
  const add = (name: string, open: () => Promise<Readable>, compress = true): void => {
    const digest = createHash('sha256')
    hashes.set(name, digest)
    zip.addReadStreamLazy(name, { mtime: q.now, compress }, (give) => {
      open().then(
        (source) => {
          const hashed = new Transform({
            transform: (chunk: Buffer, _encoding, done) => {
              digest.update(chunk)
              done(null, chunk)
            },
          })
          // Pipes forward neither errors nor a reader that went away.
          source.once('error', (error) => output.destroy(error))
          const end = (): void => void source.destroy()
          output.once('close', end)
          source.once('close', () => output.off('close', end))
          give(null, source.pipe(hashed))
        },
        (cause: unknown) => output.destroy(asFault(cause)),
      )
    })
  }
  const skipped: { index: number; why: string }[] = []
  const finish = (): void => {
    zip.addReadStreamLazy('filter.json', { mtime: q.now }, (give) => {
      const files = Object.fromEntries([...hashes].map(([name, digest]) => [name, digest.digest('base64')]))
      give(null, Readable.from([Buffer.from(canonicalJson({ ...headOf(q, skipped), files }))]))
    })
    zip.end()
  }

  if (q.row.format === 'jsonl') add('records.jsonl', async () => createReadStream(q.file))
  else add('records.csv', async () => Readable.from(csvOf(q.file), { objectMode: false }))
  if (q.row.format !== 'bundles') finish()
  else {
    exchangesOf(q, skipped).then(
      (exchanges) => {
        for (const indexes of exchanges) {
          const name = `bundles/evidence-${indexes[0]}.zip`
          add(name, () => writeBundle(q.source(), indexes), false)
        }
        finish()
      },
      (cause: unknown) => output.destroy(asFault(cause)),
    )
  }
  return output
}

/** The records of each exchange once, whichever of its records fit. One that was erased since has no bundle, which is said. */
async function exchangesOf(
  { file, source }: ExportQuestion,
  skipped: { index: number; why: string }[],
): Promise<number[][]> {
  const { log } = source()
  const known = new Set<number>()
  const exchanges: number[][] = []
  for await (const { index } of rowsOf(file)) {
    if (known.has(index)) continue
    try {
      const { indexes } = await collectExchange({ log }, index)
      for (const one of indexes) known.add(one)
      exchanges.push(indexes)
    } catch (thrown) {
      skipped.push({ index, why: asFault(thrown).message })
    }
  }
  return exchanges
}

function headOf({ row, server }: ExportQuestion, skipped: object[]) {
  return {
    version: 1,
    log: server,
    orderedBy: row.ordered_by_name,
    orderedAt: row.ordered_at,
    ...(row.case_number === null ? {} : { case: row.case_number }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    format: row.format,
    filter: JSON.parse(row.filter) as object,
    // All of them were looked at, from the first to the last, without a gap.
    range: { first: 0, last: Number(row.size) - 1 },
    treeHead: row.checkpoint,
    records: Number(row.records),
    // Their metadata went with their content: no search finds them.
    erasedInRange: Number(row.erased),
    ...(row.format === 'bundles' ? { withoutBundle: skipped } : {}),
  }
}

export async function* rowsOf(file: string): AsyncGenerator<RowView> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line !== '') yield JSON.parse(line) as RowView
  }
}

/** RFC 4180. */
async function* csvOf(file: string): AsyncGenerator<string> {
  yield `${COLUMNS.join(',')}\r\n`
  for await (const row of rowsOf(file)) yield `${COLUMNS.map((name) => cell(row[name])).join(',')}\r\n`
}

/** A text that a spreadsheet would take for a formula begins with an apostrophe: identifiers are other people's. */
function cell(value: string | number | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value)
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
