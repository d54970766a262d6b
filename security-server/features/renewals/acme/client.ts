/**
 * HTTP to ACME servers (RFC 8555 6): https to the directory's own host alone, no redirects, bounds on time
 * and size. What comes back is not trusted: JSON whose members the callers check.
 */
import { Agent, type Dispatcher, request } from 'undici'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 10_000
/** Within which an answer has to be there whole, even when a byte comes now and then. */
const TOTAL_MS = 20_000
const LONGEST_WAIT_SECONDS = 24 * 3600

export type AcmeAnswer = {
  status: number
  /** Undefined unless the answer is JSON. */
  json: Record<string, unknown> | undefined
  text: string
  location: string | undefined
  nonce: string | undefined
  /** Seconds, at most a day; undefined without a Retry-After. */
  retryAfter: number | undefined
}

export type AcmeHttp = {
  /** Throws `acme_failed` when there is no answer, and for an address that is not the directory's host. */
  send(
    url: string,
    q: { method: 'GET' | 'HEAD' | 'POST'; body?: string; profile?: string },
  ): Promise<AcmeAnswer>
  close(): Promise<void>
}

/** `ca`: PEM of the CAs of ACME servers' own TLS certificates; without it those of Node. */
export function createAcmeHttp(q: {
  ca: string | undefined
  clock: () => number
  totalMs?: number
}): AcmeHttp {
  const agent = new Agent({
    connect: { timeout: TIMEOUT_MS, minVersion: 'TLSv1.2', ...(q.ca === undefined ? {} : { ca: q.ca }) },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    keepAliveTimeout: 1000,
    maxResponseSize: MAX_BYTES,
    connections: 4,
  })
  return {
    async send(url, { method, body, profile }) {
      const agentName = `${profile === undefined ? '' : `profile_id=${profile} `}Concordat`
      try {
        const answer = await request(url, {
          ...{
            dispatcher: agent,
            method,
            body: body ?? null,
            signal: AbortSignal.timeout(q.totalMs ?? TOTAL_MS),
          },
          headers: {
            // X-Road's servers name the profile of a CA here.
            'user-agent': agentName,
            ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
          },
        })
        return await readAnswer(answer, q.clock())
      } catch (cause) {
        throw failed(whatFailed(cause, hostOf(url)), { cause })
      }
    },
    close: () => agent.close(),
  }
}

/** What people can mend themselves has words of its own; the cause is in the log. */
function whatFailed(cause: unknown, host: string): Word {
  const { code = '' } = cause as { code?: unknown }
  const text = String(code)
  if (/CERT|^ERR_TLS_|^HOSTNAME_MISMATCH$|^UNABLE_TO_VERIFY/.test(text))
    return say`the TLS certificate of the ACME server ${host} is not accepted, ${text}: see acme.caFile`
  if (text === 'ENOTFOUND' || text === 'EAI_AGAIN')
    return say`no address is found for the ACME server ${host}`
  if (text === 'UND_ERR_RES_EXCEEDED_MAX_SIZE')
    return say`the ACME server ${host} answers with more than is read`
  return say`the ACME server ${host} did not answer`
}

async function readAnswer(answer: Dispatcher.ResponseData, now: number): Promise<AcmeAnswer> {
  const text = await answer.body.text()
  const header = (name: string): string | undefined => {
    const value = answer.headers[name]
    return typeof value === 'string' && value.length <= 1000 ? value : undefined
  }
  return {
    ...{ status: answer.statusCode, text, json: jsonOf(text, header('content-type')) },
    ...{ location: header('location'), nonce: header('replay-nonce') },
    retryAfter: secondsOf(header('retry-after'), now),
  }
}

function jsonOf(text: string, type = ''): AcmeAnswer['json'] {
  if (!/^application\/([a-z]+\+)?json\b/.test(type)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Seconds of a Retry-After, which is a number or a date (RFC 9110 10.2.3). */
function secondsOf(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : (Date.parse(text) - now) / 1000
  if (Number.isNaN(seconds)) return undefined
  return Math.min(Math.max(Math.ceil(seconds), 0), LONGEST_WAIT_SECONDS)
}

/**
 * Throws `acme_failed` unless `url` is an https address at the directory's host: no server makes us call
 * another one.
 */
export function sameHost(url: unknown, directoryUrl: string): string {
  const there = typeof url === 'string' && url.length <= 1000 ? URL.parse(url) : null
  const directory = new URL(directoryUrl)
  if (there?.protocol !== 'https:' || there.host !== directory.host || there.username !== '')
    throw failed(say`the ACME server ${directory.host} names an address that is not its own`)
  return there.href
}

export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'a malformed address'
}

export function failed(what: Word, more: { cause?: unknown; retryAfter?: number | undefined } = {}): Fault {
  return new Fault('acme_failed', { what, ...more })
}
