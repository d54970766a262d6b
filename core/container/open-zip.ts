/** Opens a ZIP file for reading on demand, with strict names and with the sizes of the directory enforced. */
import { fromBufferPromise, openPromise, type ZipFile } from 'yauzl'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

/** Throws `io_error` when the file cannot be opened, `malformed(...)` for any other mistake. */
export async function openZip(
  file: string | Buffer,
  malformed: (what: Word, cause: unknown) => Fault,
): Promise<ZipFile> {
  const options = { autoClose: false, lazyEntries: true, strictFileNames: true, validateEntrySizes: true }
  try {
    return await (typeof file === 'string' ? openPromise(file, options) : fromBufferPromise(file, options))
  } catch (cause) {
    const isSystem = typeof (cause as NodeJS.ErrnoException).code === 'string'
    if (isSystem) throw new Fault('io_error', { what: say`the container or bundle cannot be opened`, cause })
    throw malformed(say`no directory of entries: it is no ZIP file`, cause)
  }
}

/**
 * Whether the file is a ZIP file of at most `most` entries, one of which has one of these names. Throws
 * `io_error`.
 */
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
