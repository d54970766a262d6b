/**
 * A ZIP file that is made while it is read. Guarantees that no error in it ends the process: whatever an entry, its source
 * or the writer fails by destroys the output, which keeps the error for a reader however late; sources are closed with it.
 */
import { pipeline, type Readable, Transform } from 'node:stream'
import { type Options, type ReadStreamOptions, ZipFile } from 'yazl'

export type ZipStream = {
  output: Readable
  addBuffer(name: string, bytes: Buffer, options: Partial<Options>): void
  /** Calls `open` when the turn of the entry has come. */
  addStream(name: string, options: Partial<ReadStreamOptions>, open: () => Readable | Promise<Readable>): void
  /** Nothing is added afterwards. */
  end(comment?: string): void
}

export function createZipStream(): ZipStream {
  const zip = new ZipFile()
  const output = zip.outputStream as Readable
  // An entry may fail before anybody reads.
  output.on('error', () => undefined)
  // Each entry that is being read waits for the end.
  output.setMaxListeners(0)
  const breakOff = (cause: unknown): void => void output.destroy(cause as Error)
  zip.on('error', breakOff)

  const heard = (source: Readable): Readable => {
    // yazl pipes, and pipes forward neither errors nor a reader that went away.
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

/** The same bytes, told to `update` on their way and to `ended` after the last; an error of `source` is one of the result. */
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
