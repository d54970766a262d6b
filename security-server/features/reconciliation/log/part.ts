/** The part of the log's thread that serves reconciliation. */
import type { LogPart } from '../../../message-log/part.ts'
import { type MemberPair, type ReadStretch, readRecords } from './read-records.ts'
import { createReconciliationStore, type Partners, type SecretPartners } from './store.ts'

type Between = { from: string; to: string }

/** The methods that the main thread may call. `from` is included, `to` is not. */
export type ReconciliationMethods = {
  /** The clients, services and servers that exchanged messages between two ISO times. */
  partners(q: Between): Promise<Partners[]>
  /** The clients and services with secret exchanges between two ISO times. */
  secretPartners(q: Between): Promise<SecretPartners[]>
  rangeBetween(q: Between): Promise<{ first: number; last: number } | undefined>
  readRecords(q: { pair: MemberPair; version: number; first: number; last: number }): Promise<ReadStretch>
}

export const reconciliationPart: LogPart<ReconciliationMethods> = {
  open: ({ log: { database, records }, ring, settled }) => {
    const reconciliation = createReconciliationStore(database)
    return {
      methods: {
        partners: ({ from, to }) => reconciliation.partners(from, to),
        secretPartners: ({ from, to }) => reconciliation.secretPartners(from, to),
        rangeBetween: ({ from, to }) => reconciliation.range(from, to),
        // What the other side is told to be erased stays so.
        readRecords: async (q) => {
          const { stretch } = await settled.read(
            () => readRecords({ records, reconciliation }, q, ring.find),
            ({ restsOn }) => restsOn,
          )
          return stretch
        },
      },
    }
  },
}
