/**
 * Lends a complete file, and answers for its bytes: those of one file from its first to its last, within
 * limits of size and time. A file that was replaced, changed or cut off meanwhile is a fault, never half of
 * one and half of another.
 */
import { Fault } from '#schemas/fault.ts'
import type { createBrokenFiles } from './broken-files.ts'
import type { CheckComplete } from './is-complete.ts'
import type { FileFacts, FileSource, OpenFile } from './source.ts'
import { within } from './within.ts'

export type LentFile = {
  facts: FileFacts
  /** The whole file from its beginning; throws `file_changing` when its end comes too early. */
  chunks(): AsyncGenerator<Buffer, void>
  /** Throws `file_changing` when it is not what it was; call it when enough was read. */
  checkSame(): Promise<void>
}

/**
 * Throws `not_found`, `file_changing`, `source_timeout`, `source_unavailable`, `source_failed`, or what `use`
 * throws.
 */
export type ReadFile = <T>(
  name: string,
  signal: AbortSignal,
  use: (file: LentFile) => Promise<T>,
) => Promise<T>

/**
 * Runs a reading in its turn, with the time that it has; the file of this name is complete before it takes a
 * place.
 */
export type InTurn = <T>(name: string | undefined, read: (signal: AbortSignal) => Promise<T>) => Promise<T>

const CHUNK_BYTES = 64 * 1024

export function createReadFile(q: {
  source: FileSource
  checkComplete: CheckComplete
  broken: ReturnType<typeof createBrokenFiles>
  /** What files are read for: a file that is broken for one use may be right for another. */
  use: string
  fileBytes: number
}): ReadFile {
  const { source } = q
  const noted = (facts: FileFacts, what: string, where = ''): Fault => {
    q.broken.add(q.use, facts, what)
    return new Fault('source_failed', { what: what + where })
  }
  return async (name, signal, use) => {
    const facts = await within(signal, source.look(name))
    if (facts === undefined) {
      await within(signal, source.check())
      throw new Fault('not_found')
    }
    await within(signal, q.checkComplete(facts, signal))
    q.broken.check(q.use, facts)
    if (facts.size > q.fileBytes) throw noted(facts, `its file is larger than ${q.fileBytes} bytes`)
    const file = await within(signal, source.open(name), (late) => void late?.close().catch(() => undefined))
    if (file === undefined) throw new Fault('file_changing')
    const checkSame = async (): Promise<void> => {
      const [open, named] = await within(signal, Promise.all([file.facts(), source.look(name)]))
      if (open.version !== facts.version || named?.version !== facts.version) throw new Fault('file_changing')
    }
    try {
      await checkSame()
      return await use({ facts, chunks: () => chunksOf(file, facts.size, signal), checkSame })
    } catch (thrown) {
      if (!(thrown instanceof BrokenFile)) throw thrown
      await checkSame()
      throw noted(facts, thrown.what, thrown.where)
    } finally {
      await file.close().catch(() => undefined)
    }
  }
}

/**
 * Thrown by readers of formats: the content is not as the mapping says. `what` never quotes the content.
 * `where` may, and follows it where only those who have the file read it: not in the log, nor at
 * /health/ready.
 */
export class BrokenFile extends Error {
  readonly what: string
  readonly where: string

  constructor(what: string, cause?: unknown, where = '') {
    super(what, { cause })
    this.name = 'BrokenFile'
    this.what = what
    this.where = where
  }
}

async function* chunksOf(file: OpenFile, size: number, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < size; ) {
    const chunk = await within(signal, file.read(at, Math.min(CHUNK_BYTES, size - at)))
    if (chunk.length === 0) throw new Fault('file_changing')
    at += chunk.length
    yield chunk
  }
}
