/** The rows of this room, in the SQL subset of platform/database: texts, integers, blobs. */
import type { Generated } from 'kysely'

export type ClientRow = { id: string; authentication_mode: string; created_at: string }

export type ClientCertificateRow = {
  client: string
  /** Lower hex of the SHA-256 of `der`. */
  sha256: string
  der: Buffer
  not_before: string
  not_after: string
}

export type ServiceDescriptionRow = {
  id: Generated<number>
  client: string
  type: string
  /** The service's base address for REST; where the document was read from for OPENAPI, '' when it was uploaded. */
  url: string
  disabled_notice: string
  /** 1 when switched off. */
  disabled: number
  /** The OpenAPI document as it was read, '' for REST. */
  document: string
  /** The same without server addresses: what clients get. */
  published: string
  updated_at: string
}

export type ServiceRow = {
  id: Generated<number>
  description: number
  client: string
  code: string
  url: string
  timeout_ms: number
  verify_tls: number
  allow_encoded_slash: number
}

type ServiceCertificateRow = { service: number; sha256: string; der: Buffer }

export type EndpointRow = {
  id: Generated<number>
  service: number
  method: string
  path: string
  /** 1 for the service itself (method *, path **), 2 for one read from an OpenAPI document, 0 for one added by hand. */
  origin: number
}

export type AccessRightRow = {
  id: Generated<number>
  endpoint: number
  subject_type: string
  /** The id of a subsystem, or the code of a group. */
  subject: string
  created_at: string
}

export type LocalGroupRow = { id: Generated<number>; client: string; code: string; description: string }

type LocalGroupMemberRow = { local_group: number; member: string }

export type Tables = {
  local_client: ClientRow
  local_client_certificate: ClientCertificateRow
  service_description: ServiceDescriptionRow
  service: ServiceRow
  service_certificate: ServiceCertificateRow
  endpoint: EndpointRow
  access_right: AccessRightRow
  local_group: LocalGroupRow
  local_group_member: LocalGroupMemberRow
  local_change: { id: number; counter: number }
}

/** Origins of endpoints. */
export const ORIGIN = { added: 0, base: 1, document: 2 } as const
