/**
 * The way to one OpenBao or Vault: what state it is in, with our token there, which is got, renewed and got anew by itself. While it is away, one
 * call at a time tries, and all others get the last reason at once.
 */
import type { Clock } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { TokenState } from '#platform/pkcs11/hardware-token.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { createTransitHttp, type TransitAnswer, type TransitCall } from './client.ts'
import { isLeaseOld, type Lease, renewLease, type TransitAuth, takeLease } from './lease.ts'

export type TransitPlace = {
  label: string
  /** https, host and port. */
  url: string
  mount: string
  namespace?: string | undefined
  /** PEM. */
  ca?: string | undefined
  auth: TransitAuth
  keyPrefix: string
  /** Milliseconds between looks; 5 s by default. */
  lookMs?: number | undefined
  /** Milliseconds for one call; 10 s by default. */
  limitMs?: number | undefined
}

const LOOK_MS = 5000
/** For this long after a failure there is no further attempt for messages: they get the last reason at once. */
const PAUSE_MS = 1000
/** A role that is refused too often may be locked there. */
const REFUSED_PAUSE_MS = 30_000

type TransitConnection = {
  state(): TokenState
  /** The answer, whatever it says. Throws `token_unavailable` while it is away, `token_not_active` while it refuses us. */
  ask(call: TransitCall): Promise<TransitAnswer>
  /** What a good answer holds; throws as `ask`, and `token_unavailable` for any other answer. */
  demand(call: TransitCall): Promise<Record<string, unknown>>
  ready(): Promise<void>
  look(): Promise<void>
  close(): void
}

/** Starts to look for it; `changed` is called on each change of its state. */
export function createTransitConnection(q: {
  place: TransitPlace
  clock: Clock
  changed?: (() => void) | undefined
}): TransitConnection {
  const { place, clock } = q
  const name = `token ${place.label}`
  const http = createTransitHttp(place)
  const inTurn = createTurn()
  let lease: Lease | undefined
  let now: TokenState = { state: 'away', reason: 'it was not looked for yet' }
  let failure: { fault: Fault; until: number } | undefined
  let looking: Promise<void> | undefined
  let renewAgainAt = 0
  let closed = false

  function become(next: Pick<TokenState, 'state' | 'reason'>): void {
    const before = JSON.stringify(now)
    now = { ...next, model: `transit ${new URL(place.url).host}/${place.mount}` }
    if (JSON.stringify(now) !== before) q.changed?.()
  }

  function fail(state: 'away' | 'locked', reason: string, pauseMs: number, cause?: unknown): Fault {
    lease = undefined
    become({ state, reason })
    const code = state === 'away' ? 'token_unavailable' : 'token_not_active'
    const fault = new Fault(code, { what: `${name}: ${reason}`, cause })
    failure = { fault, until: clock() + pauseMs }
    return fault
  }

  /** What is no answer, or one of a server that cannot work, makes the token away. */
  async function send(call: TransitCall, token?: string): Promise<TransitAnswer> {
    let answer: TransitAnswer
    try {
      answer = await http.send(call, token)
    } catch (thrown) {
      throw fail('away', asFault(thrown).what ?? 'it does not answer', PAUSE_MS, thrown)
    }
    const { status, said } = answer
    if (status >= 500 || status === 472 || status === 473)
      throw fail(
        'away',
        /sealed/i.test(said) ? 'it is sealed' : `it answered ${status} ${said}`.trim(),
        PAUSE_MS,
      )
    return answer
  }

  /** Within a turn. */
  async function open(): Promise<Lease> {
    let taken: Lease | TransitAnswer
    try {
      taken = await takeLease(place.auth, send, clock())
    } catch (thrown) {
      // A secret that cannot be read; what came from there is said already.
      throw failure?.fault === thrown ? thrown : fail('locked', asFault(thrown).message, PAUSE_MS, thrown)
    }
    if (!('token' in taken))
      throw fail('locked', `it refuses us: ${taken.status} ${taken.said}`.trim(), REFUSED_PAUSE_MS)
    lease = taken
    failure = undefined
    become({ state: 'open' })
    return taken
  }

  function opened(): Promise<Lease> {
    const isOver = lease?.endsAt !== undefined && lease.endsAt <= clock()
    if (lease !== undefined && !isOver) return Promise.resolve(lease)
    return inTurn(async () => {
      if (closed) throw new Fault('token_unavailable', { what: `${name} was closed` })
      if (lease !== undefined && !isOver) return lease
      if (failure !== undefined && clock() < failure.until) throw failure.fault
      return open()
    })
  }

  /** Our token may have been revoked: then it is got anew, once. */
  async function isRevoked({ token }: Lease): Promise<boolean> {
    return (await send({ method: 'GET', path: 'auth/token/lookup-self' }, token)).status !== 200
  }

  async function ask(call: TransitCall, again = true): Promise<TransitAnswer> {
    const at = await opened()
    const answer = await send(call, at.token)
    if (answer.status !== 403 || !again || !(await isRevoked(at))) return answer
    if (lease === at) lease = undefined
    return ask(call, false)
  }

  async function demand(call: TransitCall): Promise<Record<string, unknown>> {
    const { status, said, json } = await ask(call)
    if (status >= 200 && status < 300) return (json['data'] ?? {}) as Record<string, unknown>
    const why =
      status === 403
        ? `it does not allow us ${call.path}: see our policy there`
        : `it answered ${status} ${said}`
    throw new Fault('token_unavailable', { what: `${name}: ${why}` })
  }

  async function lookOnce(): Promise<void> {
    if (closed) return
    const at = lease
    if (at === undefined) return void (await opened())
    if (isLeaseOld(at, clock()) && clock() >= renewAgainAt) {
      const longer = at.isRenewable ? await renewLease(at, send, clock()) : undefined
      const next = longer ?? (await takeLease(place.auth, send, clock()))
      // One that is refused leaves the old one, which serves to its end.
      if ('token' in next) lease = next
      else renewAgainAt = clock() + REFUSED_PAUSE_MS
    } else if (await isRevoked(at)) {
      if (lease === at) lease = undefined
      await opened()
    }
  }

  function look(): Promise<void> {
    looking ??= lookOnce()
      .catch(() => undefined) // The state says why.
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  const timer = setInterval(() => void look(), place.lookMs ?? LOOK_MS)
  timer.unref()
  void look()

  return {
    state: () => now,
    ask,
    demand,
    look,
    async ready() {
      if (await isRevoked(await opened())) throw fail('locked', 'it refuses our token', PAUSE_MS)
    },
    close() {
      closed = true
      lease = undefined
      clearInterval(timer)
      void http.close()
    },
  }
}
