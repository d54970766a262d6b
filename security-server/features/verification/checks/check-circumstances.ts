/** Compares the circumstances of an exchange with the hash in the metadata, to which the leaf commits. */
import { readCircumstances } from '#core/circumstances/read.ts'
import { asFault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

const MAX_KNOWN = 10_000

/**
 * Hashes whose document was valid. Many records name the same circumstances, so a run reads each only once.
 */
const good = new WeakMap<LogSource, Set<string>>()

/** Throws `log_inconsistent`. Skips a source that has no such documents, as an export. */
export async function checkCircumstances(digest: string | undefined, source: LogSource): Promise<void> {
  if (digest === undefined || source.circumstances === undefined) return
  const known = good.get(source) ?? new Set()
  good.set(source, known)
  if (known.has(digest)) return
  const document = await source.circumstances(digest)
  if (document === undefined) throw inconsistent(say`its circumstances are missing`)
  try {
    readCircumstances(document, digest)
  } catch (thrown) {
    throw inconsistent(say`its circumstances: ${asFault(thrown).what ?? asFault(thrown).message}`)
  }
  if (known.size >= MAX_KNOWN) known.clear()
  known.add(digest)
}
