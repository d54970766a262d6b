/** Reads and writes the lines of a backup entry, for example the rows of a database. */
import { Fault } from '#schemas/fault.ts'
import type { Write } from './write-backup.ts'

/** A line is a row; the largest rows contain a document of the configuration. */
const MAX_LINE = 256 * 1024 * 1024
const BLOCK = 256 * 1024

/** Collects lines into blocks; `end` writes the last block. */
export function lineWriter(write: Write): { line(text: string): Promise<void>; end(): Promise<void> } {
  let lines: string[] = []
  let length = 0
  async function end(): Promise<void> {
    if (lines.length > 0) await write(Buffer.from(`${lines.join('\n')}\n`))
    lines = []
    length = 0
  }
  return {
    async line(text) {
      lines.push(text)
      length += text.length
      if (length >= BLOCK) await end()
    },
    end,
  }
}

/** The lines of an entry of a backup. Throws `backup_invalid` for a line that is too long. */
export async function* linesOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let held: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    let from = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      held.push(chunk.subarray(from, end))
      yield Buffer.concat(held).toString('utf8')
      held = []
      length = 0
      from = end + 1
    }
    held.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > MAX_LINE) throw new Fault('backup_invalid', { what: 'a line is too long' })
  }
  if (length > 0) throw new Fault('backup_invalid', { what: 'a last line does not end' })
}
