/**
 * The only client of the management API. An operation is called by its name in the OpenAPI file: for a person
 * with the session's cookie and its CSRF token, or with an API key that only this module holds, in memory.
 */

import { operations } from './operations.ts'
import { language } from './text.ts'

export type Input = {
  params?: Record<string, string>
  /** A list is given value by value. */
  query?: Record<string, string | string[] | undefined>
  body?: object
  /** The reason, for an act that waits for a second administrator. */
  reason?: string | undefined
  signal?: AbortSignal
}

/** `proposal` is set when the act waits for a second administrator, `total` for a list with pages. */
export type Answer<T> = { data: T; total?: number; proposal?: { id: string; hash: string }; headers: Headers }

export type Session = {
  kind: 'person' | 'key'
  id: string
  name: string
  roles: string[]
  /** Where this console is: the instance's identifier, once it has one, and the id of the security server. */
  instance?: string
  securityServer?: string
  csrfToken?: string
  endsAt?: string
  /**
   * Whether acts that the API marks for it become proposals for a second administrator; at a security server,
   * of which kinds.
   */
  fourEyes?: boolean | string[]
  /** At a security server: content is shown only when a second auditor has agreed. */
  contentFourEyes?: boolean
  /** People can sign in with passkeys here. */
  passkeys?: boolean
  /** Acts of great weight need a fresh passkey here. */
  passkeyForActs?: boolean
}

export type Api = {
  call<T>(operation: string, input?: Input): Promise<Answer<T>>
  /** Downloads a file under the name that the API gives it. */
  download(operation: string, input?: Input): Promise<Answer<File>>
  /** Opens the browser's session, or one with an API key. Throws ApiFault 401 when there is none. */
  open(apiKey?: string): Promise<Session>
  close(): Promise<void>
}

/** A refusal of the API; NoAnswer is the subclass for a missing answer. */
export class ApiFault extends Error {
  readonly status: number
  readonly type: string
  readonly detail: string | undefined
  constructor(status: number, fault: { type?: string; message?: string; detail?: string }) {
    super(fault.message ?? '')
    this.status = status
    this.type = fault.type ?? ''
    this.detail = fault.detail
  }
}

/** No answer came, or only a part of it: nobody knows whether the act was carried out. */
export class NoAnswer extends ApiFault {
  /**
   * How many seconds were waited; undefined when the server could not be reached or closed the connection.
   */
  readonly seconds: number | undefined
  readonly isAct: boolean
  constructor(isAct: boolean, seconds?: number) {
    super(0, {})
    this.isAct = isAct
    this.seconds = seconds
  }
}

/** The base path of the API; the audit log uses it too. */
export const BASE = '/api/v1'
const PATIENT_TRIES = 4
const MAX_WAIT_SECONDS = 5
/**
 * How many seconds may pass before an answer, or the next part of a file, when the OpenAPI file does not
 * allow more.
 */
export const ANSWER_SECONDS = 30
// The status with which proxies report that the server does not answer.
const NO_ANSWER_STATUS = [502, 504]
const MAX_UNANSWERED = 50

/** Whether one of the session's roles may call the operation. */
export function mayCall(session: Session, operation: string): boolean {
  const roles = operations[operation]?.roles ?? []
  return roles.includes('any') || session.roles.some((role) => roles.includes(role))
}

/** Whether the operation becomes a proposal, which waits for a second person. */
export function takesTwo({ fourEyes = false }: Session, operation: string): boolean {
  const marked = operations[operation]?.fourEyes ?? false
  return typeof fourEyes === 'boolean' ? fourEyes && marked === true : fourEyes.includes(String(marked))
}

/** Has the person confirm an act with a passkey; returns what the server verifies. Throws ApiFault. */
type Confirm = (q: { challenge: string; rpId: string }) => Promise<string>

