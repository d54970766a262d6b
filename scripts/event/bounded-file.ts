/** Reads and writes files of the caller: no more is read than may be, and nothing is overwritten. */
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Fault } from '#schemas/fault.ts'

/**
 * All bytes of a file. Throws `io_error` where it cannot be read, `input_too_large` where it has more than
 * `maxBytes`.
 */
export async function readBounded(file: string, maxBytes: number): Promise<Buffer> {
  return boundedBytes(createReadStream(file), file, maxBytes)
}

/**
 * As `readBounded`, of a stream that `name` names in faults. A stream without an end is left where it exceeds
 * the limit.
 */
export async function boundedBytes(
  stream: AsyncIterable<Uint8Array>,
  name: string,
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of stream) {
      size += chunk.length
      if (size > maxBytes) break
      chunks.push(chunk)
    }
  } catch (cause) {
    throw new Fault('io_error', { what: `${name} cannot be read${codeOf(cause)}`, cause })
  }
  if (size > maxBytes) throw new Fault('input_too_large', { what: `${name} has over ${maxBytes} bytes` })
  return Buffer.concat(chunks)
}

/**
 * Writes a new file that only its owner can read, since what is written here holds personal data. Throws
 * `io_error`.
 */
export async function writeNew(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(file, content, { mode: 0o600, flag: 'wx' }).catch((cause: unknown) => {
    throw new Fault('io_error', { what: `${file} cannot be written as a new file${codeOf(cause)}`, cause })
  })
}

function codeOf(cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException
  return code === undefined ? '' : `: ${code}`
}
