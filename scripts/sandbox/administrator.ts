/**
 * An administrator of the sandbox's registry, like a person at a browser: logs in at the provider, then calls
 * the API with the session.
 */
import { lookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Agent, request } from 'undici'

type Credentials = { subject: string; name: string; password: string }

export type Administrator = {
  /** Logs in through the login pages; also after the session has ended. */
  login(): Promise<void>
  get<T>(path: string): Promise<T>
  /**
   * Sends a call, with a reason if a second person has to approve it. A refusal is an Error with its text.
   */
  send<T>(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: unknown, reason?: string): Promise<T>
  close(): Promise<void>
}

/**
 * Names below `localhost` are this machine (RFC 6761 section 6.3), also where the system does not know that.
 */
const asBrowsersDo: LookupFunction = (name, options, callback) =>
  lookup(name.endsWith('.localhost') ? 'localhost' : name, { ...options, family: 4 }, callback)

type Reply = { status: number; location: string | undefined; text: string }
type Proposed = { id: string; contentSha256: string }

const MOST_STEPS = 12
/** Each waits for as long as the server waits for its provider. */
const MOST_LOGINS = 20
const BETWEEN_LOGINS_MS = 500

/** `base` is the registry's URL for browsers; `address` is the network address that this person uses. */
export function openAdministrator(base: string, who: Credentials, address: string): Administrator {
  const dispatcher = new Agent({ localAddress: address, connect: { lookup: asBrowsersDo } })
  const cookies = new Map<string, Map<string, string>>()
  let csrfToken = ''

  async function visit(url: string, method = 'GET', body?: string, headers = {}): Promise<Reply> {
    const { host } = new URL(url)
    const jar = cookies.get(host) ?? new Map<string, string>()
    cookies.set(host, jar)
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const reply = await request(url, {
      method: method as 'GET',
      headers: { ...(cookie === '' ? {} : { cookie }), ...headers },
      body: body ?? null,
      dispatcher,
    })
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const pair = line.split(';', 1)[0] ?? ''
      const at = pair.indexOf('=')
      jar.set(pair.slice(0, at), pair.slice(at + 1))
    }
    const location = reply.headers['location']
    const text = await reply.body.text()
    return { status: reply.statusCode, location: location === undefined ? undefined : String(location), text }
  }

  async function call(method: string, path: string, body?: unknown, reason?: string): Promise<string> {
    const headers = {
      ...(method === 'GET' ? {} : { 'x-csrf-token': csrfToken }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(reason === undefined ? {} : { 'x-reason': encodeURIComponent(reason) }),
    }
    const url = `${base}/api/v1${path}`
    const json = body === undefined ? undefined : JSON.stringify(body)
    for (let attempt = 0; ; attempt++) {
      const { status, text } = await visit(url, method, json, headers)
      if (status < 300) return text
      // The API allows 20 calls a second from one address, so the call may have to wait.
      if (status !== 429 || attempt === 20)
        throw new Error(`${method} ${url} answered ${status} to ${who.name}: ${text.slice(0, 500)}`)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
  const parsed = <T>(text: string): T => (text === '' ? undefined : JSON.parse(text)) as T

  /** The last page of a login: that of the callback when it succeeded. */
  async function walkThrough(): Promise<{ url: string; reply: Reply }> {
    let url = `${base}/login`
    let reply = await visit(url)
    for (let step = 0; step < MOST_STEPS; step++) {
      if (reply.location !== undefined) {
        url = new URL(reply.location, url).href
        reply = await visit(url)
        continue
      }
      if (isIn(url, reply)) break
      const action = /<form method="post" action="([^"]+)"/.exec(reply.text)?.[1]
      if (action === undefined || reply.status !== 200) break
      url = new URL(action, url).href
      const form = new URLSearchParams({ name: who.subject, password: who.password })
      reply = await visit(url, 'POST', form.toString(), {
        'content-type': 'application/x-www-form-urlencoded',
      })
    }
    return { url, reply }
  }

  function isIn(url: string, { status }: Reply): boolean {
    return url.startsWith(`${base}/login/callback`) && status === 200
  }

  return {
    async login() {
      for (let attempt = 1; ; attempt++) {
        const { url, reply } = await walkThrough()
        if (isIn(url, reply)) break
        // On a busy machine a provider that is still loading its code may give no answer in time.
        if (reply.status < 500 || attempt === MOST_LOGINS)
          throw new Error(
            `${who.name} could not log in: ${url} answered ${reply.status} ${reply.text.slice(0, 300)}`,
          )
        await new Promise((resolve) => setTimeout(resolve, BETWEEN_LOGINS_MS))
      }
      csrfToken = parsed<{ csrfToken: string }>(await call('GET', '/session')).csrfToken
    },
    get: async (path) => parsed(await call('GET', path)),
    send: async (method, path, body, reason) => parsed(await call(method, path, body, reason)),
    close: () => dispatcher.close(),
  }
}

/**
 * One person proposes, the other reads the proposal and approves exactly that. Throws with the reason when it
 * was not carried out.
 */
export async function byTwo<T>(
  [first, second]: [Administrator, Administrator],
  q: { method: 'POST' | 'PUT'; path: string; body: unknown; reason: string },
): Promise<T> {
  const { id } = await first.send<Proposed>(q.method, q.path, q.body, q.reason)
  const { contentSha256 } = await second.get<Proposed>(`/approvals/${id}`)
  const { state, failure, result } = await second.send<{ state: string; failure: string | null; result: T }>(
    'POST',
    `/approvals/${id}/approve`,
    { contentSha256 },
  )
  if (state !== 'approved') throw new Error(`${q.method} ${q.path} was approved and ${state}: ${failure}`)
  return result
}