export function createApi(confirm: Confirm): Api {
  let apiKey: string | undefined
  let csrfToken: string | undefined
  /**
   * The Idempotency-Key of each unanswered act, by its content: when the same act is sent again, the server
   * does not do it twice.
   */
  const unanswered = new Map<string, string>()

  /** `whole`: to be called once the answer was read to its end. Before, nobody knows what it says. */
  async function send(
    method: string,
    url: string,
    input: Input,
    wait: Wait,
  ): Promise<{ response: Response; whole(): void }> {
    const { body, reason } = input
    const isBytes = body instanceof Blob
    const headers: Record<string, string> = { accept: '*/*', 'accept-language': language }
    if (apiKey !== undefined) headers['authorization'] = `X-Road-ApiKey token=${apiKey}`
    if (csrfToken !== undefined && method !== 'GET') headers['x-csrf-token'] = csrfToken
    if (reason !== undefined) headers['x-reason'] = encodeURIComponent(reason.toWellFormed())
    if (body !== undefined)
      headers['content-type'] = isBytes ? 'application/octet-stream' : 'application/json'
    const request: RequestInit = {
      method,
      headers,
      credentials: 'same-origin',
      redirect: 'error',
      cache: 'no-store',
      signal: wait.signal,
    }
    if (body !== undefined) request.body = isBytes ? body : JSON.stringify(body)
    const act = method === 'GET' ? undefined : [method, url, fingerprintOf(body), reason ?? ''].join(' ')
    if (act !== undefined) {
      const key = unanswered.get(act) ?? newKey()
      headers['idempotency-key'] = key
      if (unanswered.size < MAX_UNANSWERED) unanswered.set(act, key)
    }
    for (let tries = 1; ; tries++) {
      wait.again()
      const response = await fetch(url, request)
      if (NO_ANSWER_STATUS.includes(response.status) && !isJson(response))
        throw new NoAnswer(act !== undefined)
      const challenge = response.headers.get('x-passkey-challenge')
      if (challenge !== null && headers['x-passkey-assertion'] === undefined) {
        // Read to its end, or the connection stays taken.
        await response.arrayBuffer()
        wait.pause()
        const rpId = response.headers.get('x-passkey-rp-id') ?? ''
        headers['x-passkey-assertion'] = await confirm({ challenge, rpId })
        continue
      }
      // Refused before anything was done: the same request can be sent again later.
      if (response.status !== 429 || tries === PATIENT_TRIES) {
        // After a server error the act may have been done in part, so its key is kept and the server
        // recognizes the repetition.
        const isAnswered = act !== undefined && response.status < 500
        return { response, whole: () => void (isAnswered && unanswered.delete(act)) }
      }
      const seconds = Math.min(Number(response.headers.get('retry-after')) || 1, MAX_WAIT_SECONDS)
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    }
  }

  function ask<T>(
    name: string,
    input: Input,
    read: (response: Response, wait: Wait) => Promise<T>,
  ): Promise<T> {
    const operation = operations[name]
    if (operation === undefined) throw new Error(`there is no operation ${name}`)
    const { method, path, answerSeconds } = operation
    const q = { isAct: method !== 'GET', seconds: answerSeconds ?? ANSWER_SECONDS, signal: input.signal }
    return bounded(q, async (wait) => {
      const { response, whole } = await send(method, addressOf(path, input), input, wait)
      const answer = await read(response, wait).catch((cause: unknown) => {
        if (cause instanceof ApiFault) whole()
        throw cause
      })
      whole()
      return answer
    })
  }

  const download = (name: string, input: Input = {}): Promise<Answer<File>> =>
    ask(name, input, async (response, wait) => {
      const { headers } = response
      if (!response.ok)
        throw new ApiFault(response.status, (await response.json().catch(() => ({}))) as object)
      const fileName = /filename="([\w.-]+)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? name
      // A download may take any time as long as bytes arrive. A broken-off download is no file.
      const heard = new TransformStream<Uint8Array, Uint8Array>({
        transform: (part, out) => {
          wait.again()
          out.enqueue(part)
        },
      })
      const content = await new Response(response.body?.pipeThrough(heard) ?? null).blob()
      return { data: new File([content], fileName), headers }
    })

  const call = <T>(name: string, input: Input = {}): Promise<Answer<T>> =>
    ask(name, input, async (response) => {
      const text = await response.text()
      const data: unknown = isJson(response) && text !== '' ? parsed(text) : text
      if (!response.ok) throw new ApiFault(response.status, isJson(response) ? (data as object) : {})
      const total = response.headers.get('x-total-count')
      return {
        data: data as T,
        headers: response.headers,
        ...(total === null ? {} : { total: Number(total) }),
        // Status 202 is also used for work that goes on after the answer.
        ...(response.status === 202 && isProposed(data) ? { proposal: proposalOf(data) } : {}),
      }
    })

  return {
    call,
    download,
    open: async (given) => {
      apiKey = given
      try {
        const { data } = await call<Session>('getSession')
        csrfToken = data.csrfToken
        return data
      } catch (cause) {
        apiKey = undefined
        throw cause
      }
    },
    close: async () => {
      const isPerson = apiKey === undefined
      apiKey = undefined
      const q = { isAct: true, seconds: ANSWER_SECONDS, signal: undefined }
      if (isPerson) await bounded(q, async (wait) => (await send('POST', '/logout', {}, wait)).whole())
      csrfToken = undefined
    },
  }
}

