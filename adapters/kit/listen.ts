/**
 * The listener towards the own security server. Over TLS only a client that proves to hold one of the named
 * certificates is let in: the connection of anybody else is cut before a byte of a request is read.
 */
import { X509Certificate } from 'node:crypto'
import type { ServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { type Listener, readPem, tlsOf } from '#platform/http-service/listener-tls.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { Fault } from '#schemas/fault.ts'

type ClientCheck = { https?: ServerOptions; guard(app: FastifyInstance): void }

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * TLS options and the check of clients for this listener; plain HTTP, on loopback, without a certificate of
 * its own.
 */
export async function clientCheck(
  listen: Listener & { clientCertificateFile?: string },
  log: Log,
): Promise<ClientCheck> {
  const { clientCertificateFile } = listen
  if (clientCertificateFile === undefined) return { guard: () => undefined }
  const { https } = await tlsOf(listen)
  const allowed = await readCertificates(clientCertificateFile)
  return {
    // The certificate itself is named, whoever issued it: a chain that verifies would add nobody, and let a
    // whole CA in.
    https: { ...https, requestCert: true, rejectUnauthorized: false },
    guard: (app) => {
      // Before Node's own listener, which begins to read the request.
      app.server.prependListener('secureConnection', (socket: TLSSocket) => {
        const refusal = whyRefused(socket.getPeerX509Certificate(), allowed, Date.now())
        if (refusal === undefined) return
        log.warn({ address: socket.remoteAddress, ...refusal }, 'a client was refused')
        socket.destroy()
      })
    },
  }
}

/** TLS has proven that the client holds the key of the certificate that it showed. */
function whyRefused(
  shown: X509Certificate | undefined,
  allowed: ReadonlySet<string>,
  now: number,
): { why: string; sha256?: string } | undefined {
  if (shown === undefined) return { why: 'it showed no certificate' }
  const sha256 = shown.fingerprint256
  if (!allowed.has(sha256))
    return { why: 'its certificate is not among those of listen.clientCertificateFile', sha256 }
  if (now < shown.validFromDate.getTime() || now > shown.validToDate.getTime())
    return { why: 'its certificate is not valid now', sha256 }
  return undefined
}

/**
 * A security server exports its certificate with those that issued it, which are nobody's to connect with.
 */
async function readCertificates(file: string): Promise<ReadonlySet<string>> {
  const blocks = (await readPem(file)).toString('latin1').match(CERTIFICATE) ?? []
  if (blocks.length === 0)
    throw new Fault('invalid_configuration', { what: `${file} holds no PEM certificate` })
  try {
    const all = blocks.map((pem) => new X509Certificate(pem))
    const isIssuer = (one: X509Certificate): boolean =>
      all.some((other) => other.subject !== one.subject && other.verify(one.publicKey))
    const own = all.filter((one) => !isIssuer(one))
    return new Set(own.map(({ fingerprint256 }) => fingerprint256))
  } catch (cause) {
    throw new Fault('invalid_configuration', {
      what: `${file} holds a certificate that cannot be read`,
      cause,
    })
  }
}
