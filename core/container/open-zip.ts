/** Opens a ZIP file for reading on demand, with strict names and with the sizes of the directory enforced. */
import { Readable } from 'node:stream'
import {
  fromBufferPromise,
  fromRandomAccessReaderPromise,
  openPromise,
  RandomAccessReader,
  type ZipFile,
} from 'yauzl'
import { Fault } from '#schemas/fault.ts'

/** A file that is neither on a disk nor in memory: octets from `start` to before `end`. */
export type ZipSource = { size: number; read(start: number, end: number): AsyncIterable<Buffer> }

/** Throws `io_error` when the file cannot be opened, a fault of its source, and `malformed(...)` for any other mistake. */
export async function openZip(
  file: string | Buffer | ZipSource,
  malformed: (what: string, cause: unknown) => Fault,
): Promise<ZipFile> {
  const options = { autoClose: false, lazyEntries: true, strictFileNames: true, validateEntrySizes: true }
  try {
    if (typeof file === 'string') return await openPromise(file, options)
    if (Buffer.isBuffer(file)) return await fromBufferPromise(file, options)
    return await fromRandomAccessReaderPromise(new SourceReader(file), file.size, options)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    const isSystem = typeof (cause as NodeJS.ErrnoException).code === 'string'
    if (isSystem) throw new Fault('io_error', { what: 'the container or bundle cannot be opened', cause })
    throw malformed('no directory of entries: it is no ZIP file', cause)
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

/** Whether the file is a ZIP file of at most `most` entries, one of which has one of these names. Throws `io_error`. */
export async function holdsEntry(
  file: string | Buffer,
  names: readonly string[],
  most: number,
): Promise<boolean> {
  let zip: ZipFile | undefined
  try {
    zip = await openZip(file, (what, cause) => new Fault('malformed_container', { what, cause }))
    if (zip.entryCount > most) return false
    for await (const { fileName } of zip.eachEntry()) if (names.includes(fileName)) return true
    return false
  } catch (cause) {
    if (cause instanceof Fault && cause.code === 'io_error') throw cause
    return false
  } finally {
    zip?.close()
  }
}
