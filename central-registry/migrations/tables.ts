/** Row types of the registry's tables, one to one with the migrations. Flags are 0 or 1; `_at` columns are ISO texts. */
import type { Generated } from 'kysely'

export type Tables = {
  system_parameter: { name: string; value: string }
  member_class: { code: string; description: string }
  member: { id: string; member_class: string; name: string; created_at: string }
  subsystem: { id: string; member: string; name: string; created_at: string }
  global_group: { code: string; description: string }
  global_group_member: { group_code: string; client: string }
  security_server: { id: string; owner: string; address: string; created_at: string }
  authentication_certificate: {
    sha256: string
    server: string
    certificate: Buffer
    created_at: string
    not_after: string
  }
  server_client: { server: string; client: string }
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
}
