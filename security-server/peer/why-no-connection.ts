/**
 * Says in words why a connection failed. Other organisations read these faults, so the words contain no
 * address and no text of the other side.
 */

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  EHOSTUNREACH: 'there is no way to its address',
  ENETUNREACH: 'there is no way to its address',
  ETIMEDOUT: 'it did not answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'it did not answer in time',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'it does not speak TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'no TLS version in common',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'no TLS version in common',
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: 'no TLS version in common',
}

const NOT_TRUSTED = 'its certificate was issued by nobody who is trusted for the service'

/**
 * Words for Node's error codes when a certificate does not verify (OpenSSL's X509_V_ERR, and the host name
 * check).
 */
const CERTIFICATE_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has run out',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed and not registered for the service',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate names another host',
  HOSTNAME_MISMATCH: 'its certificate names another host',
  INVALID_PURPOSE: 'its certificate is not for servers',
  INVALID_CA: 'its certificate was issued by what is no CA',
  CERT_REJECTED: 'its certificate is rejected',
  CERT_UNTRUSTED: NOT_TRUSTED,
  CERT_CHAIN_TOO_LONG: NOT_TRUSTED,
  PATH_LENGTH_EXCEEDED: NOT_TRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: NOT_TRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_TRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_TRUSTED,
}

export function whyNoConnection(cause: unknown): string {
  const code = codeOf(cause)
  if (WORDS[code] !== undefined) return WORDS[code]
  return code.startsWith('ERR_SSL_') ? 'no TLS with it came about' : 'no connection'
}

/** Why the other side's certificate does not verify; undefined when the failure has another reason. */
export function whyUntrusted(cause: unknown): string | undefined {
  return CERTIFICATE_WORDS[codeOf(cause)]
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