type Wait = {
  signal: AbortSignal
  /** Call when something arrived: restarts the time limit. */
  again(): void
  /** While a person is asked there is no time limit. */
  pause(): void
}

/**
 * Ends `work` when nothing arrives within the time limit. Throws NoAnswer then, and when the connection
 * breaks.
 */
async function bounded<T>(
  q: { isAct: boolean; seconds: number; signal: AbortSignal | undefined },
  work: (wait: Wait) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const again = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => ending.abort(), q.seconds * 1000)
  }
  again()
  const signal = q.signal === undefined ? ending.signal : AbortSignal.any([q.signal, ending.signal])
  try {
    return await work({ signal, again, pause: () => clearTimeout(timer) })
  } catch (cause) {
    // A page that was left makes no more requests.
    if (cause instanceof ApiFault || q.signal?.aborted === true) throw cause
    throw ending.signal.aborted ? new NoAnswer(q.isAct, q.seconds) : new NoAnswer(q.isAct)
  } finally {
    clearTimeout(timer)
  }
}

/** Identifies an unanswered act by its body; a file by its name, size and time. */
function fingerprintOf(body: object | undefined): string {
  if (body instanceof File) return `${body.name} ${body.size} ${body.lastModified}`
  return body instanceof Blob ? `${body.type} ${body.size}` : JSON.stringify(body ?? '')
}

/** 128 random bits; `crypto.randomUUID` exists in secure contexts only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}

function isJson({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('application/json') === true
}

// Control characters and direction marks, which could make a text look like another one. Joiners stay,
// because names contain them.
const MARKS = /(?![\t\n\r])\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const MAY_HOLD_MARKS = /[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\\u/

function parsed(text: string): unknown {
  if (!MAY_HOLD_MARKS.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' ? value.replace(MARKS, '\ufffd') : value,
  )
}

type Proposed = { id: string; contentSha256: string }

function isProposed(data: unknown): data is Proposed {
  return (data as Partial<Proposed> | undefined)?.contentSha256 !== undefined
}

function proposalOf({ id, contentSha256 }: Proposed): { id: string; hash: string } {
  return { id, hash: contentSha256 }
}

/** Calls a route of the login below `/login/`, which is no operation of the API. Throws ApiFault. */
export function askLogin<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
  const q = { isAct: method === 'POST', seconds: ANSWER_SECONDS, signal: undefined }
  return bounded(q, async ({ signal }) => {
    const answer = await fetch(`/login/${path}`, {
      ...{ method, redirect: 'error', credentials: 'same-origin', cache: 'no-store', signal },
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    const data: unknown = isJson(answer) && text !== '' ? parsed(text) : {}
    if (!answer.ok) throw new ApiFault(answer.status, data as object)
    return data as T
  })
}

function addressOf(path: string, { params = {}, query = {} }: Input): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => segmentOf(params[name] ?? ''))
  const asked = Object.entries(query).flatMap(([name, value = '']) =>
    [value].flat().flatMap((one) => (one === '' ? [] : [[name, one]])),
  )
  const search = new URLSearchParams(asked).toString()
  return `${BASE}${filled}${search === '' ? '' : `?${search}`}`
}

/** One path segment; the colons of an id are not encoded, as in X-Road. */
export function segmentOf(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}
