/**
 * Guarantees that a TLS certificate belongs to a security server that the registry of a given instance names.
 * Checks its hash, its usage, the path to an approved CA, and fresh good OCSP responses for it and its
 * intermediates (pr-messtransp). A registry speaks for its own instance alone: it may publish whatever
 * certificates it likes, and nobody else's server becomes its own by that.
 */
import { hash } from 'node:crypto'
import type { Certificate } from '#core/certificate/certificate.ts'
import { verifyOcspResponse } from '#core/certificate/ocsp-response.ts'
import { isAuthenticationCertificate } from '#core/certificate/usage.ts'
import { validatePath } from '#core/certificate/validate-path.ts'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { Fault } from '#schemas/fault.ts'
import type { SecurityServerInfo } from '#schemas/global-configuration.ts'
import { checkServerNotSuspended } from '../global-configuration/check-suspended.ts'
import type { ConfigurationSnapshot } from '../global-configuration/global-configuration.ts'
import { checkNotRevoked, type Rely } from './relied-on.ts'
import { createVerdictCache } from './verdict-cache.ts'

/**
 * The server to which a certificate belongs. The verdict must be renewed at `validUntil` (ms) and with a new
 * configuration.
 */
type PeerVerdict = { server: SecurityServerInfo; path: Certificate[]; validUntil: number }

export type VerifyPeer = (q: {
  /** As presented in the handshake, the server's own certificate first. */
  presented: Certificate[]
  /**
   * Of the called service, or of the client that the peer speaks for: its registry alone has to name the
   * server.
   */
  instance: string
  ocspResponses: Buffer[]
  snapshot: ConfigurationSnapshot
  at: number
}) => PeerVerdict

/**
 * Makes the verifier. It caches verdicts by configuration version, certificate and OCSP responses. `rely`
 * hears of each that is good.
 */
export function createPeerVerifier(rely: Rely = () => undefined): VerifyPeer {
  const cache = createVerdictCache<PeerVerdict>(4096)
  /**
   * The last verdict by the chain of a connection: a peer sends the same responses with each message until it
   * has newer ones.
   */
  const last = new WeakMap<
    Certificate[],
    { version: string; ocspResponses: Buffer[]; verdict: PeerVerdict }
  >()
  return (question) => {
    const { presented, instance, ocspResponses, snapshot, at } = question
    const { version } = snapshot
    const before = last.get(presented)
    if (
      before?.version === version &&
      before.verdict.server.id.instance === instance &&
      at < before.verdict.validUntil &&
      sameBytes(before.ocspResponses, ocspResponses)
    )
      return before.verdict
    const status = hash('sha256', Buffer.concat(ocspResponses), 'base64')
    // The lengths belong to the key: the same bytes cut elsewhere are other responses.
    const cuts = ocspResponses.map((one) => one.length).join()
    const key = `${version} ${instance} ${presented[0]?.sha256} ${cuts} ${status}`
    let verdict = cache.get(key, at)
    if (verdict === undefined) {
      verdict = judge(question)
      rely(verdict.path.slice(0, -1), instance, verdict.validUntil)
      cache.set(key, verdict)
    }
    last.set(presented, { version, ocspResponses, verdict })
    return verdict
  }
}

function sameBytes(some: Buffer[], others: Buffer[]): boolean {
  return some.length === others.length && some.every((one, i) => one.equals(others[i]!))
}

function judge({ presented, instance, ocspResponses, snapshot, at }: Parameters<VerifyPeer>[0]): PeerVerdict {
  const { server, configuration } = registeredServer(presented[0], instance, snapshot)
  const path = authenticationPath(presented, configuration, at)
  let validUntil = Math.min(...path.map((certificate) => certificate.notAfter.getTime()))
  checkNotRevoked(path, instance, snapshot)
  for (const certificate of path.slice(0, -1)) {
    validUntil = Math.min(validUntil, freshUntil(certificate, path, ocspResponses, configuration, at))
  }
  return { server, path, validUntil }
}

/**
 * The server for which this instance's registry has this certificate. Throws `unknown_peer`, `suspended` when
 * the server or the certificate is suspended there, or `incorrect_validation_info` when the certificate is
 * revoked there.
 */
export function registeredServer(
  certificate: Certificate | undefined,
  instance: string,
  snapshot: ConfigurationSnapshot,
): { server: SecurityServerInfo; configuration: ConfigurationIndex } {
  const configuration = snapshot.indexFor(instance)
  const server = certificate && configuration?.serverByAuthCert(Buffer.from(certificate.sha256, 'hex'))
  if (server === undefined) throw new Fault('unknown_peer')
  checkServerNotSuspended(server.id, snapshot, certificate!.sha256)
  checkNotRevoked([certificate!], instance, snapshot)
  return { server, configuration: configuration! }
}

/**
 * The instances whose registries have this certificate of a server, in no order that means anything: mostly
 * one. Of several only what the peer says next can tell which is meant. Throws as `registeredServer` when
 * there is none.
 */
export function instancesOf(
  certificate: Certificate | undefined,
  snapshot: ConfigurationSnapshot,
): [string, ...string[]] {
  let refusal: unknown
  const found = snapshot.indexes().flatMap(({ instance }) => {
    try {
      registeredServer(certificate, instance, snapshot)
      return [instance]
    } catch (cause) {
      if (!(cause instanceof Fault)) throw cause
      if (refusal === undefined || cause.code !== 'unknown_peer') refusal = cause
      return []
    }
  })
  const [first, ...others] = found
  if (first === undefined) throw refusal
  return [first, ...others]
}

/**
 * The path from an authentication certificate to an approved CA, the certificate first. Throws
 * `incorrect_certificate` for other certificates, and what `validatePath` throws when the path is not valid
 * at `at`.
 */
export function authenticationPath(
  presented: Certificate[],
  configuration: ConfigurationIndex,
  at: number,
): Certificate[] {
  const certificate = presented[0]!
  if (!isAuthenticationCertificate(certificate)) {
    throw new Fault('incorrect_certificate', { what: 'it is not an authentication certificate' })
  }
  const { anchors, intermediates } = configuration.caCertificates()
  return validatePath({
    certificate,
    intermediates: [...presented.slice(1, 5), ...intermediates],
    anchors,
    at: new Date(at),
    purpose: 'authentication',
  })
}

/**
 * The time (ms) until which one of the responses proves that `certificate` of `path` is good. Throws
 * `incorrect_validation_info` when none does.
 */
function freshUntil(
  certificate: Certificate,
  path: Certificate[],
  responses: Buffer[],
  configuration: ConfigurationIndex,
  at: number,
): number {
  const issuer = path[path.indexOf(certificate) + 1]!
  const responders = configuration.caOf(certificate)?.responders ?? []
  let refusal: unknown
  for (const response of responses) {
    try {
      const question = { response, certificate, issuer, responders, at: new Date(at) }
      return verifyOcspResponse({
        ...question,
        freshnessSeconds: configuration.ocspFreshnessSeconds,
      }).validUntil.getTime()
    } catch (cause) {
      refusal ??= cause
    }
  }
  throw new Fault('incorrect_validation_info', {
    what: 'no OCSP response proves an authentication certificate',
    cause: refusal,
  })
}
