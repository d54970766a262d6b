/**
 * Orders one certificate (RFC 8555 7.4): order, proof of each name, request, certificate. An order is
 * remembered by its address, so that a crash or a slow CA leads to another look at the same order and not to
 * a second one.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { asFault, type Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { failed, hostOf, sameHost } from './client.ts'
import { refusal, type Session, saidOf } from './session.ts'

const REST_MS = 1000
const LONGEST_REST_MS = 10_000
const MOST_AUTHORIZATIONS = 10
const TOKEN = /^[A-Za-z0-9_-]{22,200}$/

type ProofKind = 'http-01' | 'dns-01'

export type Proof = {
  kind: ProofKind
  /** Makes the answer visible to the CA; the returned function takes it back. */
  show(q: { name: string; token: string; authorization: string }): Promise<() => Promise<void>>
}

type OrderQuestion = {
  session: Session
  name: string
  /** The PKCS#10 request in DER. */
  request: Buffer
  profile: string | undefined
  /** The certificate that this one takes the place of (RFC 9773 5). */
  replaces: string | undefined
  proof: Proof
  /** The address of an order that was begun. */
  begun: string | undefined
  /** Called with the address before anything is proved. */
  remember(url: string): Promise<void>
  signal: AbortSignal
  /** How long one run looks at an order before it leaves the rest to the next one. */
  lookMs: number
}

/**
 * The PEM chain as it came, not checked. Throws `acme_refused` when the order has ended, and `acme_failed`
 * when it may go on later.
 */
export async function orderCertificate(q: OrderQuestion): Promise<string> {
  const { session } = q
  const url = q.begun ?? (await placeOrder(q))
  const until = performance.now() + q.lookMs
  for (let restMs = 0; ; ) {
    if (restMs > 0) await wait(restMs, undefined, { signal: q.signal })
    const { json, retryAfter } = await session.post(url)
    const state = json?.['status']
    if (state === 'valid') return certificateOf(q, json!['certificate'])
    if (state === 'invalid') throw orderRefused(json!['error'], url)
    if (state === 'pending') for (const one of listOf(json!['authorizations'])) await prove(q, one, until)
    // The answer to a finalization may be lost: asked twice, a CA refuses the second and the order goes on.
    if (state === 'ready')
      await session.post(sameHost(json!['finalize'], session.directory.url), {
        csr: q.request.toString('base64url'),
      })
    restMs = state === 'ready' || state === 'pending' ? REST_MS : restOf(retryAfter)
    if (performance.now() + restMs >= until) throw notProvedYet({ error: undefined, retryAfter }, url)
  }
}

async function placeOrder(q: OrderQuestion): Promise<string> {
  const { session } = q
  const { directory } = session
  const order = {
    identifiers: [{ type: 'dns', value: q.name }],
    ...(q.profile !== undefined && directory.profiles.includes(q.profile) ? { profile: q.profile } : {}),
  }
  const place = (more: object) => session.post(directory.newOrder, { ...order, ...more })
  // What is said of the old certificate only helps the CA: where it refuses that, the order goes without.
  const replaces = directory.renewalInfo === undefined ? undefined : q.replaces
  const answer = await (replaces === undefined
    ? place({})
    : place({ replaces }).catch((thrown: unknown) => {
        if (asFault(thrown).code !== 'acme_refused') throw thrown
        return place({})
      }))
  const url = sameHost(answer.location, directory.url)
  await q.remember(url)
  return url
}

async function prove(q: OrderQuestion, authorization: string, until: number): Promise<void> {
  const { session, proof } = q
  const url = sameHost(authorization, session.directory.url)
  const { json } = await session.post(url)
  if (json?.['status'] === 'valid') return
  const identifier = (json?.['identifier'] ?? {}) as Record<string, unknown>
  if (identifier['value'] !== q.name)
    throw failed(say`the ACME server ${hostOf(url)} wants proof of a name that was not ordered`)
  const challenges = Array.isArray(json?.['challenges'])
    ? (json['challenges'] as Record<string, unknown>[])
    : []
  const challenge = challenges.slice(0, 20).find((one) => one?.['type'] === proof.kind)
  const token = challenge?.['token']
  if (challenge === undefined || typeof token !== 'string' || !TOKEN.test(token))
    throw failed(say`the ACME server ${hostOf(url)} does not offer a proof by ${proof.kind}`)
  const hide = await proof.show({ name: q.name, token, authorization: session.authorization(token) })
  try {
    await session.post(sameHost(challenge['url'], session.directory.url), {})
    for (;;) {
      await wait(REST_MS, undefined, { signal: q.signal })
      const { json: seen, retryAfter } = await session.post(url)
      if (seen?.['status'] === 'valid') return
      if (seen?.['status'] !== 'pending') throw orderRefused(errorIn(seen?.['challenges']), url)
      const restMs = restOf(retryAfter)
      if (performance.now() + restMs >= until)
        throw notProvedYet({ error: errorIn(seen['challenges']), retryAfter }, url)
      await wait(restMs - REST_MS, undefined, { signal: q.signal })
    }
  } finally {
    await hide()
  }
}

async function certificateOf({ session }: OrderQuestion, url: unknown): Promise<string> {
  return (await session.post(sameHost(url, session.directory.url))).text
}

function restOf(retryAfter: number | undefined): number {
  return Math.min(Math.max((retryAfter ?? 0) * 1000, REST_MS), LONGEST_REST_MS)
}

function listOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value : []
  if (list.length === 0 || list.length > MOST_AUTHORIZATIONS || !list.every((one) => typeof one === 'string'))
    throw failed(say`the order at the ACME server has no authorizations`)
  return list as string[]
}

function errorIn(challenges: unknown): unknown {
  const list = Array.isArray(challenges) ? (challenges as Record<string, unknown>[]) : []
  return list.find((one) => one?.['error'] !== undefined)?.['error']
}

/**
 * A CA may leave a challenge pending after a look that failed, and say why (RFC 8555 8.2): it looks again
 * when the next try says so.
 */
function notProvedYet(q: { error: unknown; retryAfter: number | undefined }, url: string): Fault {
  const { retryAfter } = q
  const host = hostOf(url)
  const said = q.error === undefined ? '' : saidOf(q.error as Record<string, unknown>)
  return said === ''
    ? failed(say`the ACME server ${host} has not ended the order yet`, { retryAfter })
    : failed(say`the ACME server ${host} does not take the proof yet: ${said}`, { retryAfter })
}

/** What a CA says of an order that it ended: the next try makes a new one. */
function orderRefused(error: unknown, url: string): Fault {
  const json = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>
  return refusal({ status: 400, json, retryAfter: undefined }, url)
}
