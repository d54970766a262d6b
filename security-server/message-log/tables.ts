/** The tables as Kysely sees them; migrations/ makes them, docs/message-log-format.md describes them. */

export type Tables = {
  record: { idx: number; leaf: Buffer; form: string; signature_id: number | null; content: Buffer }
  record_key: { idx: number; seed: Buffer }
  signature_document: { id: number; digest: Buffer; base: number | null; document: Buffer }
  body_file: { name: string; idx: number }
  tree_head: { id: number; size: number; peaks: Buffer }
  tile: { level: number; number: number; hashes: Buffer }
  checkpoint: { size: number; root: Buffer; time: string; note: string }
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
  }
  erasure: { idx: number; erasure_idx: number; time: string }
  log_key: { id: string; idx: number; time: string; checkpoint_key: Buffer }
  mark: { name: string; value: number }
}
