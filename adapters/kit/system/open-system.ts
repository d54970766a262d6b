/**
 * Calls the agency's own HTTP system, within limits of number, time and size. A call is repeated only where
 * no act can be doubled: a GET or HEAD whose connection ended before its answer began, and any call that the
 * system refused (401) for an old token. No redirect is followed.
 */
import type { Readable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { buildConnector, type Dispatcher, Pool } from 'undici'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { readPem } from '#platform/http-service/listener-tls.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { Fault } from '#schemas/fault.ts'
import { openAuthorisation } from './authorise.ts'
import type { CallLimits, SystemSettings } from './settings.ts'
import { faultOf, isBroken, NotConnected } from './why-failed.ts'

export type SystemCall = {
  method: Dispatcher.HttpMethod
  /** Path and query below the system's address, as they are sent. */
  target: string
  headers: Record<string, string>
  /** A Readable is sent once, whatever happens. */
  body?: Buffer | Readable | undefined
}

export type SystemAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  /** Has at most `limits.answerBytes`, else it ends with an error. It has to be read or destroyed. */
  body: Readable
}

export type System = {
  /**
   * Throws `source_unavailable`, `source_busy`, `source_timeout`, `source_interrupted`, `source_failed`,
   * `answer_too_large`.
   */
  call(call: SystemCall): Promise<SystemAnswer>
  /** Opens and closes a connection, with a token if one is needed. Throws `source_unavailable`. */
  reach(): Promise<void>
  close(): Promise<void>
}

const CONNECT_MS = 5000
const KEEP_ALIVE_MS = 4000
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/** Throws `invalid_configuration` for a file that cannot be read. */
export async function openSystem(q: {
  system: SystemSettings
  limits: CallLimits
  metrics?: Metrics
}): Promise<System> {
  const { origin, pathname } = new URL(q.system.url)
  const base = pathname.replace(/\/$/, '')
  const tls = await tlsTo(q.system)
  const connector = buildConnector(tls)
  const authorisation = await openAuthorisation(q.system.authentication, tls)
  const { calls, waiting, answerMs, wholeMs, answerBytes } = q.limits
  const limit = limitCalls({ running: calls, waiting, waitMs: answerMs })
  q.metrics?.watch('concordat_adapter_calls_running', 'Calls of the system under way', limit.running)
  q.metrics?.watch('concordat_adapter_calls_waiting', 'Calls that wait for their turn', limit.waiting)
  const pool = new Pool(origin, {
    connections: calls,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: answerMs,
    bodyTimeout: answerMs,
    maxResponseSize: answerBytes,
    connect: (options, callback) =>
      connector(options, (error, socket) =>
        error === null && socket ? callback(null, socket) : callback(new NotConnected(error), null),
      ),
  })

  const once = (call: SystemCall, own: Record<string, string>): Promise<Dispatcher.ResponseData> =>
    pool.request({
      method: call.method,
      path: base + call.target || '/',
      headers: { ...call.headers, ...own },
      body: call.body ?? null,
      signal: AbortSignal.timeout(wholeMs),
    })

  async function answerTo(call: SystemCall): Promise<Dispatcher.ResponseData> {
    const isSafe = SAFE.has(call.method)
    let mayRepeat = isSafe && call.body === undefined
    let mayRenew = call.body === undefined || Buffer.isBuffer(call.body)
    for (;;) {
      const own = await authorisation.headers()
      let reply: Dispatcher.ResponseData
      try {
        reply = await once(call, own)
      } catch (thrown) {
        if (!mayRepeat || !isBroken(thrown)) throw faultOf(thrown, isSafe)
        mayRepeat = false
        continue
      }
      if (reply.statusCode !== 401 || !authorisation.isOwn) return reply
      reply.body.on('error', () => undefined).destroy()
      const willDiffer = authorisation.renew(own)
      if (!mayRenew || !willDiffer)
        throw new Fault('source_failed', { cause: new Error('it does not accept the adapter (401)') })
      mayRenew = false
    }
  }

  /** The place is kept until the answer's body has ended. */
  function call(given: SystemCall): Promise<SystemAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<SystemAnswer>()
    limit
      .run(async () => {
        const { statusCode: status, headers, body } = await answerTo(given)
        const length = given.method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0)
        if (length > answerBytes) {
          body.on('error', () => undefined).destroy()
          throw new Fault('answer_too_large', { what: `it has more than ${answerBytes} bytes` })
        }
        resolve({ status, headers, body })
        await finished(body, { cleanup: true }).catch(() => undefined)
      })
      .catch(reject)
    return promise
  }

  return {
    call,
    reach: async () => {
      await authorisation.headers()
      await reach(connector, origin)
    },
    close: async () => {
      await authorisation.close()
      await pool.destroy()
    },
  }
}

function reach(connector: buildConnector.connector, origin: string): Promise<void> {
  const { hostname, host, protocol, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    connector({ hostname, host, protocol, port }, (error, socket) => {
      if (error !== null || !socket) return reject(new Fault('source_unavailable', { cause: error }))
      socket.destroy()
      resolve()
    })
  })
}

async function tlsTo(system: SystemSettings): Promise<buildConnector.BuildOptions> {
  const { authorityFile, certificateFile, keyFile } = system
  return {
    ...{ timeout: CONNECT_MS, allowH2: false, rejectUnauthorized: true, minVersion: 'TLSv1.2' as const },
    ...(authorityFile !== undefined && { ca: await readPem(authorityFile) }),
    ...(certificateFile !== undefined && { cert: await readPem(certificateFile) }),
    ...(keyFile !== undefined && { key: await readSecret(keyFile) }),
  }
}
