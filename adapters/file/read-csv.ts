/** The rows of a CSV file (RFC 4180, with the delimiter and the quote of the settings), as it is read. */
import { finished } from 'node:stream/promises'
import { CsvError, type Parser, parse } from 'csv-parse'
import { BrokenFile } from './read-file.ts'

/** A quote that is never closed ends here, and not at the end of the memory. */
const RECORD_BYTES = 1024 * 1024
const TOO_LONG = `is longer than ${RECORD_BYTES} bytes: a quote may never be closed`
const WHY: Record<string, string> = {
  CSV_MAX_RECORD_SIZE: TOO_LONG,
  CSV_QUOTE_NOT_CLOSED: 'has a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'has something behind a closing quote',
  INVALID_OPENING_QUOTE: 'has a quote inside a value',
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'has another number of values than the first',
}

type CsvForm = { delimiter: string; quote: string; header: boolean }

/** For each row the values of `columns`, some rows at a time. Throws BrokenFile, or what `text` throws. */
export async function* readCsv(
  text: AsyncIterable<string>,
  form: CsvForm,
  columns: string[],
): AsyncGenerator<string[][], void> {
  const parser = parse({
    ...{
      delimiter: form.delimiter,
      quote: form.quote === '' ? null : form.quote,
      escape: form.quote || null,
    },
    ...{ record_delimiter: ['\r\n', '\n'], max_record_size: RECORD_BYTES, skip_empty_lines: true },
  })
  // It is told to whoever writes, too.
  parser.on('error', () => undefined)
  let records: string[][] = []
  let open = 0
  parser.on('data', (record: string[]) => records.push(record))
  let places = form.header ? undefined : columns.map((column) => Number(column) - 1)
  const taken = (): string[][] => {
    const [found, from] = [records, places === undefined ? 1 : 0]
    records = []
    if (found.length === 0) return []
    const known = places ?? placesIn(found[0]!, columns)
    places = known
    return found.slice(from).map((record) => pick(record, known, columns))
  }
  try {
    for await (const piece of text) {
      await written(parser, piece)
      // The parser does not count empty values, of which a line could have any number.
      open = records.length === 0 ? open + piece.length : 0
      if (open > RECORD_BYTES) throw new BrokenFile(`a line of its file ${TOO_LONG}`)
      yield taken()
    }
    parser.end()
    await finished(parser)
    yield taken()
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown
    const line = typeof thrown['lines'] === 'number' ? `line ${thrown['lines']}` : 'a line'
    throw new BrokenFile(`${line} of its file ${WHY[thrown.code] ?? 'is no CSV'}`, thrown)
  } finally {
    parser.destroy()
  }
  if (places === undefined) throw new BrokenFile('its file has no header')
}

function written(parser: Parser, piece: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  parser.write(piece, (error) => (error ? reject(error) : resolve()))
  return promise
}

function placesIn(header: string[], columns: string[]): number[] {
  return columns.map((column) => {
    const place = header.indexOf(column)
    if (place === -1) throw new BrokenFile(`its file has no column ${column}`)
    if (header.lastIndexOf(column) !== place) throw new BrokenFile(`its file has two columns ${column}`)
    return place
  })
}

function pick(record: string[], places: number[], columns: string[]): string[] {
  return places.map((place, at) => {
    const value = record[place]
    if (value === undefined) throw new BrokenFile(`its file has no column ${columns[at]}`)
    return value
  })
}
