/** Which circumstances the log is known to keep, so that their document crosses to it once and not with every record. */
import type { SealedCircumstances } from '#core/circumstances/seal.ts'
import type { RecordInput } from '../record-input.ts'

/** Forgotten ones are sent again, and kept once all the same. */
const MAX_KNOWN = 10_000

type KeptCircumstances = {
  /** What has to be sent with the record. */
  unknownOf(record: Pick<RecordInput, 'circumstances' | 'logLevel'>): SealedCircumstances | undefined
  /** A record with their document is durable. */
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
