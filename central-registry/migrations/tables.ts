/** Row types of the registry's tables, one to one with the migrations. Flags are 0 or 1; `_at` columns are ISO texts. */
import type { Generated } from 'kysely'
import type { RequestKind, RequestState } from '#schemas/management-request.ts'

export type Tables = {
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
  authentication_certificate: { sha256: string; server: string; certificate: Buffer; created_at: string }
  server_client: { server: string; client: string; is_disabled: Generated<number> }
  certification_service: {
    id: Generated<number>
    name: string
    profile: string
    authentication_only: number
    created_at: string
  }
  certification_authority: { sha256: string; service: number; is_top: number; certificate: Buffer }
  ocsp_responder: { id: Generated<number>; authority: string; url: string; certificate: Buffer | null }
  timestamping_service: { id: Generated<number>; name: string; url: string; certificate: Buffer }
  signing_key: { id: string; certificate: Buffer; is_active: number; created_at: string }
  publication: { configuration_index: number; generated_at: string; expires_at: string }
  published_file: { path: string; configuration_index: number; content_type: string; digest: string }
  published_content: { digest: string; content: Buffer }
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
  automatic_approval: { kind: RequestKind; member_class: string }
}
