/**
 * A ZIP file that is made while it is read. No error ends the process: an error of an entry, its source or
 * the writer destroys the output, which keeps the error for a later reader. Sources are closed with the
 * output.
 */
import { pipeline, type Readable, Transform } from 'node:stream'
import { type Options, type ReadStreamOptions, ZipFile } from 'yazl'

export type ZipStream = {
  output: Readable
  addBuffer(name: string, bytes: Buffer, options: Partial<Options>): void
  /** Calls `open` when the entry is to be written. */
  addStream(name: string, options: Partial<ReadStreamOptions>, open: () => Readable | Promise<Readable>): void
  /** Ends the file; no entries may be added afterwards. */
  end(comment?: string): void
}

export function createZipStream(): ZipStream {
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  // An entry may fail before the stream has a reader.
  output.on('error', () => undefined)
  // Each entry that is being read adds a listener for the end.
  output.setMaxListeners(0)
  const breakOff = (cause: unknown): void => void output.destroy(cause as Error)
  zip.on('error', breakOff)

  const heard = (source: Readable): Readable => {
    // yazl uses pipe(), which forwards neither errors nor the closing of its reader.
    const close = (): void => void source.destroy()
    source.once('error', breakOff)
    source.once('close', () => output.off('close', close))
    output.once('close', close)
    if (output.destroyed) close()
    return source
  }
  return {
    output,
    addBuffer: (name, bytes, options) => zip.addBuffer(bytes, name, options),
    addStream(name, options, open) {
      zip.addReadStreamLazy(name, options, (give) => {
        const begin = async (): Promise<void> => give(null, heard(await open()))
        begin().catch(breakOff)
      })
    },
    end(comment) {
      if (comment === undefined) zip.end()
      else zip.end({ comment, forceZip64Format: false })
    },
  }
}

/**
 * The same bytes; `update` gets each chunk, `ended` is called after the last. An error of `source` is an
 * error of the result.
 */
export function watchedBy(source: Readable, update: (chunk: Buffer) => void, ended?: () => void): Readable {
  const watched = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      update(chunk)
      done(null, chunk)
    },
    flush: (done) => {
      ended?.()
      done()
    },
  })
  return pipeline(source, watched, () => undefined)
}
