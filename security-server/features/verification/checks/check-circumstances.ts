/** The circumstances of an exchange, against the hash in the metadata that its leaf commits to. */
import { readCircumstances } from '#core/circumstances/read.ts'
import { asFault } from '#schemas/fault.ts'
import { inconsistent } from './inconsistent.ts'
import type { LogSource } from './source.ts'

const MAX_KNOWN = 10_000

/** Many records name the same: what was found good is not read again in this run. */
const good = new WeakMap<LogSource, Set<string>>()

/** Throws `log_inconsistent`. An export that has no such documents is not asked for them. */
export async function checkCircumstances(digest: string | undefined, source: LogSource): Promise<void> {
  if (digest === undefined || source.circumstances === undefined) return
  const known = good.get(source) ?? new Set()
  good.set(source, known)
  if (known.has(digest)) return
  const document = await source.circumstances(digest)
  if (document === undefined) throw inconsistent('its circumstances are missing')
  try {
    readCircumstances(document, digest)
  } catch (thrown) {
    throw inconsistent(`its circumstances: ${asFault(thrown).what ?? asFault(thrown).message}`)
  }
  if (known.size >= MAX_KNOWN) known.clear()
  known.add(digest)
}
