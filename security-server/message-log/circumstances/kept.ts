/**
 * Which circumstances the log surely has, so that their document is sent to the log's thread once and not
 * with every record.
 */
import type { SealedCircumstances } from '#core/circumstances/seal.ts'
import type { RecordInput } from '../record-input.ts'

/** Forgotten ones are sent again, but stored only once. */
const MAX_KNOWN = 10_000

type KeptCircumstances = {
  /** The document to send with the record; undefined when the log has it. */
  unknownOf(record: Pick<RecordInput, 'circumstances' | 'logLevel'>): SealedCircumstances | undefined
  /** Call when a record with their document is durable. */
  add(circumstances: SealedCircumstances): void
}

export function createKeptCircumstances(): KeptCircumstances {
  const known = new Set<string>()
  return {
    unknownOf: ({ circumstances, logLevel }) =>
      circumstances === undefined || logLevel === 'none' || known.has(circumstances.digest)
        ? undefined
        : circumstances,
    add({ digest }) {
      if (known.size >= MAX_KNOWN) known.clear()
      known.add(digest)
    },
  }
}
