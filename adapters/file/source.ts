/** The one interface of a folder to the rest of the adapter, wherever it is. Nothing in it writes. */

export type FileFacts = {
  name: string
  size: number
  modified: Date
  /** Another one when the file was changed or replaced, as far as its system tells. */
  version: string
}

export type OpenFile = {
  /** Of the file that is open, now. */
  facts(): Promise<FileFacts>
  /** At most `length` bytes; none at its end. */
  read(position: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

/**
 * A name given here is plain. All throw `source_unavailable` when the folder is away, `source_failed` when a
 * file cannot be read.
 */
export type FileSource = {
  /**
   * The plain names of the files, in no order. Throws `source_failed` when the folder has more entries than
   * the limit.
   */
  names(signal: AbortSignal): Promise<string[]>
  /** Undefined for what is not there, or is no plain file: a link, a folder, a device. */
  look(name: string): Promise<FileFacts | undefined>
  open(name: string): Promise<OpenFile | undefined>
  /** Throws when the folder cannot be read now. */
  check(): Promise<void>
  close(): Promise<void>
}
