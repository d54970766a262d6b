/** Row types of the registry's tables, one to one with the migrations. Flags are 0 or 1; `_at` columns are ISO texts. */

import type { Generated } from 'kysely'
import type { PersonRow } from '#platform/people/tables.ts'
import type { ContractState } from '#schemas/contract.ts'
import type { SuspendedKind } from '#schemas/global-configuration.ts'
import type { RequestKind, RequestState } from '#schemas/management-request.ts'
import type { AuditOrderRow, AuditOrderServerRow } from './audit-order-tables.ts'
import type { BackupRow } from './backups.ts'
import type { ContactTables } from './contact-tables.ts'
import type { FederationTables } from './federation-tables.ts'
import type { RestorationRow } from './restorations.ts'

export type ProposalRow = {
  id: string
  operation: string
  target: string
  /** RFC 8785 JSON: see approvals/rules.ts. */
  content: string
  sha256: string
  reason: string
  proposer_kind: string
  proposer_id: string
  proposer_name: string
  proposer_maker: string | null
  proposed_at: string
  expires_at: string
  state: 'proposed' | 'approved' | 'rejected' | 'withdrawn' | 'expired' | 'failed'
  decider_id: string | null
  decider_name: string | null
  decided_at: string | null
  decision_reason: string | null
  /** Null while an approved proposal is being carried out. */
  finished_at: string | null
  result: string | null
  failure: string | null
}

export type SuspensionRow = {
  id: number
  kind: SuspendedKind
  /** An identifier in its text form, or the SHA-256 of a certificate. */
  subject: string
  reason: string
  state: 'unconfirmed' | 'confirmed' | 'lifted'
  suspended_at: string
  suspended_by: string
  suspended_by_name: string
  /** Who made the API key that did it. */
  maker: string | null
  confirmed_at: string | null
  confirmed_by: string | null
  confirmed_by_name: string | null
  escalated_at: string | null
  escalations: number
  lifted_at: string | null
  lifted_by: string | null
  lifted_by_name: string | null
}

export type ContractRow = {
  contract: string
  version: number
  hash: string
  state: ContractState
  title: string
  /** RFC 8785 text: see core/contract. */
  content: string
  /** All parties' ids, for searching. */
  parties: string
  global_group: string | null
  critical: number
  valid_from: string
  valid_until: string
  review_at: string
  proposed_at: string
  proposed_by: string
  changed_at: string
  reason: string | null
  /** The other instance at whose registry this content was proposed; null for ours. */
  origin: string | null
  /** Of a contract between instances: when this registry's policy was met, so that it counter-seals. */
  agreed_at: string | null
}

export type HostingMandateRow = {
  id: number
  host: string
  /** A member, for all of its subsystems, or one subsystem. */
  client: string
  /** The client's. */
  member: string
  valid_until: string
  created_at: string
  created_by: string
  ended_at: string | null
  ended_by: string | null
}

export type SuccessionRow = {
  id: number
  predecessor: string
  successor: string
  /** JSON: see successions/rules.ts. */
  plan: string
  begun_at: string
  begun_by: string
  completed_at: string | null
  completed_by: string | null
}

export type OutageRow = {
  id: number
  message: string
  starts_at: string
  ends_at: string
  /** JSON lists; both empty: everybody. */
  member_classes: string
  servers: string
  created_at: string
  created_by: string
  ended_at: string | null
  ended_by: string | null
}

export type CatalogueServiceRow = {
  /** The service's id in its text form. */
  id: string
  provider: string
  service_code: string
  type: 'REST' | 'OPENAPI'
  /** JSON lists and objects: see catalogue/rules.ts. */
  endpoints: string
  contact: string
  access: string
  title: string
  description: string
  version: string
  /** SHA-256 of its OpenAPI document. */
  document: string | null
  status: 'offered' | 'withdrawn'
  search: string
  first_seen: string
  last_seen: string
  changed_at: string
}

/** REFUSED: the mail server never takes it; GIVEN_UP: none took it for three days. */
export type MailState = 'WAITING' | 'SENT' | 'REFUSED' | 'GIVEN_UP'

