/**
 * Asks providers what they offer, through the registry's security server, like any collector in an X-Road
 * instance. That server signs, sends and verifies the messages; this file reads the answers up to a limit of
 * size.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { Agent, request } from 'undici'
import { readCertificate } from '#core/certificate/certificate.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { encodeSegment } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { MAX_DOCUMENT_BYTES, MAX_METHODS_BYTES, type OfferedService, textOf } from './read-answers.ts'
import { readSoapMethods, readWsdlAnswer, type SoapCode, writeQuestion } from './soap-answers.ts'

export type CollectorSettings = {
  /** https://host:port of the security server's client listener. */
  securityServer: string
  /** The id of the subsystem that asks, in its text form. */
  client: string
  certificateFile?: string | undefined
  keyFile?: string | undefined
  /** PEM of the security server's certificate or of its issuer. */
  authorityFile?: string | undefined
}

export type Collector = {
  /**
   * The answer of the subsystem's listMethods. Throws `catalogue_unavailable` with the error that the
   * security server answered.
   */
  listMethods(subsystem: string): Promise<Buffer>
  getOpenApi(subsystem: string, serviceCode: string): Promise<Buffer>
  /** The SOAP services of the subsystem. Throws like `listMethods`. */
  listSoapMethods(subsystem: string): Promise<OfferedService[]>
  /** The document of a SOAP service. */
  getWsdl(subsystem: string, service: SoapCode): Promise<Buffer>
  close(): Promise<void>
}

const TIMEOUT_MS = 20_000

export function createCollector(q: CollectorSettings): Collector {
  let opened: Promise<Agent> | undefined
  // The files are read at first use, because the security server may be set up after the registry.
  const open = async (): Promise<Agent> => {
    const [cert, key, ca] = await Promise.all([
      q.certificateFile && readFile(q.certificateFile, 'utf8'),
      q.keyFile && readSecret(q.keyFile),
      q.authorityFile && readFile(q.authorityFile, 'utf8'),
    ])
    return new Agent({
      connect: {
        timeout: 5000,
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
        ...(ca ? { ca, allowPartialTrustChain: true, checkServerIdentity: pinnedOrNamed(ca) } : {}),
      },
      connections: 8,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      // A WSDL document comes beside its answer.
      maxResponseSize: Math.max(MAX_METHODS_BYTES, MAX_DOCUMENT_BYTES) + 128 * 1024,
    })
  }
  const agent = (): Promise<Agent> => {
    opened ??= open().catch((cause: unknown) => {
      opened = undefined
      throw cause
    })
    return opened
  }

  async function ask(path: string, options: Parameters<typeof request>[1]) {
    try {
      const signal = AbortSignal.timeout(2 * TIMEOUT_MS)
      const reply = await request(`${q.securityServer}${path}`, {
        ...options,
        dispatcher: await agent(),
        signal,
      })
      const contentType = String(reply.headers['content-type'] ?? '')
      return { status: reply.statusCode, contentType, bytes: Buffer.from(await reply.body.arrayBuffer()) }
    } catch (cause) {
      throw new Fault('catalogue_unavailable', { what: say`our own security server gave no answer`, cause })
    }
  }

  async function get(path: string): Promise<Buffer> {
    const headers = { 'x-road-client': q.client, accept: 'application/json, application/yaml' }
    const { status, bytes } = await ask(`/r1/${path}`, { headers })
    if (status === 200) return bytes
    throw new Fault('catalogue_unavailable', { what: refusalIn(bytes) || `HTTP ${status}` })
  }

  /** A SOAP fault has the status 500 and is read as an answer. */
  async function soap<T>(
    question: Omit<Parameters<typeof writeQuestion>[0], 'client'>,
    read: (reply: { contentType: string; bytes: Buffer }) => Promise<T>,
  ): Promise<T> {
    const headers = { 'content-type': 'text/xml; charset=UTF-8', soapaction: '""' }
    const body = writeQuestion({ client: q.client, ...question })
    const reply = await ask('/', { method: 'POST', headers, body })
    try {
      return await read(reply)
    } catch (cause) {
      const said = textOf(asFault(cause).message, 260)
      throw new Fault('catalogue_unavailable', { what: `SOAP, HTTP ${reply.status}: ${said}`, cause })
    }
  }

  return {
    listMethods: (subsystem) => get(`${subsystem}/listMethods`),
    getOpenApi: (subsystem, serviceCode) =>
      get(`${subsystem}/getOpenAPI?serviceCode=${encodeURIComponent(serviceCode)}`),
    listSoapMethods: (subsystem) => soap({ subsystem }, (reply) => readSoapMethods(reply, subsystem)),
    getWsdl: (subsystem, wsdlOf) => soap({ subsystem, wsdlOf }, readWsdlAnswer),
    close: async () => (await opened?.catch(() => undefined))?.destroy(),
  }
}

/** A certificate that is in the file is accepted for any host; any other must name the host. */
function pinnedOrNamed(pem: string): NonNullable<ConnectionOptions['checkServerIdentity']> {
  const known = new Set(
    (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map(
      (one) => readCertificate(Buffer.from(one)).sha256,
    ),
  )
  return (host, shown) =>
    known.has(createHash('sha256').update(shown.raw).digest('hex'))
      ? undefined
      : checkServerIdentity(host, shown)
}

function refusalIn(bytes: Buffer): string {
  try {
    const { type, message } = JSON.parse(bytes.toString()) as { type?: unknown; message?: unknown }
    return [textOf(type, 60), textOf(message, 200)].filter((part) => part !== '').join(': ')
  } catch {
    return ''
  }
}

export const serviceText = (provider: string, { serviceCode, serviceVersion }: SoapCode): string =>
  [provider, ...[serviceCode, serviceVersion].filter((one) => one !== undefined).map(encodeSegment)].join('/')
