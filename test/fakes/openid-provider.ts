/** Starts the OpenID provider's process, and drives browsers through its forms and our pages. */
import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { lookup } from 'node:dns'
import path from 'node:path'
import type { Test } from 'tap'
import { Agent, request } from 'undici'

export const CLIENT = { id: 'registry', secret: 'a secret of the tests, long enough' }

/** Returns the issuer; the provider ends with the test. */
export async function startOpenIdProvider(t: Test): Promise<string> {
  const program = path.join(import.meta.dirname, 'openid-provider-child.ts')
  const child = fork(program, [CLIENT.id, CLIENT.secret], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  t.teardown(() => void child.kill())
  return await new Promise((resolve, reject) => {
    child.once('message', (message) => resolve((message as { issuer: string }).issuer))
    child.once('exit', () => reject(new Error(`the provider ended: ${errors}`)))
  })
}

type Page = {
  status: number
  url: string
  text: string
  bytes: Buffer
  headers: Record<string, unknown>
}

/** One browser: its cookies by host and port, one address for logins, and no redirects unless requested. */
export type Browser = {
  cookies: Map<string, Map<string, string>>
  visit(url: string, o?: Visit): Promise<Page>
  /**
   * Follows redirects to a page, or until `until` is true for the next address, which is then not requested.
   */
  follow(page: Page, until?: (url: string) => boolean): Promise<Page>
  /**
   * Goes through `/login` and the provider's forms as `subject`. Returns the callback's address without
   * requesting it.
   */
  toCallback(
    base: string,
    subject: string,
    change?: (url: URL) => void,
    password?: string,
    begin?: string,
  ): Promise<string>
  /** Logs in completely, with a password at a sandbox's provider; returns the page of the callback. */
  login(base: string, subject: string, password?: string): Promise<Page>
  /** Calls the management API with the session; fetches the CSRF token unless one is given. */
  api(
    base: string,
    method: string,
    at: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>
}

export type Answer = { status: number; body: unknown }
type Visit = {
  method?: string
  form?: Record<string, string>
  body?: Buffer
  headers?: Record<string, string>
}

const anAddress = (): string => `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`

/**
 * A host name for a server on this loopback address: browsers keep passkeys for names only. Needs no name
 * server.
 */
export const hostNameOf = (address: string): string => `n-${address.replaceAll('.', '-')}.localhost`

function agentFrom(localAddress: string): Agent {
  return new Agent({
    localAddress,
    connect: {
      lookup: (host, o, done) => {
        const [, name] = /^n-(127-\d+-\d+-\d+)\.localhost$/.exec(host) ?? []
        const address = name?.replaceAll('-', '.')
        if (address === undefined) lookup(host, o, done)
        else if (o.all === true) done(null, [{ address, family: 4 }])
        else done(null, address, 4)
      },
    },
  })
}

export function openBrowser(t: Test): Browser {
  const loginFrom = agentFrom(anAddress())
  const cookies: Browser['cookies'] = new Map()
  t.teardown(() => loginFrom.close())

  const jarOf = (url: string): Map<string, string> => {
    const { host } = new URL(url)
    const jar = cookies.get(host) ?? new Map<string, string>()
    cookies.set(host, jar)
    return jar
  }

  const visit: Browser['visit'] = async (url, { method = 'GET', form, body, headers = {} } = {}) => {
    const cookie = [...jarOf(url)].map(([name, value]) => `${name}=${value}`).join('; ')
    const type = form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
    // Failed logins are counted by address, and so are all requests. Requests that are no logins use a new
    // address each time.
    const isLogin = new URL(url).pathname.startsWith('/login')
    const dispatcher = isLogin ? loginFrom : agentFrom(anAddress())
    const reply = await request(url, {
      method: (form === undefined ? method : 'POST') as 'GET',
      headers: { ...(cookie === '' ? {} : { cookie }), ...type, ...headers },
      body: form === undefined ? (body ?? null) : new URLSearchParams(form).toString(),
      dispatcher,
    })
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const [pair = '', ...attributes] = line.split('; ')
      const name = pair.slice(0, pair.indexOf('='))
      const over = attributes.some(
        (one) => /^max-age=0$/i.test(one) || /^expires=Thu, 01 Jan 1970/i.test(one),
      )
      if (over) jarOf(url).delete(name)
      else jarOf(url).set(name, pair.slice(name.length + 1))
    }
    const bytes = Buffer.from(await reply.body.arrayBuffer())
    const text = bytes.toString()
    if (!isLogin) await dispatcher.close()
    return { status: reply.statusCode, url, text, bytes, headers: reply.headers }
  }

  const follow: Browser['follow'] = async (page, until = () => false) => {
    let now = page
    while (now.status === 302 || now.status === 303) {
      const next = new URL(String(now.headers['location']), now.url).href
      if (until(next)) return { ...now, url: next }
      now = await visit(next)
    }
    return now
  }

  const toCallback: Browser['toCallback'] = async (
    base,
    subject,
    change,
    password = 'x',
    begin = '/login',
  ) => {
    const isCallback = (url: string): boolean => url.startsWith(`${base}/login/callback`)
    const begun = await visit(`${base}${begin}`)
    if (begun.status !== 303) throw new Error(`/login: ${begun.status} ${begun.text}`)
    const address = new URL(String(begun.headers['location']))
    change?.(address)
    // Another person may have logged in there before.
    cookies.delete(address.host)
    let page = await follow(await visit(address.href), isCallback)
    const forms: Record<string, string>[] = [
      // Providers name the field of the person differently.
      { prompt: 'login', login: subject, name: subject, password },
      { prompt: 'consent' },
    ]
    for (const form of forms) {
      if (isCallback(page.url)) break
      const action = /action="([^"]+)"/.exec(page.text)?.[1]
      if (action === undefined) throw new Error(`no form in ${page.status} ${page.text}`)
      page = await follow(await visit(new URL(action, page.url).href, { form }), isCallback)
    }
    if (!isCallback(page.url)) throw new Error(`no way back from ${page.url}: ${page.text}`)
    return page.url
  }

  return {
    cookies,
    visit,
    follow,
    toCallback,
    login: async (base, subject, password) => visit(await toCallback(base, subject, undefined, password)),
    api: async (base, method, at, body, headers) => {
      const url = `${base}/api/v1${at}`
      const json = (page: Page): unknown => (page.text === '' ? undefined : JSON.parse(page.text))
      const all: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
      if (method !== 'GET') {
        const session = json(await visit(`${base}/api/v1/session`)) as { csrfToken?: string }
        all['x-csrf-token'] = session.csrfToken ?? ''
      }
      const bytes = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }
      const page = await visit(url, { method, ...bytes, headers: { ...all, ...headers } })
      return { status: page.status, body: json(page) }
    },
  }
}
