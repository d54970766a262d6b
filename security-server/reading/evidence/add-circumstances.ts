/** Puts the circumstances of an exchange into a bundle or an archive: each distinct document once. */
import { circumstancesEntry } from '#core/circumstances/read.ts'
import type { StoredEvidence } from './read-evidence.ts'

/** Named by the record's metadata, and by nothing else. */
export function addCircumstances(
  { metadata, circumstances }: Pick<StoredEvidence, 'metadata' | 'circumstances'>,
  add: (name: string, bytes: Buffer) => string,
): void {
  if (metadata?.circumstances !== undefined && circumstances !== undefined)
    add(circumstancesEntry(metadata.circumstances), circumstances)
}
