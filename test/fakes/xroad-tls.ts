/**
 * Loaded before a security server (`node --import`). When the process would use the TLS profile for X-Road's
 * servers, it gets exactly what an X-Road server has: TLS 1.2 and three suites. So it represents an X-Road
 * server on the wire.
 */
import tls from 'node:tls'

const XROAD_SUITES = ['ECDHE-RSA-AES256-SHA384', 'DHE-RSA-AES256-SHA256', 'ECDHE-ECDSA-AES256-SHA384']

const { createSecureContext } = tls
tls.createSecureContext = (options = {}) => {
  const offered = options.ciphers?.split(':') ?? []
  if (!XROAD_SUITES.every((suite) => offered.includes(suite))) return createSecureContext(options)
  return createSecureContext({ ...options, maxVersion: 'TLSv1.2', ciphers: XROAD_SUITES.join(':') })
}
