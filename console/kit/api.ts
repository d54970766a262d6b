/**
 * The one way to the management API: an operation is called by its name in the OpenAPI file, for a person by the session's
 * cookie with its CSRF token, or by an API key that this module alone holds, in memory.
 */

import { operations } from './operations.ts'

export type Input = {
  params?: Record<string, string>
  query?: Record<string, string | undefined>
  body?: object
  /** Why, for an act that waits for a second administrator. */
  reason?: string | undefined
  signal?: AbortSignal
}

/** `proposal` when the act waits for a second administrator; `total` of a list by page. */
export type Answer<T> = { data: T; total?: number; proposal?: { id: string; hash: string }; headers: Headers }

export type Session = {
  kind: 'person' | 'key'
  id: string
  name: string
  roles: string[]
  csrfToken?: string
  endsAt?: string
  /** What the API marks so becomes a proposal for a second administrator. */
  fourEyes?: boolean
  /** At a security server: content is shown when a second auditor has agreed. */
  contentFourEyes?: boolean
}

export type Api = {
  call<T>(operation: string, input?: Input): Promise<Answer<T>>
  /** A file, under the name that the API gives it. */
  download(operation: string, input?: Input): Promise<Answer<File>>
  /** The session of the browser, or the one that an API key opens. Throws ApiFault 401 when there is none. */
  open(apiKey?: string): Promise<Session>
  close(): Promise<void>
}

/** What the API refused; `status` 0 when it could not be reached. */
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

/** Where the API's addresses begin, in the audit log too. */
export const BASE = '/api/v1'
const PATIENT_TRIES = 4
const MAX_WAIT_SECONDS = 5

/** Whether one of the roles may call the operation. */
export function mayCall(session: Session, operation: string): boolean {
  const roles = operations[operation]?.roles ?? []
  return roles.includes('any') || session.roles.some((role) => roles.includes(role))
}

export function createApi(): Api {
  let apiKey: string | undefined
  let csrfToken: string | undefined

  async function send(method: string, url: string, input: Input): Promise<Response> {
    const { body, reason, signal } = input
    const isBytes = body instanceof Blob
    const headers: Record<string, string> = { accept: '*/*' }
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
    }
    if (signal !== undefined) request.signal = signal
    if (body !== undefined) request.body = isBytes ? body : JSON.stringify(body)
    for (let tries = 1; ; tries++) {
      const response = await fetch(url, request).catch((cause: unknown) => {
        if (signal?.aborted === true) throw cause
        throw new ApiFault(0, {})
      })
      // Refused before anything was done: the same request may wait its turn.
      if (response.status !== 429 || tries === PATIENT_TRIES) return response
      const seconds = Math.min(Number(response.headers.get('retry-after')) || 1, MAX_WAIT_SECONDS)
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
    }
  }

  const ask = (name: string, input: Input): Promise<Response> => {
    const operation = operations[name]
    if (operation === undefined) throw new Error(`there is no operation ${name}`)
    return send(operation.method, addressOf(operation.path, input), input)
  }

  async function download(name: string, input: Input = {}): Promise<Answer<File>> {
    const response = await ask(name, input)
    const { headers } = response
    if (!response.ok) throw new ApiFault(response.status, (await response.json().catch(() => ({}))) as object)
    const fileName = /filename="([\w.-]+)"/.exec(headers.get('content-disposition') ?? '')?.[1] ?? name
    // What breaks off half-way is no file.
    const content = await response.blob().catch(() => {
      throw new ApiFault(0, {})
    })
    return { data: new File([content], fileName), headers }
  }

  async function call<T>(name: string, input: Input = {}): Promise<Answer<T>> {
    const response = await ask(name, input)
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    const text = await response.text()
    const data: unknown = isJson && text !== '' ? JSON.parse(text) : text
    if (!response.ok) throw new ApiFault(response.status, isJson ? (data as object) : {})
    const total = response.headers.get('x-total-count')
    return {
      data: data as T,
      headers: response.headers,
      ...(total === null ? {} : { total: Number(total) }),
      // 202 also says that something goes on after the answer.
      ...(response.status === 202 && isProposed(data) ? { proposal: proposalOf(data) } : {}),
    }
  }

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
      if (apiKey === undefined) await send('POST', '/logout', {})
      apiKey = undefined
      csrfToken = undefined
    },
  }
}

type Proposed = { id: string; contentSha256: string }

function isProposed(data: unknown): data is Proposed {
  return (data as Partial<Proposed> | undefined)?.contentSha256 !== undefined
}

function proposalOf({ id, contentSha256 }: Proposed): { id: string; hash: string } {
  return { id, hash: contentSha256 }
}

/** Whether persons can log in here: `/login` leads elsewhere when it is set up, and refuses when it is not. */
export async function loginIsConfigured(): Promise<boolean> {
  const answer = await fetch('/login', { redirect: 'manual', cache: 'no-store' }).catch(() => undefined)
  return answer?.type === 'opaqueredirect' || answer?.ok === true
}

function addressOf(path: string, { params = {}, query = {} }: Input): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => segmentOf(params[name] ?? ''))
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(asked as [string, string][]).toString()
  return `${BASE}${filled}${search === '' ? '' : `?${search}`}`
}

/** One segment of a path; the colons of an id stay, as X-Road writes them. */
export function segmentOf(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':')
}
