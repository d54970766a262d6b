/**
 * Signed requests of one account to one ACME server (RFC 8555 6.2 to 6.5, 7.3): nonces, the account, and its
 * external binding.
 */
import { createHash, createHmac } from 'node:crypto'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import type { AccountKey } from '../../../keys/account-keys.ts'
import { type AcmeAnswer, type AcmeHttp, failed, hostOf, sameHost } from './client.ts'

/** A server may refuse nonces at random; each refusal brings a new one. */
const MOST_NONCES = 12

export type Binding = { kid: string; macKey: Buffer }

export type Directory = {
  url: string
  newNonce: string
  newAccount: string
  newOrder: string
  renewalInfo: string | undefined
  bindingRequired: boolean
  /** The profiles that orders may name. */
  profiles: string[]
}

export type Session = {
  directory: Directory
  /**
   * `payload` undefined: a POST-as-GET. Throws `acme_refused` or `acme_failed` for an answer that is no
   * success.
   */
  post(url: string, payload?: object): Promise<AcmeAnswer>
  /** What a challenge is answered with (RFC 8555 8.1). */
  authorization(token: string): string
  /**
   * Ends the account for good (RFC 8555 7.3.6): the CA takes nothing more by its key, and cancels what it had
   * begun.
   */
  deactivate(): Promise<void>
}

/** Throws `acme_failed`. */
export async function readDirectory(http: AcmeHttp, url: string): Promise<Directory> {
  const { status, json } = await http.send(sameHost(url, url), { method: 'GET' })
  if (status !== 200 || json === undefined)
    throw failed(say`the ACME server ${hostOf(url)} answered ${status} where its directory should be`)
  const meta = (json['meta'] ?? {}) as Record<string, unknown>
  const { profiles } = meta
  return {
    url,
    newNonce: sameHost(json['newNonce'], url),
    newAccount: sameHost(json['newAccount'], url),
    newOrder: sameHost(json['newOrder'], url),
    renewalInfo: json['renewalInfo'] === undefined ? undefined : sameHost(json['renewalInfo'], url),
    bindingRequired: meta['externalAccountRequired'] === true,
    profiles: typeof profiles === 'object' && profiles !== null ? Object.keys(profiles) : [],
  }
}

/**
 * Opens the account of this key, or makes it: the server finds it by its key, so that nothing has to be
 * remembered. Throws `acme_failed`, also where the CA wants a binding and the settings have none.
 */
export async function openSession(q: {
  http: AcmeHttp
  directory: Directory
  key: AccountKey
  binding: Binding | undefined
  contact: string | undefined
  profile: string | undefined
  /** Makes no account: throws `acme_refused` where the CA has none of this key (RFC 8555 7.3.1). */
  isKnown?: boolean
}): Promise<Session> {
  const { http, directory, key, binding } = q
  let nonce: string | undefined
  let account: string | undefined

  async function freshNonce(): Promise<string> {
    const { nonce: fresh } = await http.send(directory.newNonce, { method: 'HEAD' })
    if (fresh === undefined || !/^[A-Za-z0-9_-]{1,500}$/.test(fresh))
      throw failed(say`the ACME server ${hostOf(directory.url)} gives no nonce`)
    return fresh
  }

  async function post(url: string, payload?: object): Promise<AcmeAnswer> {
    const to = sameHost(url, directory.url)
    for (let tries = 1; ; tries++) {
      const used = nonce ?? (await freshNonce())
      nonce = undefined
      const who = account === undefined ? { jwk: key.jwk } : { kid: account }
      const body = signed({ alg: 'ES256', nonce: used, url: to, ...who }, payload, (data) => key.sign(data))
      const answer = await http.send(to, {
        ...{ method: 'POST', body: JSON.stringify(body) },
        ...(q.profile === undefined ? {} : { profile: q.profile }),
      })
      nonce =
        answer.nonce !== undefined && /^[A-Za-z0-9_-]{1,500}$/.test(answer.nonce) ? answer.nonce : undefined
      if (answer.status >= 200 && answer.status < 300) return answer
      if (problemOf(answer) !== 'badNonce' || tries >= MOST_NONCES) throw refusal(answer, to)
    }
  }

  const isNew = q.isKnown !== true
  if (isNew && directory.bindingRequired && binding === undefined)
    throw failed(say`the CA wants accounts that are bound: enter kid and macKeyFile for it in acme.accounts`)
  const made = {
    termsOfServiceAgreed: true,
    ...(q.contact === undefined ? {} : { contact: [`mailto:${q.contact}`] }),
    ...(binding === undefined
      ? {}
      : { externalAccountBinding: bindingOf(binding, key, directory.newAccount) }),
  }
  const answer = await post(directory.newAccount, isNew ? made : { onlyReturnExisting: true })
  const url = sameHost(answer.location, directory.url)
  account = url
  const thumbprint = createHash('sha256').update(JSON.stringify(key.jwk)).digest('base64url')
  return {
    ...{ directory, post },
    authorization: (token) => `${token}.${thumbprint}`,
    async deactivate() {
      const { json } = await post(url, { status: 'deactivated' })
      if (json?.['status'] !== 'deactivated')
        throw failed(
          say`the ACME server ${hostOf(directory.url)} did not say that the account is deactivated`,
        )
    },
  }
}

/** RFC 8555 7.3.4: the account's public key, signed with the MAC key that the CA gave to the member. */
function bindingOf({ kid, macKey }: Binding, { jwk }: AccountKey, url: string): object {
  return signed({ alg: 'HS256', kid, url }, jwk, (data) => createHmac('sha256', macKey).update(data).digest())
}

/** The flattened JSON serialization (RFC 7515 7.2.2). */
function signed(head: object, payload: object | undefined, sign: (data: Buffer) => Buffer): object {
  const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const parts = { protected: encoded(head), payload: payload === undefined ? '' : encoded(payload) }
  const signature = sign(Buffer.from(`${parts.protected}.${parts.payload}`)).toString('base64url')
  return { ...parts, signature }
}

const PREFIX = 'urn:ietf:params:acme:error:'

/** The last part of an ACME error's type; the empty text for another one. */
function problemOf({ json }: Pick<AcmeAnswer, 'json'>): string {
  const type = json?.['type']
  return typeof type === 'string' && type.startsWith(PREFIX)
    ? type.slice(PREFIX.length, PREFIX.length + 40)
    : ''
}

/** What a problem document says, as far as it is plain text; the empty text where it says nothing. */
export function saidOf(json: AcmeAnswer['json']): string {
  const detail = json?.['detail']
  const text =
    typeof detail === 'string' ? detail.replaceAll(/[^\x20-\x7e\xa0-\u024f]/g, ' ').slice(0, 500) : ''
  return [problemOf({ json }), text].filter(Boolean).join(' ')
}

const TRANSIENT = ['badNonce', 'rateLimited', 'serverInternal', 'orderNotReady']

/**
 * `acme_refused` for what will not get better by itself, `acme_failed` for the rest. Says what the server
 * says of it, as far as that is plain text.
 */
export function refusal(answer: Pick<AcmeAnswer, 'status' | 'json' | 'retryAfter'>, url: string): Fault {
  const what = `${answer.status} ${saidOf(answer.json)}`.trim()
  const { status, retryAfter } = answer
  const mayGoOn = status === 429 || status >= 500 || status < 400 || TRANSIENT.includes(problemOf(answer))
  return new Fault(mayGoOn ? 'acme_failed' : 'acme_refused', {
    what: say`the ACME server ${hostOf(url)} answered ${what}`,
    retryAfter,
  })
}
