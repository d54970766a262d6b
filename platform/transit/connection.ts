/**
 * The way to one OpenBao or Vault: what state it is in, with our token there, which is got, renewed and got
 * anew by itself. While it is away, one call at a time tries, and all others get the last reason at once. A
 * call that fails while the engine works is that call's trouble alone.
 */
import { type Clock, hasPassed } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import type { TokenState } from '#platform/pkcs11/hardware-token.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { createTransitHttp, type TransitAnswer, type TransitCall } from './client.ts'
import { createEngineState, createSignatureRecord } from './engine-state.ts'
import { isLeaseOld, isRefusal, type Lease, renewLease, type TransitAuth, takeLease } from './lease.ts'

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
/**
 * For this long after a failure there is no further attempt for messages: they get the last reason at once.
 */
const PAUSE_MS = 1000
/** A role that is refused too often may be locked there. */
const REFUSED_PAUSE_MS = 30_000
/** Whether it works has to be known before those who wait give up. */
const PROBE_MS = 3000
const REVOKE_MS = 2000
const LOOK_UP = 'auth/token/lookup-self'

type TransitConnection = {
  state(): TokenState
  /**
   * The answer, whatever it says. Throws `token_unavailable` while it is away, `token_not_active` while it
   * refuses us.
   */
  ask(call: TransitCall): Promise<TransitAnswer>
  /** What a good answer holds; throws as `ask`, and `token_unavailable` for any other answer. */
  demand(call: TransitCall): Promise<Record<string, unknown>>
  ready(): Promise<void>
  /**
   * Says whether a signature of this key verified. Away when each key that signed gave several in a row that
   * did not.
   */
  judge(key: string, isGood: boolean): void
  forget(key: string): void
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
  const probeMs = Math.min(PROBE_MS, place.limitMs ?? PROBE_MS)
  const signatures = createSignatureRecord()
  const health = createEngineState({ ...q, name, model: `transit ${new URL(place.url).host}/${place.mount}` })
  const { fail, serve, failWhileAway } = health
  let lease: Lease | undefined
  let looking: Promise<void> | undefined
  let probing: Promise<void> | undefined
  let renewalFailedAt = Number.NEGATIVE_INFINITY
  let takenAt = Number.NEGATIVE_INFINITY
  /** False where our policy there forbids it: then a refusal says nothing of the token. */
  let mayLookUp = true
  let closed = false

  /** A call about our token: no answer, or one of a server that cannot work, makes it away. */
  async function send(call: TransitCall, token?: string): Promise<TransitAnswer> {
    let answer: TransitAnswer
    try {
      answer = await http.send(call, token)
    } catch (thrown) {
      throw fail('away', asFault(thrown).what ?? 'it does not answer', PAUSE_MS, thrown)
    }
    const reason = outage(answer)
    if (reason !== undefined) throw fail('away', reason, PAUSE_MS)
    return answer
  }

  /** Within a turn. */
  async function open(): Promise<Lease> {
    let taken: Lease | TransitAnswer
    try {
      taken = await takeLease(place.auth, send, clock())
    } catch (thrown) {
      // A secret that cannot be read; what came from there is said already.
      throw health.failure() === thrown ? thrown : fail('locked', asFault(thrown).message, PAUSE_MS, thrown)
    }
    if (!('token' in taken)) {
      lease = undefined
      throw isRefusal(taken)
        ? fail('locked', `it refuses us: ${taken.status}`, REFUSED_PAUSE_MS)
        : fail('away', `it answered ${taken.status}`, PAUSE_MS)
    }
    await replace(taken)
    if (closed) throw closedFault(name)
    serve()
    return taken
  }

  /** Within a turn. A role's token that is ours no more is revoked, and one that came after closing. */
  async function replace(next: Lease): Promise<void> {
    if (closed) return revoke(next)
    const before = lease
    lease = next
    takenAt = clock()
    if (before !== undefined && before.token !== next.token) void revoke(before)
  }

  const revoke = (old: Lease): Promise<void> => revokeToken(http, place.auth, old)

  const held = (): Lease | undefined =>
    lease === undefined || (lease.endsAt !== undefined && lease.endsAt <= clock()) ? undefined : lease

  async function opened(): Promise<Lease> {
    const at = held()
    if (at !== undefined && health.failure() === undefined) return at
    failWhileAway()
    return inTurn(async () => {
      if (closed) throw closedFault(name)
      const mine = held()
      if (mine !== undefined && health.failure() === undefined) return mine
      failWhileAway()
      return health.trying(async () => {
        if (mine === undefined || (await isRevoked(mine))) return await open()
        serve()
        return mine
      })
    })
  }

  /** Only a plain refusal says so: a server that is busy or sends us elsewhere says nothing of it. */
  async function isRevoked({ token }: Lease): Promise<boolean> {
    const { status } = await send({ method: 'GET', path: LOOK_UP, limitMs: probeMs }, token)
    return status === 403 && mayLookUp
  }

  /** Our token was refused: a new one is got. If it is refused too, our policy lacks the look-up. */
  function renewRevoked(at: Lease): Promise<void> {
    return inTurn(async () => {
      if (lease !== at || closed) return
      lease = undefined
      const taken = await open()
      if (await isRevoked(taken)) mayLookUp = false
    })
  }

  /** A call failed: whether the engine works is asked apart, so that one key's trouble stops no other. */
  function probe(token: string): Promise<void> {
    probing ??= send({ method: 'GET', path: LOOK_UP, limitMs: probeMs }, token)
      .then(() => undefined)
      .finally(() => {
        probing = undefined
      })
    return probing
  }

  async function ask(call: TransitCall, again = true): Promise<TransitAnswer> {
    const at = await opened()
    let answer: TransitAnswer
    try {
      answer = await http.send(call, at.token)
    } catch (thrown) {
      await probe(at.token)
      throw new Fault('token_unavailable', { what: `${name}: ${asFault(thrown).what}`, cause: thrown })
    }
    const reason = outage(answer)
    if (reason !== undefined) {
      await probe(at.token)
      throw new Fault('token_unavailable', { what: `${name}: ${reason}` })
    }
    if (answer.status !== 403 || !again) return answer
    if (lease === at) {
      const isOurs = mayLookUp ? !(await isRevoked(at)) : !hasPassed(clock(), takenAt, REFUSED_PAUSE_MS)
      if (isOurs) return answer
      await renewRevoked(at)
    }
    return ask(call, false)
  }

  async function demand(call: TransitCall): Promise<Record<string, unknown>> {
    const { status, json } = await ask(call)
    if (status >= 200 && status < 300) return (json['data'] ?? {}) as Record<string, unknown>
    const why =
      status === 403 ? `it does not allow us ${call.path}: see our policy there` : `it answered ${status}`
    throw new Fault('token_unavailable', { what: `${name}: ${why}` })
  }

  /** Within a turn. One that is refused leaves the old one, which serves to its end. */
  async function renew(at: Lease): Promise<void> {
    const longer = at.isRenewable ? await renewLease(at, send, clock()) : undefined
    const next = longer ?? (await takeLease(place.auth, send, clock()))
    if ('token' in next) await replace(next)
    else renewalFailedAt = clock()
  }

  async function lookOnce(): Promise<void> {
    if (closed) return
    const at = await opened()
    if (isLeaseOld(at, clock()) && hasPassed(clock(), renewalFailedAt, REFUSED_PAUSE_MS))
      await inTurn(async () => {
        if (lease === at && !closed) await renew(at)
      })
    else if (await isRevoked(at)) await renewRevoked(at)
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
    state: health.state,
    ask,
    demand,
    look,
    async ready() {
      const at = await opened()
      if (!(await isRevoked(at))) return
      await renewRevoked(at)
      await opened()
    },
    judge(key, isGood) {
      if (signatures.areAllWrong(key, isGood)) fail('away', 'its signatures do not verify', REFUSED_PAUSE_MS)
    },
    forget: signatures.forget,
    close() {
      closed = true
      clearInterval(timer)
      const revoked = lease === undefined ? undefined : revoke(lease)
      lease = undefined
      // A token may be on its way, which whoever asked for it then revokes.
      void Promise.all([revoked, inTurn(async () => undefined)]).finally(() => http.close())
    },
  }
}

function closedFault(name: string): Fault {
  return new Fault('token_unavailable', { what: `${name} was closed` })
}

/** A token from a file belongs to others. */
async function revokeToken(
  http: Pick<ReturnType<typeof createTransitHttp>, 'send'>,
  auth: TransitAuth,
  { token }: Lease,
): Promise<void> {
  if ('tokenFile' in auth) return
  const call = { method: 'POST', path: 'auth/token/revoke-self', body: {}, limitMs: REVOKE_MS } as const
  await http.send(call, token).catch(() => undefined) // It ends by itself.
}

/**
 * Why an answer is one of a server that cannot work. What it says of itself is shown to nobody: it may hold
 * what we sent.
 */
function outage({ status, isSealed }: TransitAnswer): string | undefined {
  if (status < 500 && status !== 472 && status !== 473) return undefined
  return isSealed ? 'it is sealed' : `it answered ${status}`
}
