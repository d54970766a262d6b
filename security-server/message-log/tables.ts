import type { Generated, Selectable } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'

/**
 * The tables of the appending side, as Kysely types. migrations/ makes them; docs/message-log-format.md
 * describes them. Parts have their own tables in the same database.
 */

export type Tables = {
  record: { idx: Whole; leaf: Buffer; form: string; signature_id: Whole | null; content: Buffer }
  record_key: { idx: Whole; seed: Buffer }
  signature_document: { id: Whole; digest: Buffer; base: Whole | null; document: Buffer }
  body_file: { name: string; idx: Whole }
  /** Bodies that lie in the database, on PostgreSQL: octets from `start` on. */
  body_piece: { name: string; start: Whole; octets: Buffer }
  /**
   * Those to which no record refers yet, and the node that writes them. `size` counts the octets of their
   * pieces; `given_up` is 1 when no record ever will.
   */
  body_under_way: { name: string; node: string; size: Whole; given_up: Whole }
  circumstances: { digest: Buffer; document: Buffer }
  tree_head: { id: Whole; size: Whole; peaks: Buffer }
  tile: { level: Whole; number: Whole; hashes: Buffer }
  checkpoint: { size: Whole; root: Buffer; time: Time; note: string }
  cosignature: { size: Whole; witness: string; time: Time; line: string }
  contradiction: {
    id: Generated<Whole>
    time: Time
    witness: string
    kind: string
    own_note: string
    known_note: string
  }
  time_stamp: {
    last_id: Whole
    first_id: Whole
    idx: Whole
    time: Time
    digests: Buffer
    hash_chain_result: Buffer | null
    token: Buffer
    evidence: Buffer
  }
  evidence_record: { size: Whole; time: Time; renew_at: string; record: Buffer; evidence: Buffer }
  /** The records that no daily counts cover yet; `key` as in `traffic`. */
  count_since: {
    key: Buffer
    direction: string
    kind: string
    outcome: string
    client: string
    service: string
    peer: string
    secrecy: Whole
    records: Whole
    from_time: string
    to_time: string
  }
  /**
   * `idx` is the record that commits to the document. `rows` is a JSON list of the texts behind its digests,
   * with their salts.
   */
  daily_count: {
    idx: Whole
    first_idx: Whole
    last_idx: Whole
    from_time: string
    to_time: string
    /** JSON of CountFigures. */
    figures: string
    /** The bytes of document and rows. */
    octets: Whole
    document: string
    rows: string
  }
  erasure: { idx: Whole; erasure_idx: Whole; time: Time }
  log_key: { id: string; idx: Whole; time: Time; checkpoint_key: Buffer }
  remainder: { idx: Whole; seed: Buffer; content: Buffer }
  proof_erasure: { idx: Whole; erasure_idx: Whole; time: Time }
  /** `begun_by`: the node that has begun to delete it; '' if none has. */
  erased_body_file: { name: string; begun_by: Generated<string> }
  mark: { name: string; value: Whole }
}

/** A witness knows a tree of this log from which the present tree did not grow; both signed notes. */
export type Contradiction = Selectable<Tables['contradiction']>
