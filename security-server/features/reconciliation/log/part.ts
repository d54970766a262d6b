/** What is done in the log's thread for reconciliation. */
import type { Stretch } from '#core/reconciliation/assemble.ts'
import type { LogPart } from '../../../message-log/part.ts'
import { type MemberPair, readRecords } from './read-records.ts'
import { createReconciliationStore, type Partners, type SecretPartners } from './store.ts'

type Between = { from: string; to: string }

/** What the main thread may ask. */
export type ReconciliationMethods = {
  /** Who spoke with whom between two times. */
  partners(q: Between): Promise<Partners[]>
  /** Whose exchanges between two times are secret. */
  secretPartners(q: Between): Promise<SecretPartners[]>
  rangeBetween(q: Between): Promise<{ first: number; last: number } | undefined>
  readRecords(q: { pair: MemberPair; first: number; last: number }): Promise<Stretch>
}

export const reconciliationPart: LogPart<ReconciliationMethods> = {
  open: ({ log: { database, records }, ring }) => {
    const reconciliation = createReconciliationStore(database)
    return {
      methods: {
        partners: ({ from, to }) => reconciliation.partners(from, to),
        secretPartners: ({ from, to }) => reconciliation.secretPartners(from, to),
        rangeBetween: ({ from, to }) => reconciliation.range(from, to),
        readRecords: (q) => readRecords({ records, reconciliation }, q, ring.find),
      },
    }
  },
}
