/**
 * Opens a ZIP file that is neither on a disk nor in memory, as `open-zip.ts` opens others. Apart from it, as
 * no browser has streams of Node.
 */
import { Readable } from 'node:stream'
import { fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

/** `read` gives the octets from `start` to before `end`. */
export type ZipSource = { size: number; read(start: number, end: number): AsyncIterable<Buffer> }

/** Throws a fault of the source, and `malformed(...)` for any mistake of the file. */
export async function openZipSource(
  source: ZipSource,
  malformed: (what: Word, cause: unknown) => Fault,
): Promise<ZipFile> {
  const options = { autoClose: false, lazyEntries: true, strictFileNames: true, validateEntrySizes: true }
  try {
    return await fromRandomAccessReaderPromise(new SourceReader(source), source.size, options)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed(say`no directory of entries: it is no ZIP file`, cause)
  }
}

/** yauzl asks for a subclass. */
class SourceReader extends RandomAccessReader {
  readonly #source: ZipSource

  constructor(source: ZipSource) {
    super()
    this.#source = source
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#source.read(start, end), { objectMode: false })
  }
}
