/**
 * Opens connections to our own provider systems. Guarantees that none leads to an address where no service
 * may lie or back to this server, whatever its name resolves to, and that TLS is verified as the service
 * says. Failures carry the mark NotSent: no byte of a request was written.
 */
import { X509Certificate } from 'node:crypto'
import { isIP, type LookupFunction } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { buildConnector } from 'undici'
import { Fault } from '#schemas/fault.ts'
import type { TlsIdentity } from '../keys/keys.ts'
import { type OwnListener, whyNoService } from '../local-systems/check-address.ts'
import { guardedLookup } from '../local-systems/guarded-lookup.ts'
import { NotSent } from '../peer/not-sent.ts'
import { tlsCredentials } from '../peer/tls-profile.ts'
import { whyNoConnection, whyUntrusted } from '../peer/why-no-connection.ts'

/**
 * What a connection to a service has to be; the system's CAs decide when no certificates (PEM) are
 * registered.
 */
export function connectionOptions(q: {
  connectTimeoutMs: number
  verifyTls: boolean
  trustedCertificates: readonly string[]
  /** What we present to a system that asks who calls. */
  identity: TlsIdentity | undefined
}): buildConnector.BuildOptions {
  return {
    timeout: q.connectTimeoutMs,
    rejectUnauthorized: q.verifyTls,
    maxCachedSessions: 0,
    allowH2: false,
    ...(q.identity === undefined ? {} : tlsCredentials(q.identity)),
    ...(q.trustedCertificates.length === 0 ? {} : trustOnly(q.trustedCertificates)),
  }
}

/**
 * A connector that opens connections only to where a service may lie; `own` are our listeners. The address is
 * judged before anything is sent to it: whether a port is open there is nobody's business.
 */
export function guarded(
  connectBy: (lookup: LookupFunction) => buildConnector.connector,
  own: readonly OwnListener[],
): buildConnector.connector {
  return (options, callback) => {
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
    const address = options.hostname.replace(/^\[|\]$/g, '')
    // An address is not looked up.
    const why = isIP(address) === 0 ? undefined : whyNoService({ address, port }, own)
    if (why !== undefined) return callback(notSent(new Fault('service_malformed_url', { what: why })), null)
    connectBy(guardedLookup(port, own))(options, (error, socket) => {
      // A failed handshake comes with no socket at all, neither null as the types say.
      if (error !== null || !socket) return callback(notSent(error), null)
      const refusal = refusalOf(socket, own)
      if (refusal === null) return callback(null, socket)
      socket.destroy()
      callback(notSent(refusal), null)
    })
  }
}

/**
 * The registered certificates, each trusted by itself: one of them is the service's, whatever host it names,
 * or issued it.
 */
function trustOnly(certificates: readonly string[]): object {
  const known = new Set(certificates.map((pem) => new X509Certificate(pem).fingerprint256))
  return {
    ca: [...certificates],
    allowPartialTrustChain: true,
    checkServerIdentity: (host: string, certificate: PeerCertificate) =>
      known.has(certificate.fingerprint256) ? undefined : checkServerIdentity(host, certificate),
  }
}

function refusalOf(
  { remoteAddress, remotePort }: { remoteAddress?: string | undefined; remotePort?: number | undefined },
  own: readonly OwnListener[],
): Fault | null {
  if (remoteAddress === undefined || remotePort === undefined)
    return new Fault('service_failed', { what: 'the connection did not last' })
  const why = whyNoService({ address: remoteAddress, port: remotePort }, own)
  return why === undefined ? null : new Fault('service_malformed_url', { what: why })
}

function notSent(reason: unknown): NotSent {
  if (reason instanceof Fault) return new NotSent(reason)
  const untrusted = whyUntrusted(reason)
  if (untrusted !== undefined)
    return new NotSent(new Fault('service_certificate_untrusted', { what: untrusted, cause: reason }))
  return new NotSent(
    new Fault('service_failed', {
      what: `no connection to the system: ${whyNoConnection(reason)}`,
      cause: reason,
    }),
  )
}
