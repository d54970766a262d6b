/** Faults of a request and of the way to the service: headers, identifiers, rights, the other server. */
import type { FaultEntry } from './entry.ts'

export const exchangeFaults = {
  invalid_request: {
    status: 400,
    blame: 'client',
    text: 'The request is not well formed',
    remedy: 'Correct the request and send it again',
  },
  invalid_http_method: {
    status: 400,
    blame: 'client',
    text: 'This HTTP method is not supported',
    remedy: 'Use DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT or TRACE',
  },
  invalid_path: {
    status: 400,
    blame: 'client',
    text: 'The path has no single meaning',
    remedy: 'Send a path without dot segments, empty segments, backslashes or encoded control characters',
  },
  missing_header: {
    status: 400,
    blame: 'client',
    text: 'A required header is missing',
    remedy: 'Add the header and send the request again',
  },
  duplicate_header_field: {
    status: 400,
    blame: 'client',
    text: 'A header that must stand once is repeated',
    remedy: 'Send it once',
  },
  invalid_header: {
    status: 400,
    blame: 'client',
    text: 'A header value is not allowed',
    remedy: 'Correct the header and send the request again',
  },
  invalid_client_identifier: {
    status: 400,
    blame: 'client',
    text: 'An identifier is malformed',
    remedy: 'Write it as percent-encoded segments joined by slashes',
  },
  invalid_content_type: {
    status: 400,
    blame: 'client',
    text: 'The content type is not accepted here',
    remedy: 'Send one of the content types that the protocol names',
  },
  invalid_soap_action: {
    status: 400,
    blame: 'client',
    text: 'The SOAPAction header is not a quoted URI',
    remedy: 'Send an empty or a quoted value',
  },
  invalid_protocol_version: {
    status: 400,
    blame: 'client',
    text: 'The message protocol version is not supported',
    remedy: 'Use protocol version 4.0',
  },
  body_too_large: {
    status: 413,
    blame: 'client',
    text: 'The body is larger than this server accepts',
    remedy: 'Send a smaller body or ask the operator to raise the limit',
  },
  invalid_event: {
    status: 400,
    blame: 'client',
    text: 'The message is not a valid CloudEvent of version 1.0',
    remedy: 'Correct the event and send it again',
  },
  invalid_event_signature: {
    status: 400,
    blame: 'client',
    text: 'The signature of the event (dssematerial) does not hold',
    remedy: 'Do not use the event, and ask its producer for one that is signed as agreed',
  },
  invalid_filter: {
    status: 400,
    blame: 'client',
    text: 'The filter of events is not valid',
    remedy: 'Correct the filter at the place that the text names and send it again',
  },
  headers_too_large: {
    status: 431,
    blame: 'client',
    text: 'The headers are larger than this server accepts',
    remedy: 'Send fewer or shorter headers',
  },
  too_many_requests: {
    status: 429,
    blame: 'client',
    text: 'The share of requests is used up',
    remedy: 'Wait for the time in Retry-After and send again',
  },
  unknown_member: {
    status: 400,
    blame: 'client',
    text: 'The member or subsystem is not registered or not served here',
    remedy: 'Check the identifier; ask the registry administrator whether it is registered',
  },
  unknown_service: {
    status: 400,
    blame: 'client',
    text: 'The service does not exist',
    remedy: 'Check the service code; ask the provider with listMethods what it offers',
  },
  ssl_authentication_failed: {
    status: 400,
    blame: 'client',
    text: 'The client system did not prove its identity',
    remedy: 'Connect by TLS with a certificate that is registered for this subsystem',
  },
  access_denied: {
    status: 400,
    blame: 'client',
    text: 'The client has no right to call this service',
    remedy: 'Ask the provider for an access right for this subsystem, method and path',
  },
  contract_required: {
    status: 400,
    blame: 'client',
    text: 'No service contract covers this call',
    remedy: 'Propose a contract for this subsystem, service, method and path, or wait until it begins',
  },
  outside_contract: {
    status: 400,
    blame: 'client',
    text: 'The request has what its service contract does not name',
    remedy: 'Leave it out, or propose a version of the contract that names these fields of the request',
  },
  representation_refused: {
    status: 403,
    blame: 'client',
    text: 'Nobody may be represented in this call as the request says, and nothing was carried out',
    remedy:
      'Leave out X-Road-Represented-Party (in SOAP representedParty), or have the mandate granted for which the service contract asks',
  },
  mandate_service_unavailable: {
    status: 503,
    blame: 'server',
    text: 'The mandate service that the service contract names gave no usable answer, and nothing was carried out',
    remedy:
      "Try again; the operator of the provider's security server has to look at that service, and at mandateServices in its settings",
  },
  consent_missing: {
    status: 403,
    blame: 'client',
    text: 'The service contract wants the consent of the person whom the call is about, and there is none; nothing was carried out',
    remedy:
      "Ask the person for it: the service consents of the provider's subsystem takes requests for consent",
  },
  consent_ended: {
    status: 403,
    blame: 'client',
    text: 'The consent of the person whom the call is about has ended, and nothing was carried out',
    remedy:
      "Ask the person anew: the service consents of the provider's subsystem takes requests for consent",
  },
  consent_used_up: {
    status: 403,
    blame: 'client',
    text: 'The consent of the person whom the call is about allows no more calls, and nothing was carried out',
    remedy: 'Ask the person for another consent, or send again after the time that is named here',
  },
  consent_unknown: {
    status: 503,
    blame: 'server',
    text: 'Whether the person whom the call is about has agreed could not be found out, and nothing was carried out',
    remedy:
      "Try again; the operator of the provider's security server has to look at its database and at its health",
  },
  consent_unproven: {
    status: 403,
    blame: 'client',
    text: 'What the wallet presented does not prove this consent, and no consent was kept',
    remedy: 'Let the person present again, by a new request of the portal for exactly this consent',
  },
  not_as_described: {
    status: 400,
    blame: 'client',
    text: "The request is not as the service's description says",
    remedy: "Correct the request by the provider's OpenAPI or WSDL document (getOpenAPI, getWsdl)",
  },
  contract_suspended: {
    status: 400,
    blame: 'client',
    text: 'The service contract that covers this call is suspended',
    remedy: 'Ask the registry administrator why; the security server shows the reason',
  },
  contract_unreadable: {
    status: 503,
    blame: 'server',
    text: 'The service contract that covers this call says what this security server cannot read, and nothing was carried out',
    remedy: 'The operator has to update the security server to a version that knows the contract',
  },
  contract_ended: {
    status: 400,
    blame: 'client',
    text: 'The service contract that covered this call has ended',
    remedy: 'Agree on a new version with the other side',
  },
  contracts_outdated: {
    status: 503,
    blame: 'server',
    text: 'The state of the service contracts could not be learned for too long',
    remedy: "The operator has to restore the connection to the registry's registration listener",
  },
  contract_quota_used_up: {
    status: 429,
    blame: 'client',
    text: 'The quota of the service contract is used up, and nothing was carried out',
    remedy:
      'Send again after the time that is named here; agree on a new version of the contract if it is too low',
  },
  contract_quota_unknown: {
    status: 503,
    blame: 'server',
    text: 'What is left of the quota of the service contract cannot be learned, and nothing was carried out',
    remedy: "Try again; the operator of the provider's security server has to look at its database",
  },
  service_busy: {
    status: 503,
    blame: 'server',
    text: "The provider's system has as many calls as it takes at once, and nothing was carried out",
    remedy: 'Send again after the time in Retry-After, with fewer requests at once',
  },
  service_disabled: {
    status: 400,
    blame: 'client',
    text: 'The provider has switched this service off',
    remedy: 'Try later; the notice says when',
  },
  service_type: {
    status: 400,
    blame: 'client',
    text: 'The service is of another type',
    remedy: 'Call it in the protocol that it is registered for',
  },
  invalid_security_server: {
    status: 400,
    blame: 'client',
    text: 'The named security server does not serve this provider',
    remedy: 'Leave X-Road-Security-Server out or name a server of the provider',
  },
  unknown_server: {
    status: 400,
    blame: 'client',
    text: 'No security server serves this provider',
    remedy: 'Ask the provider whether its subsystem is registered on a server',
  },
  maintenance_mode: {
    status: 503,
    blame: 'server',
    text: "The provider's security server is in maintenance",
    remedy: 'Try again when the maintenance is over',
  },
  service_missing_url: {
    status: 400,
    blame: 'server',
    text: 'The service has no address',
    remedy: 'The provider has to set the service URL',
  },
  service_malformed_url: {
    status: 400,
    blame: 'server',
    text: 'The address of the service is not allowed',
    remedy: 'The provider has to correct the service URL',
  },
  service_failed: {
    given: 'either',
    status: 500,
    blame: 'server',
    text: "The provider's system did not answer as it should",
    remedy: 'Tell the provider; the detail id is in its log',
  },
  service_certificate_untrusted: {
    status: 500,
    blame: 'server',
    text: "The certificate that the provider's system presents is not trusted",
    remedy:
      'The provider has to register the certificate of the system, or of its CA, for the service, or to renew it',
  },
  service_timeout: {
    given: 'either',
    status: 504,
    blame: 'server',
    text: "The provider's system did not answer in time",
    remedy: 'Tell the provider; whether the request was carried out is not known',
  },
  network_error: {
    status: 502,
    blame: 'server',
    text: 'The other security server cannot be reached',
    remedy: "Try again; if it persists ask the provider's operator",
  },
  connection_lost: {
    given: 'after',
    status: 502,
    blame: 'server',
    text: 'The connection broke after the request had left',
    remedy: 'Whether the request was carried out is not known: ask the provider before you repeat it',
  },
  peer_timeout: {
    given: 'after',
    status: 504,
    blame: 'server',
    text: 'The other security server did not answer in time',
    remedy: 'Whether the request was carried out is not known: ask the provider before you repeat it',
  },
  tls_failed: {
    status: 502,
    blame: 'server',
    text: 'The other security server was reached, but no TLS connection with it came about',
    remedy:
      'If it is an X-Road security server, the operator of this one has to name it in peers.xroadTlsPeers; otherwise tell both operators',
  },
  http_error: {
    given: 'after',
    status: 502,
    blame: 'server',
    text: 'What answered in the place of the other security server gave no message',
    remedy:
      'Whether the request was carried out is not known: tell both operators; a device between the servers, or the proxy of an X-Road server, may have answered',
  },
  peer_fault: {
    given: 'either',
    status: 500,
    blame: 'server',
    text: 'The other security server answered with a fault',
    remedy: 'Read the code and the text that it gave',
  },
  suspended: {
    status: 403,
    blame: 'client',
    text: 'This party of the exchange is suspended in the instance',
    remedy: 'Ask the operator of the central registry; exchange goes on when the suspension is lifted',
  },
} satisfies Record<string, FaultEntry>
