/**
 * Whether a fault of a security server leaves open that the provider carried out the request. Guarantees "no"
 * only for codes that Concordat and X-Road give before the provider's system is called and at no other time.
 */

/**
 * Of a fault's own kinds, those whose text is true after the call too; a test holds this list equal to the
 * catalogue of faults.
 */
export const AFTER_THE_CALL: ReadonlySet<string> = new Set([
  'connection_lost',
  'peer_timeout',
  'http_error',
  'inconsistent_response',
  'stale_reply',
  'reply_too_large',
  'reply_not_logged',
  'reply_not_made',
  'reply_not_accepted',
  'service_failed',
  'service_timeout',
  'peer_fault',
  'invalid_message',
  'mime_parsing_failed',
  'missing_rest',
  'missing_signature',
  'malformed_signature',
  'malformed_signature.invalid_hash_chain_ref',
  'malformed_signature.hashchain_unused_inputs',
  'malformed_signature.invalid_hash_chain',
  'malformed_hash_chain',
  'invalid_signature_value',
  'invalid_reference',
  'uncovered_part',
  'signature_verification',
  'incorrect_certificate',
  'cert_validation',
  'invalid_cert_path',
  'incorrect_validation_info',
  'preview_impossible',
  'preview_required',
  'preview_stopped',
  'replayed_request',
  'internal_error',
])

/**
 * What X-Road's own half refuses before it sends; all its other codes there can be about the reply (a
 * SocketException, say).
 */
const BEFORE_SENDING: ReadonlySet<string> = plain([
  'duplicate_header_field',
  'invalid_client_identifier',
  'invalid_http_method',
  'invalid_path',
  'invalid_security_server',
  'maintenance_mode',
  'missing_header',
  'ssl_authentication_failed',
  'unknown_member',
])

/**
 * What the provider's half refuses before it calls its system, in Concordat and in X-Road. What it says of a
 * request that it cannot read or verify is among it: of its system's reply X-Road's says
 * `service_failed.invalid_message`, and Concordat's `reply_not_made`.
 */
export const BEFORE_THE_CALL: ReadonlySet<string> = plain([
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
  'event_type_full',
  'inbox_full',
  'invalid_client_identifier',
  'invalid_hash_chain',
  'invalid_message',
  'invalid_path',
  'invalid_reference',
  'invalid_security_server',
  'invalid_signature_value',
  'maintenance_mode',
  'malformed_hash_chain',
  'malformed_signature',
  'mandate_service_unavailable',
  'mime_parsing_failed',
  'missing_header',
  'missing_header_field',
  'missing_rest',
  'missing_signature',
  'not_as_described',
  'outbox_full',
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

/**
 * `code` as it came, in any case: "server.clientproxy.network_error", or "Server.ClientProxy.NetworkError" of
 * an older X-Road.
 */
export function mayHaveBeenCarriedOut(code: string, status: number): boolean {
  const [, prefix = '', kind = ''] =
    /^(client|server\.clientproxy|server\.serverproxy)\.(.+)$/.exec(code.toLowerCase()) ?? []
  // With another status it is a peer's word, passed on.
  if (prefix === 'client') return status > 499 || AFTER_THE_CALL.has(kind)
  const [first = ''] = kind.replaceAll('_', '').split('.')
  if (prefix === 'server.serverproxy') return !BEFORE_THE_CALL.has(first)
  if (prefix !== 'server.clientproxy') return true
  // X-Road answers 500 to every fault of a server. Another status is Concordat's, whose codes say when they
  // are given.
  if (status > 500) return AFTER_THE_CALL.has(kind)
  return !BEFORE_SENDING.has(first)
}

/** Older X-Road writes the codes without underscores. */
function plain(codes: string[]): ReadonlySet<string> {
  return new Set(codes.map((code) => code.replaceAll('_', '')))
}
