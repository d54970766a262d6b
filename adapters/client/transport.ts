/**
 * One request to the own security server over HTTP/1.1. Guarantees that nothing is sent before the server has
 * proved by a certificate that was given who it is, that a request is sent once, that redirects are not
 * followed and no proxy of the environment is used, and that an error says whether a byte may have left.
 * node:https is the same code in Node, Deno and Bun.
 */
import { X509Certificate } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls'
import { ExchangeError } from './exchange-error.ts'
import type { RequestBody } from './request-body.ts'
import type { HeaderPair } from './request-headers.ts'

/** PEM. A private key stays in this process. */
export type TlsOptions = {
  /**
   * The certificate of the own system, which is registered at the security server, with any intermediates.
   */
  certificate?: string
  key?: string
  /** The security server's own certificate, or that of the authority that issued it. No other is trusted. */
  trusted: string | readonly string[]
}

export type Transport = {
  send(q: {
    method: string
    target: string
    headers: HeaderPair[]
    content: RequestBody['content']
    /** Ends the call, its answer's body included. */
    signal: AbortSignal
  }): Promise<http.IncomingMessage>
  close(): void
}

const MAX_HEADER_BYTES = 64 * 1024
/** Shorter than servers keep idle connections, so that none is taken that they are about to close. */
const IDLE_MS = 4000
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g
/** What a failed check of the server's certificate is called: OpenSSL's reasons and Node's own. */
const UNTRUSTED = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|ALTNAME|CRL/

export function createTransport(q: {
  url: string
  tls: TlsOptions | undefined
  connectTimeoutMs: number
}): Transport {
  const url = originOf(q.url)
  const isTls = url.protocol === 'https:'
  // Deno sends a request a second time when a kept connection breaks.
  const pool = { keepAlive: !('Deno' in globalThis), timeout: IDLE_MS }
  const agent = isTls ? new https.Agent({ ...pool, ...tlsSettings(q.tls) }) : new http.Agent(pool)
  const begin = (options: https.RequestOptions): http.ClientRequest => {
    try {
      return (isTls ? https : http).request(options)
    } catch (cause) {
      throw refused('the request cannot be made', cause)
    }
  }
  return {
    async send({ method, target, headers, content, signal }) {
      if (signal.aborted) throw endedBy(signal, false)
      const request = begin({
        ...{ hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || (isTls ? 443 : 80), agent },
        ...{ method, path: target, maxHeaderSize: MAX_HEADER_BYTES, signal },
        headers: Object.fromEntries([
          ...headers,
          ...(content instanceof Uint8Array ? [['Content-Length', String(content.length)]] : []),
        ]) as http.OutgoingHttpHeaders,
      })
      const connection = watchConnection(request, isTls, q.connectTimeoutMs)
      const answered = answerOf(request)
      try {
        return await Promise.race([answered, sendBody(request, content).then(() => answered)])
      } catch (cause) {
        request.destroy()
        throw failureOf(cause, signal, connection)
      } finally {
        connection.settle()
      }
    },
    close: () => agent.destroy(),
  }
}

/** A bare origin: an address with a path or a password in it was meant for something else. */
function originOf(text: string): URL {
  const url = URL.parse(text)
  if (url === null || `${url.origin}/` !== url.href)
    throw refused('url has to be https://host:port of the security server, without a path')
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))) return url
  throw refused('url has to begin with https:, or be on this machine')
}

