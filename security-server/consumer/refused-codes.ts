/**
 * Which faults of a peer say that it did not call its system. X-Road says it in no other way than by the
 * code, so only codes are listed that its server gives before the call and never after it (pr-messtransp);
 * all else leaves the outcome open. Ours gives none of them after the call (provider/refuse.ts). What
 * X-Road's cannot read of its system's reply has `service_failed` before its code. The package for clients
 * has the same list (adapters/client/carried-out.ts); a test names what differs.
 */

export const BEFORE_THE_CALL: ReadonlySet<string> = new Set([
  'access_denied',
  'client_proxy_version_not_supported',
  'consent_ended',
  'consent_missing',
  'consent_unknown',
  'consent_unproven',
  'consent_used_up',
  'contract_ended',
  'contract_quota_unknown',
  'contract_quota_used_up',
  'contract_required',
  'contract_suspended',
  'contract_unreadable',
  'contracts_outdated',
  'delivery_discarded',
  'delivery_key_missing',
  'duplicate_header_field',
  'inbox_full',
  'invalid_client_identifier',
  'invalid_hash_chain',
  'invalid_message',
  'invalid_path',
  'invalid_reference',
  'invalid_security_server',
  'invalid_signature_value',
  'maintenance_mode',
  'mandate_service_unavailable',
  'malformed_hash_chain',
  'malformed_signature',
  'mime_parsing_failed',
  'missing_header',
  'missing_header_field',
  'missing_rest',
  'missing_signature',
  'not_as_described',
  'outside_contract',
  'preview_elsewhere',
  'preview_unknown',
  'preview_void',
  'preview_waiting',
  'representation_refused',
  'service_busy',
  'service_disabled',
  'service_type',
  'signature_verification',
  'ssl_authentication_failed',
  'stale_request',
  'suspended',
  'tls_profile_not_allowed',
  'too_many_requests',
  'uncovered_part',
  'unknown_member',
  'unknown_peer',
  'unknown_service',
])

/** `type` as it came: "server.serverproxy.access_denied", in any case, with further codes nested behind. */
export function saysNotCalled(type: string): boolean {
  const [, code] = /^server\.serverproxy\.([a-z_]+)(?:\.|$)/.exec(type.toLowerCase()) ?? []
  return code !== undefined && BEFORE_THE_CALL.has(code)
}

/** A replay is refused because the request itself was taken: its outcome is the first one's. */
export function saysReplayed(type: string): boolean {
  return /(?:^|\.)replayed_request$/i.test(type)
}
