import type { Generated, Selectable } from 'kysely'

/** The tables as Kysely sees them; migrations/ makes them, docs/message-log-format.md describes them. */

export type Tables = {
  record: { idx: number; leaf: Buffer; form: string; signature_id: number | null; content: Buffer }
  record_key: { idx: number; seed: Buffer }
  signature_document: { id: number; digest: Buffer; base: number | null; document: Buffer }
  body_file: { name: string; idx: number }
  circumstances: { digest: Buffer; document: Buffer }
  tree_head: { id: number; size: number; peaks: Buffer }
  tile: { level: number; number: number; hashes: Buffer }
  checkpoint: { size: number; root: Buffer; time: string; note: string }
  cosignature: { size: number; witness: string; time: string; line: string }
  contradiction: {
    id: Generated<number>
    time: string
    witness: string
    kind: string
    own_note: string
    known_note: string
  }
  time_stamp: {
    last_id: number
    first_id: number
    idx: number
    time: string
    digests: Buffer
    hash_chain_result: Buffer | null
    token: Buffer
    evidence: Buffer
  }
  evidence_record: { size: number; time: string; renew_at: string; record: Buffer; evidence: Buffer }
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
    /** Keyed, of the user id and the represented party of its exchange: search/actors.ts. */
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
  /** `entry`: the month (2 octets) and the keyed hash (16) of a person's identifier. */
  subject: { entry: Buffer; idx: number }
  /** `key`: a hash of service and reason, which may be longer than an index takes. */
  subject_count: {
    day: string
    key: Buffer
    service: string
    reason: string
    records: number
    first_idx: number
    last_idx: number
  }
  /** The same by month. */
  subject_total: { month: string; reason: string; records: number }
  /** `key_id`: of the key that the month's entries were made with, '' where nobody noted it; `forgotten`: 1 when they are gone. */
  subject_month: { month: string; key_id: string; records: number; forgotten: number }
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
  /** Of the records that no daily counts cover yet; `key` as in `traffic`. */
  count_since: {
    key: Buffer
    direction: string
    kind: string
    outcome: string
    client: string
    service: string
    peer: string
    secrecy: number
    records: number
    from_time: string
    to_time: string
  }
  /** `idx`: the record that commits to the document; `rows`: JSON list of the texts behind its digests, with their salts. */
  daily_count: {
    idx: number
    first_idx: number
    last_idx: number
    from_time: string
    to_time: string
    /** JSON of CountFigures. */
    figures: string
    /** Of document and rows. */
    octets: number
    document: string
    rows: string
  }
  secret_record: { idx: number; secrecy: number }
  erasure: { idx: number; erasure_idx: number; time: string }
  log_key: { id: string; idx: number; time: string; checkpoint_key: Buffer }
  retention_class: {
    id: Generated<number>
    name: string
    keep_days: number | null
    at_end: string
    archive: string
  }
  retention_assignment: { service: string; class: number }
  /** `stopped_by`: the hold that stops the end, 0 for none, -1 while an archive is to be made first; `archive`: that archive. */
  retention: { idx: number; class: number; ends: string | null; stopped_by: number; archive: number | null }
  legal_hold: {
    id: Generated<number>
    case_number: string
    reason: string
    /** JSON of a HoldScope. */
    scope: string
    set_by: string
    set_at: string
    lifted_by: string | null
    lifted_at: string | null
    lift_reason: string | null
  }
  remainder: { idx: number; seed: Buffer; content: Buffer }
  proof_erasure: { idx: number; erasure_idx: number; time: string }
  erased_body_file: { name: string }
  archive: {
    id: Generated<number>
    class: number
    file: string
    /** Whose folder it is in. */
    node: string
    complete: number
    sha256: Buffer
    size: number
    /** JSON list of indexes. */
    records: string
    containers: number
    created_at: string
    linking_digest: string
    manifest_digest: Buffer
  }
  mark: { name: string; value: number }
}

/** A witness knows a tree of ours that this one did not grow from; both notes as they were signed. */
export type Contradiction = Selectable<Tables['contradiction']>
