import type { Generated } from 'kysely'
import type { Tables } from '../../message-log/tables.ts'

/** The tables of the index, beside those of the log; migrations/ makes them, docs/message-log-format.md describes them. */
export type IndexTables = Tables & {
  search: {
    idx: number
    time: string
    kind: string
    direction: string
    outcome: string
    query_id: string
    request_id: string
    client: string
    service: string
    peer: string
    answers: number | null
    /** Days that the contract wants the content kept. */
    keep_days: number | null
    /** 0: all who read the log may see it. */
    secrecy: number
    /** Keyed, of the user id and the represented party of its exchange: actors.ts. */
    user_hash: Buffer | null
    party_hash: Buffer | null
    /** Contract, purpose and endpoint by their number; 0 for none. */
    terms: number
  }
  /** `key`: a hash of the others but `id`. '' for none. */
  search_terms: {
    id: Generated<number>
    key: Buffer
    /** "<id>/<version>" */
    contract: string
    purpose: string
    endpoint: string
    secrecy: number
  }
  traffic: {
    hour: string
    key: Buffer
    direction: string
    kind: string
    outcome: string
    client: string
    service: string
    peer: string
    secrecy: number
    terms: number
    records: number
    first_idx: number
    last_idx: number
  }
  secret_record: { idx: number; secrecy: number }
  /** The index by person fills it, searches go by it. `entry`: the month (2 octets) and the keyed hash (16) of a person's identifier. */
  subject: { entry: Buffer; idx: number }
}
