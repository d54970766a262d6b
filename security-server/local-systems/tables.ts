/** The rows of this room, in the column types that both databases have: texts, integers, blobs. */
import type { Generated } from 'kysely'
import type { Time, Whole } from '#schemas/sent-values.ts'

export type ClientRow = {
  id: string
  authentication_mode: string
  created_at: Time
  /** As `Standing` in client-status.ts has them. */
  standing: Generated<string>
  asked: Generated<string>
  asked_request: Generated<Whole>
}

export type ClientCertificateRow = {
  client: string
  /** The SHA-256 of `der` in lower-case hex. */
  sha256: string
  der: Buffer
  not_before: string
  not_after: Time
}

export type ServiceDescriptionRow = {
  id: Generated<Whole>
  client: string
  type: string
  /**
   * REST: the base address of the service. Else the URL from which the document was read, '' when it was
   * uploaded.
   */
  url: string
  disabled_notice: string
  /** 1 when disabled. */
  disabled: Whole
  /**
   * The OpenAPI or WSDL document as it was read, '' for REST. A WSDL has in it what it imports from its own
   * origin.
   */
  document: string
  /** JSON: address and SHA-256 of each document that was put into it. */
  parts: Generated<string>
  /** The same document without server addresses, as clients get it. */
  published: string
  updated_at: Time
}

export type ServiceRow = {
  id: Generated<Whole>
  description: Whole
  client: string
  /** The service code; of a SOAP service that has a version `code/version`: no code has a slash. */
  code: string
  url: string
  timeout_ms: Whole
  /** 0: no bound. */
  max_concurrent_calls: Generated<Whole>
  verify_tls: Whole
  /** NONE, REQUESTS or ALL. */
  validate: Generated<string>
  allow_encoded_slash: Whole
}

type ServiceCertificateRow = { service: Whole; sha256: string; der: Buffer }

export type EndpointRow = {
  id: Generated<Whole>
  service: Whole
  method: string
  path: string
  /**
   * One of ORIGIN: 1 for the whole service (method *, path **), 2 for an endpoint of an OpenAPI document, 0
   * for one added by hand.
   */
  origin: Whole
}

export type AccessRightRow = {
  id: Generated<Whole>
  endpoint: Whole
  subject_type: string
  /** The id of a subsystem, or the code of a group. */
  subject: string
  created_at: Time
}

export type LocalGroupRow = { id: Generated<Whole>; client: string; code: string; description: string }

type LocalGroupMemberRow = { local_group: Whole; member: string }

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
  local_change: { id: Whole; counter: Whole }
}

export const ORIGIN = { added: 0, base: 1, document: 2 } as const