export type Tables = FederationTables &
  ContactTables & {
    audit_order: AuditOrderRow
    audit_order_server: AuditOrderServerRow
    system_parameter: { name: string; value: string }
    member_class: { code: string; description: string }
    member: { id: string; member_class: string; name: string; created_at: string }
    subsystem: { id: string; member: string; name: string; created_at: string }
    global_group: { code: string; description: string }
    global_group_member: { group_code: string; client: string }
    security_server: {
      id: string
      owner: string
      address: string
      created_at: string
      maintenance: Generated<string | null>
    }
    authentication_certificate: {
      sha256: string
      server: string
      certificate: Buffer
      created_at: string
      not_after: string
    }
    server_client: { server: string; client: string; is_disabled: Generated<number> }
    certification_service: {
      id: Generated<number>
      name: string
      profile: string
      authentication_only: number
      created_at: string
    }
    /** Of approved CAs whose class is none of X-Road's; `document`: its canonical JSON. */
    certificate_profile: { name: string; document: string; sha256: string; changed_at: string }
    certification_authority: { sha256: string; service: number; is_top: number; certificate: Buffer }
    ocsp_responder: { id: Generated<number>; authority: string; url: string; certificate: Buffer | null }
    timestamping_service: { id: Generated<number>; name: string; url: string; certificate: Buffer }
    signing_key: {
      id: string
      certificate: Buffer
      is_active: number
      created_at: string
      known_at: string | null
      activated_at: string | null
    }
    register_revision: { id: number; revision: number }
    publication: { configuration_index: number; generated_at: string; expires_at: string }
    published_file: { path: string; configuration_index: number; content_type: string; digest: string }
    published_content: { digest: string; content: Buffer }
    person: PersonRow
    proposal: ProposalRow
    installation_code: {
      number: number
      digest: Buffer
      tries: number
      redeemed_by: string | null
      redeemed_at: string | null
      expires_at: string | null
    }
    management_request: {
      id: Generated<number>
      kind: RequestKind
      state: RequestState
      owner: string
      server: string
      client: string | null
      subject: string
      subject_digest: string
      content_hash: string
      filed_at: string
      decided_at: string | null
      decided_by: string | null
      reason: string | null
      changes: string | null
    }
    management_request_proof: { request: number; signer: string; facts: string; message: Buffer }
    registration_document: { id: string; kept_until: string }
    member_webhook: { member: string; url: string }
    contract_version: ContractRow
    contract_party: {
      contract: string
      version: number
      member: string
      subsystem: string
      role: 'provider' | 'consumer'
    }
    contract_seal: {
      sha256: string
      contract: string
      version: number
      member: string
      /** JSON list of those for which a member joined; null for a seal of the whole. */
      subsystems: string | null
      facts: string
      message: Buffer
      sealed_at: string
    }
    contract_event: {
      id: Generated<number>
      contract: string
      version: number
      at: string
      act: string
      by: string
      hash: string
      reason: string | null
    }
    contract_notice: { contract: string; version: number; notice: string; at: string }
    hosting_mandate: Omit<HostingMandateRow, 'id'> & { id: Generated<number> }
    succession: Omit<SuccessionRow, 'id'> & { id: Generated<number> }
    hosting_mandate_notice: { mandate: number; notice: string; at: string }
    member_mail_address: { member: string; address: string }
    mail_message: {
      id: Generated<number>
      recipient: string
      text: string
      fields: string
      state: MailState
      created_at: string
      tried_since: string
      attempts: Generated<number>
      last_error: string | null
      ended_at: string | null
    }
    instance_import: {
      id: Generated<number>
      instance: string
      anchor_hash: string
      state: 'OPEN' | 'CARRIED_OUT'
      expires_at: string
      examined_at: string
      examined_by: string
      anchor: Buffer
      directory: Buffer
      shared: Buffer
      private: Buffer | null
      carried_out_at: string | null
      carried_out_by: string | null
      content_hash: string | null
      /** JSON: what was taken, what not, what differed. */
      report: string | null
    }
    import_certificate: { import: number; sha256: string; certificate: Buffer; origin: 'tls' | 'file' }
    automatic_approval: { kind: RequestKind; member_class: string }
    suspension: Omit<SuspensionRow, 'id' | 'escalations'> & {
      id: Generated<number>
      escalations: Generated<number>
    }
    suspension_list: { id: number; number: number; issued_at: string; expires_at: string; content: string }
    log_content: { digest: string; content: string }
    /** `reference`: the audit record or contract event that a leaf of such a kind is about. */
    log_entry: {
      position: number
      form: string | null
      content: string | null
      kind: Generated<'configuration' | 'audit-log' | 'contract' | 'federation' | 'restoration'>
      reference: number | null
    }
    log_node: { level: number; position: number; hash: Buffer }
    fleet_server: {
      server: string
      /** The severity of its worst trouble now; 0 for none. */
      worst: number
      /** When the server made its newest report, by its clock. */
      created_at: string | null
      reported_at: string | null
      version: string | null
      report: string | null
      probed_at: string | null
      probe: string | null
    }
    fleet_trouble: {
      id: Generated<number>
      server: string
      kind: string
      severity: number
      message: string
      since: string
      until: string | null
    }
    fleet_certificate: {
      server: string
      sha256: string
      usage: string
      member: string | null
      authority: string | null
      not_after: string
    }
    /** The numbers are of exchanges whose parties the server does not name. */
    call_day: {
      server: string
      day: string
      settled: number
      created_at: string
      answered: number
      failed: number
      refused: number
    }
    call_count: {
      id: Generated<number>
      server: string
      day: string
      side: string
      consumer: string
      /** The service's subsystem, and the rest of its id. */
      provider: string
      service: string
      answered: number
      failed: number
      refused: number
    }
    outage: Omit<OutageRow, 'id'> & { id: Generated<number> }
    catalogue_subsystem: {
      subsystem: string
      next_at: string
      asked_at: string
      answered_at: string | null
      failure: string | null
    }
    catalogue_service: CatalogueServiceRow
    restoration: Omit<RestorationRow, 'id'> & { id: Generated<number> }
    backup: Omit<BackupRow, 'id'> & { id: Generated<number> }
    catalogue_document: { sha256: string; content: Buffer }
    catalogue_change: {
      id: Generated<number>
      service: string
      at: string
      what: string
      before: string | null
      after: string | null
    }
  }
