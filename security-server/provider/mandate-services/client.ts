/**
 * The connection to one mandate service. Guarantees that none leads to an address where no service may lie or
 * to a listener in `own`, whatever its name resolves to. An answer is small JSON with status 200 and comes in
 * time, or there is none.
 */
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'undici'
import { collectBytes } from '#core/transport/collect-bytes.ts'
import { readStream } from '#core/transport/read-stream.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { checkDocumentUrl, type OwnListener } from '../../local-systems/check-address.ts'
import { guardedLookup } from '../../local-systems/guarded-lookup.ts'
import { connectionOptions } from '../connect-service.ts'
import { type MandateRequest, UnusableAnswer } from './question.ts'
import type { MandateServiceSettings } from './settings.ts'

export type MandateClient = {
  /** The octets of the answer. Throws UnusableAnswer, or what the connection threw, which names no person. */
  get(asked: MandateRequest, signal: AbortSignal): Promise<Buffer>
  close(): Promise<void>
}

const MAX_ANSWER_BYTES = 64 * 1024
const CONNECTIONS = 16
const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i

/** Reads the files at once, so that a wrong one is found at the start. Throws `invalid_configuration`. */
export async function createMandateClient(
  q: MandateServiceSettings,
  own: readonly OwnListener[],
): Promise<MandateClient> {
  const timeout = q.timeoutSeconds * 1000
  const base = q.url.replace(/\/+$/, '')
  const port = portOf(q, own)
  const authority = q.authorityFile === undefined ? [] : [await readPem(q.authorityFile)]
  const agent = new Agent({
    connect: {
      ...connectionOptions({
        ...{ connectTimeoutMs: timeout, verifyTls: true, identity: undefined },
        trustedCertificates: authority,
      }),
      lookup: guardedLookup(port, own),
      ...(q.certificateFile !== undefined &&
        q.keyFile !== undefined && {
          cert: await readPem(q.certificateFile),
          key: await readSecret(q.keyFile),
        }),
    },
    connections: CONNECTIONS,
    headersTimeout: timeout,
    bodyTimeout: timeout,
  })
  return {
    async get({ target, headers }, signal) {
      const {
        statusCode,
        headers: given,
        body,
      } = await request(`${base}${target}`, {
        headers: { ...headers, accept: 'application/json' },
        ...{ dispatcher: agent, signal },
      })
      try {
        if (statusCode !== 200) throw new UnusableAnswer(`it answered with HTTP status ${statusCode}`)
        if (!JSON_TYPE.test(String(given['content-type'] ?? '')))
          throw new UnusableAnswer('its answer is no JSON')
        if (given['content-encoding'] !== undefined) throw new UnusableAnswer('its answer is packed')
        const { write, bytes } = collectBytes(
          MAX_ANSWER_BYTES,
          () => new UnusableAnswer(`its answer has more than ${MAX_ANSWER_BYTES} bytes`),
        )
        await readStream(body, write)
        return bytes()
      } catch (cause) {
        // Unread it would hold its connection.
        body.on('error', () => undefined).destroy()
        throw cause
      }
    },
    close: () => agent.destroy(),
  }
}

/**
 * The port of the address, which is judged at the start. An address that is a name is judged again at each
 * look-up.
 */
function portOf({ name, url }: MandateServiceSettings, own: readonly OwnListener[]): number {
  try {
    const { port, protocol } = new URL(checkDocumentUrl(url, own))
    return Number(port) || (protocol === 'https:' ? 443 : 80)
  } catch (cause) {
    const { what = '' } = asFault(cause)
    throw new Fault('invalid_configuration', { what: `mandateServices: ${name}: ${what}`, cause })
  }
}

function readPem(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `mandateServices: ${file} cannot be read`, cause })
  })
}
