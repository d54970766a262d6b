/** Reads files with certain names from a zip file, within limits. */
import { buffer } from 'node:stream/consumers'
import { fromBufferPromise } from 'yauzl'
import { Fault } from '#schemas/fault.ts'

const MAX_ENTRIES = 1_000
const MAX_BYTES = 64 * 1024 * 1024

/**
 * The contents of all entries whose name is one of `names`, in any folder. Throws `malformed_global_conf`.
 */
export async function readZippedFiles(bytes: Buffer, names: string[]): Promise<Buffer[]> {
  try {
    const zip = await fromBufferPromise(bytes, {
      lazyEntries: true,
      strictFileNames: true,
      validateEntrySizes: true,
    })
    if (zip.entryCount > MAX_ENTRIES) throw malformed('the zip file has too many entries')
    const found: Buffer[] = []
    let left = MAX_BYTES
    for await (const entry of zip.eachEntry()) {
      if (!names.includes(entry.fileName.split('/').at(-1)!)) continue
      left -= entry.uncompressedSize
      if (left < 0) throw malformed('the zip file is too large')
      found.push(await buffer(await zip.openReadStreamPromise(entry)))
    }
    return found
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw malformed('the zip file cannot be read', cause)
  }
}

function malformed(what: string, cause?: unknown): Fault {
  return new Fault('malformed_global_conf', { what, cause })
}
