/** The rows of a file in the types of the mapping, some at a time, whatever its format. */

import { Readable } from 'node:stream'
import type { JsonValue } from '#adapters/kit/write-rows.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { jsonCell, textCell } from './cell.ts'
import { decode } from './decode.ts'
import type { Field, Resource } from './mapping.ts'
import { readCsv } from './read-csv.ts'
import { BrokenFile, type LentFile } from './read-file.ts'
import { readJson } from './read-json.ts'
import { readXml } from './read-xml.ts'
import type { LimitSettings } from './settings.ts'

type Q = Pick<Resource, 'format' | 'fields'> & { limits: Pick<LimitSettings, 'documentBytes' | 'rows'> }

/** Rows that are handled at once. */
const SOME = 1000
/** JSON and XML are in memory whole, many times larger than their file: one at a time. */
const document = createTurn()

/** Throws BrokenFile, or what the file throws. */
export async function* readRows(q: Q, file: LentFile): AsyncGenerator<JsonValue[][], void> {
  const { format, fields, limits } = q
  let row = 0
  for await (const some of rawRows(q, file))
    yield some.map((given) => {
      if (++row > limits.rows) throw new BrokenFile(`its file has more than ${limits.rows} rows`)
      return fields.map((field, at) => cell(field, given[at], row, format))
    })
}

async function* rawRows({ format, fields, limits }: Q, file: LentFile): AsyncGenerator<unknown[][], void> {
  const columns = fields.map(({ column }) => column)
  if (format.kind === 'csv') return yield* readCsv(decode(file.chunks(), format.encoding), format, columns)
  if (file.facts.size > limits.documentBytes)
    throw new BrokenFile(`its file is larger than ${limits.documentBytes} bytes, which is read whole`)
  const release = await takePlace()
  try {
    const rows = await readDocument(format, file, columns)
    let some: unknown[][] = []
    for await (const row of rows) {
      if (some.push(row) < SOME) continue
      yield some
      some = []
    }
    yield some
  } finally {
    release()
  }
}

async function readDocument(
  { kind, encoding, pointer, rows }: Q['format'],
  file: LentFile,
  columns: string[],
): Promise<Iterable<unknown[]> | AsyncIterable<unknown[]>> {
  const chunks: Buffer[] = []
  for await (const chunk of file.chunks()) chunks.push(chunk)
  const whole = Buffer.concat(chunks)
  if (kind === 'xml') return readXml(whole, rows, columns)
  let text = ''
  for await (const piece of decode(Readable.from([whole]), encoding)) text += piece
  return readJson(text, pointer, columns)
}

/** Resolves when no other document is in memory, to what ends that. */
async function takePlace(): Promise<() => void> {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  void document(() => {
    begun.resolve()
    return ended.promise
  })
  await begun.promise
  return ended.resolve
}

function cell(field: Field, given: unknown, row: number, { kind, decimalComma }: Q['format']): JsonValue {
  if (kind === 'json') return jsonCell(field, given, row)
  if (given !== undefined && typeof given !== 'string') throw new Fault('internal_error')
  return textCell(field, given, row, decimalComma)
}