function tlsSettings(tls: TlsOptions | undefined): https.AgentOptions {
  const { certificate, key, trusted = [] } = tls ?? {}
  const pems = [trusted].flat().flatMap((text) => text.match(PEM) ?? [])
  if (pems.length === 0) throw refused('tls.trusted holds no certificate')
  if ((certificate === undefined) !== (key === undefined))
    throw refused('tls.certificate and tls.key go together')
  try {
    createSecureContext({ cert: certificate, key })
    const pinned = new Set(pems.map((pem) => new X509Certificate(pem).fingerprint256))
    return {
      ...{ cert: certificate, key, ca: pems, minVersion: 'TLSv1.2', rejectUnauthorized: true },
      // Each is trusted by itself, also one that another authority issued. Deno does not know this: give it
      // the authority's.
      allowPartialTrustChain: true,
      // The security server's own certificate is it, whatever host it names; X-Road's installer names its
      // machine.
      checkServerIdentity: (host: string, peer: PeerCertificate) =>
        pinned.has(peer.fingerprint256) ? undefined : checkServerIdentity(host, peer),
    }
  } catch (cause) {
    throw refused('a certificate or the key of tls is malformed, or they do not belong together', cause)
  }
}

type Connection = { stood: boolean; late: boolean; settle(): void }

/** Until a connection stands no byte of a request has left. */
function watchConnection(request: http.ClientRequest, isTls: boolean, timeoutMs: number): Connection {
  const timer = setTimeout(() => {
    connection.late = true
    request.destroy(new Error('no connection in time'))
  }, timeoutMs)
  const connection = { stood: false, late: false, settle: () => clearTimeout(timer) }
  const stands = (): void => {
    connection.stood = true
    clearTimeout(timer)
  }
  request.once('socket', (socket) => {
    if (request.reusedSocket || !socket.connecting) stands()
    else socket.once(isTls ? 'secureConnect' : 'connect', stands)
  })
  return connection
}

function answerOf(request: http.ClientRequest): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  request.once('response', resolve)
  // To the end: what fails once an answer came must not end the process.
  request.on('error', reject)
  // Anything else than an answer, such as another protocol's.
  request.once('upgrade', (_, socket) => {
    socket.destroy()
    reject(
      new ExchangeError('not_an_answer', { what: 'it changes the protocol', mayHaveBeenCarriedOut: true }),
    )
  })
  // Whoever raced and won needs no second word of it.
  promise.catch(() => undefined)
  return promise
}

/** Fails only if the content cannot be read: of the connection `answerOf` knows more. */
async function sendBody(request: http.ClientRequest, content: RequestBody['content']): Promise<void> {
  if (content === undefined || content instanceof Uint8Array) {
    request.end(content)
    return
  }
  let failure: ExchangeError | undefined
  async function* chunks(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* stream
    } catch (cause) {
      // The end of the request was never written, so that no server can take it for whole.
      failure = new ExchangeError('body_failed', { cause })
      throw failure
    }
  }
  await pipeline(Readable.from(chunks(content)), request).catch(() => {
    if (failure !== undefined) throw failure
  })
}

function failureOf(thrown: unknown, signal: AbortSignal, connection: Connection): ExchangeError {
  if (thrown instanceof ExchangeError) return thrown
  if (signal.aborted && !connection.late) return endedBy(signal, connection.stood)
  const { code = '' } = thrown as { code?: string }
  if (!connection.stood) {
    const own = !connection.late && UNTRUSTED.test(code) ? 'untrusted_server' : 'unreachable'
    return new ExchangeError(own, { what: code || undefined, cause: thrown })
  }
  const own = code.startsWith('HPE_') ? 'not_an_answer' : 'connection_lost'
  return new ExchangeError(own, { what: code || undefined, mayHaveBeenCarriedOut: true, cause: thrown })
}

/** The error of a call that its signal ended: the caller's, or the deadline's. */
export function endedBy(signal: AbortSignal, mayHaveBeenCarriedOut: boolean): ExchangeError {
  const cause: unknown = signal.reason
  const isLate = cause instanceof DOMException && cause.name === 'TimeoutError'
  return new ExchangeError(isLate ? 'deadline_exceeded' : 'aborted', { mayHaveBeenCarriedOut, cause })
}

function refused(what: string, cause?: unknown): ExchangeError {
  return new ExchangeError('invalid_argument', { what, cause })
}
