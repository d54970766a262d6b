/**
 * The part of yauzl that reading evidence uses. yauzl's own code reads and checks directories, names and
 * headers; the contents of entries are read from memory with zlib.ts instead of Node's streams. No file is
 * opened by its name.
 */
import type { Readable } from 'node:stream'
import { type Options, fromBufferPromise as openBuffer, type ZipFile } from 'yauzl'
import { inflated } from './zlib.ts'

export async function fromBufferPromise(bytes: Buffer, options: Options): Promise<ZipFile> {
  const zip = await openBuffer(bytes, options)
  zip.openReadStreamLowLevel = (start, _packed, from, to, decompress, size, answer) => {
    const contents = contentsOf(
      bytes.subarray(start + from, start + to),
      decompress ? (size ?? 0) : undefined,
    )
    // Code that reads evidence only iterates over the contents.
    answer(null, contents as Readable)
  }
  return zip
}

export function openPromise(): never {
  throw new Error('a page opens no file by its name')
}

async function* contentsOf(stored: Buffer, inflatedSize: number | undefined): AsyncIterable<Buffer> {
  if (inflatedSize === undefined) yield stored
  else for (const piece of inflated(stored, inflatedSize)) yield Buffer.from(piece)
}
