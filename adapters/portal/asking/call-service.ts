/**
 * Calls a service of another system for a person, through the own security server. Guarantees an end in time
 * and size, that it is sent once, and that what comes of it is the provider's answer or a reason why there is
 * none. It never throws.
 */
import type { SecurityServer } from '#adapters/client/connect.ts'
import { ExchangeError } from '#adapters/client/exchange-error.ts'
import { readJson } from '#adapters/client/read-json.ts'
import type { Why } from '../joining/row.ts'

export type ServiceCall = {
  /** "DEV/GOV/1001/population/consents" */
  service: string
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** "" or "/consents/{id}", whose `{id}` is in `parameters`. */
  path: string
  parameters?: Readonly<Record<string, string | number>>
  query?: Readonly<Record<string, string | number | readonly string[]>>
  json?: unknown
  /** Who asks (X-Road-UserId), as the registers know them. */
  person: string
  /**
   * "[CLASS/]CODE" for whom they ask (X-Road-Represented-Party); the provider's server checks the mandate.
   */
  represented?: string
  /** The number of the mandate by which they do (X-Road-Issue), so that both logs have it. */
  issue?: string
  /**
   * Which of the provider's security servers is to answer, "DEV/GOV/1001/server-1"; else the one that is
   * reached first.
   */
  securityServer?: string
  signal: AbortSignal
}

/** Who asks, for whom, and by which mandate: what each call says, so that both logs name them all. */
export type Asker = Pick<ServiceCall, 'person' | 'represented' | 'issue'>

export type CallLimits = { answerMs: number; answerBytes: number }

export type NotCalled = {
  why: Why
  /** Of the fault: a security server's, or the client package's. */
  code: string
  /** The provider may have done what it was asked for: nobody may say that nothing happened. */
  isOpen: boolean
}

/** Any answer of the provider, of status 404 too. */
type BytesAnswer = { status: number; bytes: Buffer }
/** `json` is undefined for an empty answer, and for a refusal that has none. */
export type JsonAnswer = { status: number; json: unknown }

type Server = Pick<SecurityServer, 'service'>

export async function callService(
  server: Server,
  q: ServiceCall,
  limits: CallLimits,
): Promise<JsonAnswer | NotCalled> {
  const answer = await callForBytes(server, q, limits)
  if ('why' in answer) return answer
  const { status, bytes } = answer
  try {
    return { status, json: bytes.length === 0 ? undefined : readJson(new TextDecoder().decode(bytes)) }
  } catch {
    if (status >= 400) return { status, json: undefined }
    return { why: 'unreadable', code: 'unreadable_answer', isOpen: true }
  }
}

/** The same of an answer that is a file. */
export async function callForBytes(
  server: Server,
  q: ServiceCall,
  limits: CallLimits,
): Promise<BytesAnswer | NotCalled> {
  try {
    const answer = await server.service(q.service).call(q.method, q.path, {
      ...(q.parameters !== undefined && { path: q.parameters }),
      ...(q.query !== undefined && { query: q.query }),
      ...(q.json !== undefined && { json: q.json }),
      ...(q.represented !== undefined && { representedParty: q.represented }),
      ...(q.issue !== undefined && { issue: q.issue }),
      ...(q.securityServer !== undefined && { securityServer: q.securityServer }),
      ...{ userId: q.person, signal: q.signal, retries: 0 },
      ...{ deadlineMs: limits.answerMs, maxAnswerBytes: limits.answerBytes },
    })
    return { status: answer.status, bytes: Buffer.from(await answer.bytes()) }
  } catch (thrown) {
    const isKnown = thrown instanceof ExchangeError
    return {
      why: whyOf(thrown),
      code: isKnown ? thrown.code : '',
      isOpen: !isKnown || thrown.mayHaveBeenCarriedOut,
    }
  }
}

/** Why a provider that answered with this status gave nothing. */
export function whyOfStatus(status: number): Why {
  if (status === 429 || status === 503) return 'busy'
  return status >= 500 ? 'failing' : 'refused'
}

function whyOf(thrown: unknown): Why {
  if (!(thrown instanceof ExchangeError)) return 'failing'
  if (['deadline_exceeded', 'aborted'].includes(thrown.code)) return 'late'
  if (thrown.code === 'answer_too_large') return 'too_large'
  if (['unreadable_answer', 'not_an_answer', 'inconsistent_answer', 'answer_cut'].includes(thrown.code))
    return 'unreadable'
  return /access_denied|representation_refused/.test(thrown.code) ? 'refused' : 'unreachable'
}
