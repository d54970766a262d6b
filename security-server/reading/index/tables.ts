import type { Generated } from 'kysely'
import type { Time } from '#schemas/sent-values.ts'
import type { Tables } from '../../message-log/tables.ts'

/**
 * The tables of the index, in the log's database. migrations/ creates them; docs/message-log-format.md
 * describes them.
 */
export type IndexTables = Tables & {
  search: {
    idx: number
    time: Time
    kind: string
    direction: string
    outcome: string
    query_id: string
    request_id: string
    client: string
    service: string
    peer: string
    answers: number | null
    /** For how many days the contract wants the content kept. */
    keep_days: number | null
    /** 0: everybody who reads the log may see the record. */
    secrecy: number
    /** Keyed hashes of the user id and the represented party of the exchange: actors.ts. */
    user_hash: Buffer | null
    party_hash: Buffer | null
    /** The id of a row of `search_terms` (contract, purpose, endpoint); 0 for none. */
    terms: number
  }
  /** `key`: a hash of all columns but `id`. Empty text: none. */
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
  /** `key`: a hash of direction, client, service and secrecy. `counts`: as latency.ts writes them. */
  latency: {
    hour: string
    key: Buffer
    direction: string
    client: string
    service: string
    secrecy: number
    counts: string
  }
  secret_record: { idx: number; secrecy: number }
  /**
   * Searches by person read this table; the index by person fills it. `entry`: the month (2 octets) and the
   * keyed hash (16 octets) of a person's identifier.
   */
  subject: { entry: Buffer; idx: number }
}
