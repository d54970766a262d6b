/**
 * Row types of the register: members, servers and all that refers to them, which one change may check
 * together. One to one with the migrations. Flags are 0 or 1; `_at` columns are ISO texts.
 */

import type { Generated } from 'kysely'
import type { ProposalTables } from '#platform/proposals/store.ts'
import type { ContractState } from '#schemas/contract.ts'
import type { CostType, CsrFormat, SuspendedKind } from '#schemas/global-configuration.ts'
import type { RequestKind, RequestState } from '#schemas/management-request.ts'
import type { Time, Uuid, Whole } from '#schemas/sent-values.ts'
import type { ContactTables } from './contact-tables.ts'
import type { FederationTables } from './federation-tables.ts'
import type { IdentityTables } from './identity-tables.ts'

export type SuspensionRow = {
  id: Whole
  kind: SuspendedKind
  /** An identifier in its text form, or the SHA-256 of a certificate. */
  subject: string
  reason: string
  state: 'unconfirmed' | 'confirmed' | 'lifted'
  suspended_at: Time
  suspended_by: string
  suspended_by_name: string
  /** The person who made the API key that suspended it. */
  maker: string | null
  confirmed_at: Time | null
  confirmed_by: string | null
  confirmed_by_name: string | null
  escalated_at: Time | null
  escalations: Whole
  lifted_at: Time | null
  lifted_by: string | null
  lifted_by_name: string | null
}

export type ContractRow = {
  contract: Uuid
  version: Whole
  hash: string
  state: ContractState
  title: string
  /** RFC 8785 JSON: see core/contract. */
  content: string
  /** The text for searching: the ids of contract and parties, the global group and the service codes. */
  parties: string
  global_group: string | null
  critical: Whole
  valid_from: Time
  valid_until: Time
  review_at: Time
  proposed_at: Time
  proposed_by: string
  changed_at: Time
  reason: string | null
  /** The other instance at whose registry this content was proposed; null when it was proposed here. */
  origin: string | null
  /** For a contract between instances: when this registry's policy was met, so that it counter-seals. */
  agreed_at: Time | null
}

export type HostingMandateRow = {
  id: Whole
  host: string
  /** A member, for all of its subsystems, or one subsystem. */
  client: string
  /** The client's member. */
  member: string
  valid_until: Time
  created_at: Time
  created_by: string
  ended_at: Time | null
  ended_by: string | null
}

export type SuccessionRow = {
  id: Whole
  predecessor: string
  successor: string
  /** JSON: see successions/rules.ts. */
  plan: string
  begun_at: Time
  begun_by: string
  completed_at: Time | null
  completed_by: string | null
}

/** A restored register that two administrators accepted. */
export type RestorationRow = {
  id: Whole
  /** RFC 8785 JSON: see restorations/rules.ts. */
  content: string
  sha256: string
  accepted_at: Time
  proposed_by: string
  accepted_by: string
  /** The highest numbers that anybody is known to have seen; everything published later has higher ones. */
  configuration_index: Whole
  suspension_list: Whole
  leaves: Whole
}

/** The tables that the shared stores of the registry read and write. */
export type RegisterTables = FederationTables &
  ContactTables &
  IdentityTables & {
    system_parameter: { name: string; value: string }
    member_class: { code: string; description: string }
    member: { id: string; member_class: string; name: string; created_at: Time }
    subsystem: { id: string; member: string; name: string; created_at: Time }
    global_group: { code: string; description: string }
    global_group_member: { group_code: string; client: string }
    security_server: {
      id: string
      owner: string
      address: string
      created_at: Time
      maintenance: Generated<string | null>
    }
    authentication_certificate: {
      sha256: string
      server: string
      certificate: Buffer
      created_at: Time
      not_after: Time
    }
    server_client: { server: string; client: string; is_disabled: Generated<number> }
    certification_service: {
      id: Generated<number>
      name: string
      profile: string
      authentication_only: number
      created_at: Time
      csr_format: Generated<CsrFormat>
      /** JSON of an `AcmeServer`. */
      acme_server: Generated<string | null>
    }
    /** Profiles for approved CAs whose class is not one of X-Road's; `document` is the canonical JSON. */
    certificate_profile: { name: string; document: string; sha256: string; changed_at: Time }
    /** Issuers of credentials; `document` is the canonical JSON of schemas/trusted-issuer.ts. */
    trusted_issuer: { name: string; document: string; sha256: string; changed_at: Time }
    certification_authority: { sha256: string; service: number; is_top: number; certificate: Buffer }
    ocsp_responder: {
      id: Generated<number>
      authority: string
      url: string
      certificate: Buffer | null
      cost_type: Generated<CostType>
    }
    timestamping_service: {
      id: Generated<number>
      name: string
      url: string
      certificate: Buffer
      cost_type: Generated<CostType>
    }
    signing_key: {
      id: string
      certificate: Buffer
      is_active: number
      created_at: Time
      known_at: Time | null
      activated_at: Time | null
    }
    register_revision: { id: number; revision: number }
    publication: {
      configuration_index: number
      generated_at: Time
      expires_at: Time
      /** Until when contracts with an outage grace may use it; null when none in force grants one. */
      grace_until: Time | null
    }
    published_file: { path: string; configuration_index: number; content_type: string; digest: string }
    published_content: { digest: string; content: Buffer }
    proposal: ProposalTables['proposal']
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
      filed_at: Time
      decided_at: Time | null
      decided_by: string | null
      reason: string | null
      changes: string | null
    }
    management_request_proof: { request: number; signer: string; facts: string; message: Buffer }
    registration_document: { id: string; kept_until: string }
    member_webhook: { member: string; url: string }
    /** `grace_hours`: of the content, as `graceHoursOf` reads it. */
    contract_version: ContractRow & { grace_hours: Generated<number> }
    contract_party: {
      contract: Uuid
      version: number
      member: string
      subsystem: string
      role: 'provider' | 'consumer'
    }
    contract_seal: {
      sha256: string
      contract: Uuid
      version: number
      member: string
      /** JSON list of the subsystems for which a member joined; null for a seal of the whole contract. */
      subsystems: string | null
      facts: string
      message: Buffer
      sealed_at: Time
    }
    contract_event: {
      id: Generated<number>
      contract: Uuid
      version: number
      at: Time
      act: string
      by: string
      hash: string
      reason: string | null
    }
    hosting_mandate: Omit<HostingMandateRow, 'id'> & { id: Generated<number> }
    succession: Omit<SuccessionRow, 'id'> & { id: Generated<number> }
    member_mail_address: { member: string; address: string }
    automatic_approval: { kind: RequestKind; member_class: string }
    suspension: Omit<SuspensionRow, 'id' | 'escalations'> & {
      id: Generated<number>
      escalations: Generated<number>
    }
    suspension_list: { id: number; number: number; issued_at: string; expires_at: string; content: string }
    log_content: { digest: string; content: string }
    /** `reference` is the id of the audit record or event that the entry is about. */
    log_entry: {
      position: number
      form: string | null
      content: string | null
      kind: Generated<'configuration' | 'audit-log' | 'contract' | 'federation' | 'restoration' | 'identity'>
      reference: number | null
    }
    log_node: { level: number; position: number; hash: Buffer }
    restoration: Omit<RestorationRow, 'id'> & { id: Generated<number> }
  }
