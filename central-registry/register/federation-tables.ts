/** Row types of external anchors, and of contracts between instances, one to one with the migrations. */
import type { Generated } from 'kysely'
import type { ContractState } from '#schemas/contract.ts'
import type { Time } from '#schemas/sent-values.ts'

export type ExternalAnchorRow = {
  sha256: string
  /** The anchor file as it was uploaded. */
  anchor: Buffer
  instance: string
  /** The anchor's hash in the form that X-Road shows. */
  hash: string
  generated_at: Time
  /** JSON of the addresses and the certificates in base64. */
  sources: string
  state: 'EXAMINED' | 'TRUSTED' | 'REPLACED' | 'REMOVED'
  examined_at: Time
  examined_by: string
  examination: string
  decided_at: Time | null
  decided_by: string | null
}

export type FederationTables = {
  external_anchor: ExternalAnchorRow
  federation_event: {
    id: Generated<number>
    instance: string
    anchor: string
    act: 'trust' | 'replace' | 'remove'
    at: Time
    by: string
  }
  contract_counter_seal: {
    sha256: string
    contract: string
    version: number
    hash: string
    instance: string
    /** SHA-256 of the certificate whose key made the counter-seal. */
    certificate: string
    message: Buffer
    sealed_at: Time
  }
  /** The last state of a version that the registry of the other instance reported. */
  contract_partner: {
    contract: string
    version: number
    instance: string
    hash: string
    state: ContractState
    reason: string | null
    heard_at: Time
  }
}
