import type { Generated, Selectable } from 'kysely'

/**
 * The tables of the appending side, as Kysely types. migrations/ makes them; docs/message-log-format.md describes them. Parts
 * have their own tables in the same database.
 */

export type Tables = {
  record: { idx: number; leaf: Buffer; form: string; signature_id: number | null; content: Buffer }
  record_key: { idx: number; seed: Buffer }
  signature_document: { id: number; digest: Buffer; base: number | null; document: Buffer }
  body_file: { name: string; idx: number }
  /** Bodies that lie in the database, on PostgreSQL: octets from `start` on. */
  body_piece: { name: string; start: number; octets: Buffer }
  /**
   * Those to which no record refers yet, and the node that writes them. `size` counts the octets of their pieces; `given_up` is 1 when
   * no record ever will.
   */
  body_under_way: { name: string; node: string; size: number; given_up: number }
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
  /** The records that no daily counts cover yet; `key` as in `traffic`. */
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
  /**
   * `idx` is the record that commits to the document. `rows` is a JSON list of the texts behind its digests, with their salts.
   */
  daily_count: {
    idx: number
    first_idx: number
    last_idx: number
    from_time: string
    to_time: string
    /** JSON of CountFigures. */
    figures: string
    /** The bytes of document and rows. */
    octets: number
    document: string
    rows: string
  }
  erasure: { idx: number; erasure_idx: number; time: string }
  log_key: { id: string; idx: number; time: string; checkpoint_key: Buffer }
  remainder: { idx: number; seed: Buffer; content: Buffer }
  proof_erasure: { idx: number; erasure_idx: number; time: string }
  erased_body_file: { name: string }
  mark: { name: string; value: number }
}

/** A witness knows a tree of this log from which the present tree did not grow; both signed notes. */
export type Contradiction = Selectable<Tables['contradiction']>
