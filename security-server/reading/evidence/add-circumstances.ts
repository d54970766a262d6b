/** Puts the circumstances of an exchange into a bundle or an archive: each distinct document once. */
import { circumstancesEntry } from '#core/circumstances/read.ts'
import type { StoredEvidence } from './read-evidence.ts'

/** The manifest does not list the document: only the record's metadata name it, by its hash. */
export function addCircumstances(
  { metadata, circumstances }: Pick<StoredEvidence, 'metadata' | 'circumstances'>,
  add: (name: string, bytes: Buffer) => string,
): void {
  if (metadata?.circumstances !== undefined && circumstances !== undefined)
    add(circumstancesEntry(metadata.circumstances), circumstances)
}
