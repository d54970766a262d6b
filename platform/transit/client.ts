/**
 * HTTP to an OpenBao or Vault: https to the host of the settings alone, no redirects, bounds on time and
 * size. A token and a secret stand in a header or a body, never in an address, a message or a log line.
 */
import { Agent, request } from 'undici'
import { Fault } from '#schemas/fault.ts'

const MAX_BYTES = 1024 * 1024
const CONNECT_MS = 5000
const LIMIT_MS = 10_000
const CONNECTIONS = 16

export type TransitAnswer = {
  status: number
  json: Record<string, unknown>
  isSealed: boolean
}
export type TransitCall = {
  method: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1/`. */
  path: string
  body?: object
  limitMs?: number
}

type TransitHttp = {
  /** Throws `token_unavailable` when there is no answer. */
  send(call: TransitCall, token?: string): Promise<TransitAnswer>
  close(): Promise<void>
}

export function createTransitHttp(q: {
  url: string
  namespace?: string | undefined
  ca?: string | undefined
  limitMs?: number | undefined
}): TransitHttp {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS, minVersion: 'TLSv1.2', ...(q.ca === undefined ? {} : { ca: q.ca }) },
    maxResponseSize: MAX_BYTES,
    connections: CONNECTIONS,
  })
  return {
    async send({ method, path, body, limitMs = q.limitMs ?? LIMIT_MS }, token) {
      try {
        const answer = await request(`${q.url}/v1/${path}`, {
          ...{ dispatcher: agent, method, signal: AbortSignal.timeout(limitMs) },
          body: body === undefined ? null : JSON.stringify(body),
          headers: {
            'x-vault-request': 'true',
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...(token === undefined ? {} : { 'x-vault-token': token }),
            ...(q.namespace === undefined ? {} : { 'x-vault-namespace': q.namespace }),
          },
        })
        const json = jsonOf(await answer.body.text())
        return { status: answer.statusCode, json, isSealed: saysSealed(json) }
      } catch (cause) {
        throw new Fault('token_unavailable', { what: whatFailed(cause), cause })
      }
    },
    close: () => agent.destroy(),
  }
}

function whatFailed(cause: unknown): string {
  const { code = '', name = '' } = cause as { code?: unknown; name?: unknown }
  const text = String(code)
  if (/CERT|^ERR_TLS_|^HOSTNAME_MISMATCH$|^UNABLE_TO_VERIFY/.test(text))
    return `its TLS certificate is not accepted (${text}): see caFile`
  if (name === 'TimeoutError') return 'it does not answer in time'
  return /^[A-Z_]{1,40}$/.test(text) ? `it does not answer (${text})` : 'it does not answer'
}

function jsonOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = text === '' ? {} : JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch {
    // Something else answers there: its status says what to do.
  }
  return {}
}

function saysSealed({ errors }: Record<string, unknown>): boolean {
  return Array.isArray(errors) && errors.some((one) => typeof one === 'string' && /sealed/i.test(one))
}
