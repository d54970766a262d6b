/**
 * Reads an export within bounds: exactly the files that `filter.json` lists, each with the digest stated
 * there.
 */
import { hash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { crc32 } from 'node:zlib'
import type { ZipFile } from 'yauzl'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { parseStrictJson } from '#core/canonical/strict-json.ts'
import { holdsEntry, openZip } from '#core/container/open-zip.ts'
import { readDirectory } from '#core/container/zip-directory.ts'
import { checkStructure } from '#core/container/zip-structure.ts'
import { malformed } from '#core/evidence-bundle/parse-manifest.ts'
import { Fault } from '#schemas/fault.ts'
import { FOUND_RECORD_COLUMNS, type FoundRecord } from '#schemas/found-record.ts'
import { cellText } from './csv-cell.ts'
import type { DailyCounts } from './daily-counts.ts'
import type { ExportFilter } from './filter.ts'

type ExportHead = {
  log: string
  format: string
  filter: ExportFilter
  range: { first: number; last: number }
  treeHead: string
  records: number
  erasedInRange: number
  withoutBundle: { index: number; why: string }[]
}

export type LogExport = {
  head: ExportHead
  rows: FoundRecord[]
  /** A leaf form for each index of the range; undefined if the export was too large to include them. */
  forms: string[] | undefined
  /** In the order of the log. */
  counts: DailyCounts[]
  /** Evidence bundles by entry name. */
  bundles: Map<string, Buffer>
}

export const HEAD = 'filter.json'
export const FORMS = 'forms.jsonl'
export const COUNTS = 'daily-counts.jsonl'
const BUNDLE_NAME = /^bundles\/evidence-[0-9]{1,16}\.zip$/
const ROWS = ['records.jsonl', 'records.csv']
const MAX_ENTRIES = 1_100
const MAX_BYTES = 1024 * 1024 * 1024
const MAX_LINES = 1_000_000
const MAX_LINE = 64 * 1024
/** Enough for one day's counts with a row per pair of parties. */
const MAX_COUNTS_LINE = 32 * 1024 * 1024

/** Whether it is a ZIP file with a `filter.json`. Throws `io_error`. */
export const isExport = (file: string | Buffer): Promise<boolean> => holdsEntry(file, [HEAD], MAX_ENTRIES)

/**
 * Reads an export from a file or from its bytes. Throws `malformed_bundle`, or `io_error` when the file
 * cannot be opened.
 */
export async function readExport(file: string | Buffer): Promise<LogExport> {
  const zip = await openZip(file, malformed)
  try {
    return parse(await readFiles(zip))
  } catch (cause) {
    if (cause instanceof Fault && cause.code !== 'malformed_json') throw cause
    throw malformed('an entry of the export cannot be read', cause)
  } finally {
    zip.close()
  }
}

async function readFiles(zip: ZipFile): Promise<Map<string, Buffer>> {
  const directory = await readDirectory(zip, MAX_ENTRIES, malformed)
  const size = directory.entries.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
  if (size > MAX_BYTES)
    throw malformed('it is too large to be verified whole: unzip it and verify its bundles one by one')
  await checkStructure(zip, directory, { comments: [''], malformed })
  const files = new Map<string, Buffer>()
  for (const entry of directory.entries) {
    const bytes = await buffer(await zip.openReadStreamPromise(entry))
    if (crc32(bytes) !== entry.crc32) throw malformed('an entry whose checksum is wrong')
    files.set(entry.fileName, bytes)
  }
  return files
}

function parse(files: Map<string, Buffer>): LogExport {
  const bytes = files.get(HEAD)
  if (bytes === undefined) throw malformed(`${HEAD} is missing`)
  files.delete(HEAD)
  const value = parseStrictJson(bytes) as Record<string, unknown>
  if (!Buffer.from(canonicalJson(value)).equals(bytes)) throw malformed(`${HEAD} is not canonical JSON`)
  const head = checkHead(value)
  const listed = Object.entries((value['files'] ?? {}) as Record<string, unknown>)
  if (listed.length !== files.size) throw malformed(`its entries are not those of ${HEAD}`)
  for (const [name, digest] of listed) {
    const content = files.get(name)
    if (content === undefined || hash('sha256', content, 'base64') !== digest)
      throw malformed(`${name} is not what ${HEAD} says`)
  }
  const names = [...files.keys()]
  const [rowsName, ...more] = names.filter((name) => ROWS.includes(name))
  const strange = names.find((name) => ![...ROWS, FORMS, COUNTS].includes(name) && !BUNDLE_NAME.test(name))
  if (rowsName === undefined || more.length > 0 || strange !== undefined)
    throw malformed('files that no export has')
  const rows = files.get(rowsName)!
  const forms = files.get(FORMS)
  const counts = files.get(COUNTS)
  return {
    head,
    rows:
      rowsName === 'records.csv'
        ? readCsv(rows)
        : linesOf(rows).map((line) => checkRow(parseStrictJson(line))),
    forms: forms && linesOf(forms),
    counts:
      counts === undefined
        ? []
        : linesOf(counts, MAX_COUNTS_LINE).map((line) => checkCounts(parseStrictJson(line))),
    bundles: new Map([...files].filter(([name]) => BUNDLE_NAME.test(name))),
  }
}

function checkHead(value: Record<string, unknown>): ExportHead {
  const { version, log, format, filter, range, treeHead, records, erasedInRange } = value
  const { first, last } = (range ?? {}) as Record<string, unknown>
  const isWhole = (number: unknown): number is number => Number.isSafeInteger(number) && Number(number) >= 0
  const texts = [log, format, treeHead].every((one) => typeof one === 'string')
  const isSound = version === 1 && texts && isPlain(filter) && first === 0
  if (!isSound || !isWhole(last) || !isWhole(records) || !isWhole(erasedInRange))
    throw malformed(`${HEAD} is of another form`)
  const { withoutBundle = [] } = value as { withoutBundle?: ExportHead['withoutBundle'] }
  if (!Array.isArray(withoutBundle)) throw malformed(`${HEAD} is of another form`)
  return { ...(value as ExportHead), withoutBundle }
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((one) => ['string', 'boolean'].includes(typeof one))
}

function linesOf(bytes: Buffer, longest = MAX_LINE): string[] {
  const text = bytes.toString('utf8')
  if (text === '') return []
  if (!text.endsWith('\n')) throw malformed('a line without an end')
  const lines = text.slice(0, -1).split('\n')
  if (lines.length > MAX_LINES || lines.some((line) => line.length > longest))
    throw malformed('too many or too long lines')
  return lines
}

function checkCounts(value: unknown): DailyCounts {
  const { index, form, path, opening, document, rows } = (value ?? {}) as Partial<DailyCounts>
  const areTexts = (list: unknown): boolean =>
    Array.isArray(list) && list.every((one) => typeof one === 'string')
  const texts = [form, document, opening?.key, opening?.digest].every((one) => typeof one === 'string')
  if (!Number.isSafeInteger(index) || !texts || !areTexts(path) || !areTexts(rows))
    throw malformed('daily counts of another form')
  return value as DailyCounts
}

const COLUMNS: readonly string[] = FOUND_RECORD_COLUMNS
/** Tables of an older version lack these columns at the end. */
const ADDED: readonly string[] = ['contract', 'purpose', 'endpoint']
const OLD_COLUMNS = COLUMNS.filter((name) => !ADDED.includes(name))

function checkRow(value: unknown): FoundRecord {
  const row = (value ?? {}) as Record<string, unknown>
  const isText = (name: string): boolean => typeof row[name] === 'string'
  const isId = (name: string): boolean => row[name] === null || isText(name)
  const sound =
    Object.keys(row).every((name) => COLUMNS.includes(name)) &&
    Number.isSafeInteger(row['index']) &&
    ['time', 'kind', 'direction', 'outcome', 'queryId', 'requestId'].every(isText) &&
    ['clientId', 'serviceId', 'peer'].every(isId) &&
    (ADDED.every((name) => row[name] === undefined) || ADDED.every(isId)) &&
    (row['answers'] === null || Number.isSafeInteger(row['answers']))
  if (!sound) throw malformed('a record of another form')
  return row as FoundRecord
}

/**
 * Reads RFC 4180 as exports write it; removes the apostrophe that keeps spreadsheets from evaluating a cell.
 */
function readCsv(bytes: Buffer): FoundRecord[] {
  const [head, ...lines] = cellsOf(bytes.toString('utf8'))
  const columns = [COLUMNS, OLD_COLUMNS].find((names) => head?.join() === names.join())
  if (columns === undefined) throw malformed('a table with other columns')
  return lines.map((cells) => {
    if (cells.length !== columns.length) throw malformed('a line of the table with other columns')
    const row = Object.fromEntries(columns.map((name, at) => [name, cellText(cells[at]!)]))
    const number = (text: string | undefined) => (text === undefined || text === '' ? null : Number(text))
    const id = (text: string | undefined) => (text === '' ? null : text)
    const { index, answers, clientId, serviceId, peer } = row
    return checkRow({
      ...row,
      ...{
        index: number(index),
        answers: number(answers),
        clientId: id(clientId),
        serviceId: id(serviceId),
        peer: id(peer),
      },
      ...Object.fromEntries(ADDED.filter((name) => name in row).map((name) => [name, id(row[name])])),
    })
  })
}

function cellsOf(text: string): string[][] {
  const lines: string[][] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/y
  let cells: string[] = []
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)
    if (found === null || lines.length > MAX_LINES) throw malformed('a table that is none')
    cells.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === ',') continue
    lines.push(cells)
    cells = []
  }
  return lines
}
