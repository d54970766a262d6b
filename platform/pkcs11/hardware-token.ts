/**
 * A hardware token that may disappear and come back. It is looked for when it is needed, and every few
 * seconds. When it is back, it is opened again with the last accepted PIN, which is in memory only. A PIN is
 * never tried again after a refusal, since tokens lock after a few.
 */
import { createPublicKey, verify } from 'node:crypto'
import type { RemoteKey } from '#core/signature/signing-key.ts'
import { optionsOf } from '#core/signature/signing-key.ts'
import { type Clock, hasPassed } from '#platform/clock.ts'
import { createTurn } from '#platform/in-turn.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { TOKEN_FLAG } from './constants.ts'
import { generateOnToken, type KeyPlace } from './generate.ts'
import { operationFor } from './mechanism.ts'
import type { Mechanism } from './message.ts'
import { openTokenSession, type TokenPlace, type TokenSession } from './open-session.ts'
import type { KeyAlgorithm } from './public-key.ts'
import { isLoss, isRefusedPin, tokenFault } from './token-faults.ts'
import { adoptFromToken, destroyOnToken, type FoundKey, keysOnToken } from './token-keys.ts'

export type TokenState = {
  /** `away`: not reachable. `locked`: reachable, but nobody is logged in. `open`: can sign. */
  state: 'away' | 'locked' | 'open'
  /** Why it is away, or why nobody is logged in. */
  reason?: string | undefined
  manufacturer?: string | undefined
  model?: string | undefined
  serialNumber?: string | undefined
  /** What the token reports about earlier wrong PINs. */
  pin?: 'wrong before' | 'last try' | 'locked' | undefined
}

export type HardwareToken = {
  label: string
  state(): TokenState
  /**
   * Throws `pin_incorrect`, `pin_locked`, `token_unavailable`, or `conflict` if it is open already (the PIN
   * is then not checked). With `careful` it throws `token_not_active` instead of trying the PIN if the token
   * reports earlier wrong PINs.
   */
  login(pin: Buffer, o?: { careful?: boolean }): Promise<void>
  /**
   * Throws `pin_incorrect` for another old PIN, which the token counts, for one that the token does not take,
   * and as `generate`.
   */
  changePin(from: Buffer, to: Buffer): Promise<void>
  /** Forgets the PIN and ends the login. */
  logout(): Promise<void>
  /**
   * Makes a pair whose private key can never leave the token, proved by a signature. Throws as `login`, and
   * `token_not_active`.
   */
  generate(algorithm: KeyAlgorithm, label: string): Promise<KeyPlace>
  /** The keys on the token, whoever made them. Throws as `generate`. */
  keys(): Promise<FoundKey[]>
  /**
   * Takes a key into use that was made by other means. Throws `key_not_found`, `conflict` for a key that may
   * not be used, and as `generate`.
   */
  adopt(objectId: string): Promise<KeyPlace>
  /**
   * Destroys both halves; does nothing if they do not exist. What also holds a key of `kept` (ids of our
   * other keys there) stays.
   */
  destroy(objectId: string, kept?: readonly string[]): Promise<void>
  /**
   * `publicKey` is DER of SubjectPublicKeyInfo. The key can sign whenever the token is open; a signature that
   * takes longer than `limitMs` fails with `token_unavailable`.
   */
  key(place: KeyPlace, o?: { limitMs?: number }): RemoteKey
  /**
   * Throws `token_not_active` or `token_unavailable` unless the token is open and answers. Takes long if the
   * token hangs.
   */
  ready(): Promise<void>
  /** Looks for the token now; joins a search that is running. */
  look(): Promise<void>
  close(): void
}

/**
 * For this long after a failure there is no further attempt for messages: they get the last reason at once.
 */
const PAUSE_MS = 1000
const LOOK_MS = 5000
const P256_BYTES = 32
const COUNTS_WRONG = TOKEN_FLAG.userPinCountLow | TOKEN_FLAG.userPinFinalTry

type Remembered = { pin: Buffer; identity: string }

/** Starts to look for the token; `changed` is called on each change of its state. */
export function createHardwareToken(q: {
  place: TokenPlace
  clock: Clock
  changed?: (() => void) | undefined
}): HardwareToken {
  const name = `token ${q.place.label}`
  const inTurn = createTurn()
  let session: TokenSession | undefined
  let open = false
  let reason: string | undefined = 'it was not looked for yet'
  let failedAt = Number.NEGATIVE_INFINITY
  let failure: Fault | undefined
  let reaching = false
  let looking: Promise<void> | undefined
  // The PIN that the token with this identity accepted.
  let remembered: Remembered | undefined
  let closed = false
  let said = ''

  function tell(): void {
    const now = JSON.stringify(state())
    if (now === said) return
    said = now
    q.changed?.()
  }

  const state = (): TokenState => stateOf(session, open, reason)

  function drop(which: TokenSession | undefined, why: unknown): void {
    if (which === undefined || which !== session) return
    session = undefined
    open = false
    reason = why instanceof Error ? why.message : String(why)
    which.close()
    tell()
  }

  function forget(why: string): void {
    remembered?.pin.fill(0)
    remembered = undefined
    reason = why
  }

  /** Returns a session with the token without logging in. Call it within a turn. */
  async function reach(): Promise<TokenSession> {
    if (closed) throw new Fault('token_unavailable', { what: `${name} was closed` })
    if (session !== undefined) return session
    reaching = true
    try {
      const found = await openTokenSession(q.place)
      session = found
      failure = undefined
      reason = undefined
      void found.ended.then((why) => drop(found, why))
      return found
    } catch (thrown) {
      failure = tokenFault(thrown, name)
      failedAt = q.clock()
      reason = failure.what
      throw failure
    } finally {
      reaching = false
      tell()
    }
  }

  /** One attempt at a time reaches for a token that was away; meanwhile others fail with the last reason. */
  function failWhileAway(): void {
    if (session !== undefined || failure === undefined) return
    if (reaching || !hasPassed(q.clock(), failedAt, PAUSE_MS)) throw failure
  }

  /** Tries this PIN once. Call it within a turn. */
  async function tryPin(at: TokenSession, pin: Buffer): Promise<void> {
    try {
      await at.login(pin)
    } catch (thrown) {
      if (isRefusedPin(thrown)) {
        forget('the PIN was refused')
        await at.refresh().catch(() => undefined)
      } else if (isLoss(thrown)) drop(at, thrown)
      tell()
      throw tokenFault(thrown, name)
    }
    remembered = keptPin(remembered, pin, at.identity)
    open = true
    reason = undefined
    await at.refresh().catch((thrown: unknown) => drop(at, thrown))
    tell()
  }

  /** Returns a session in which the token can sign; logs in with the remembered PIN if needed. */
  async function opened(): Promise<TokenSession> {
    if (session !== undefined && open) return session
    failWhileAway()
    return inTurn(async () => {
      if (session !== undefined && open) return session
      failWhileAway()
      const at = await reach()
      if (remembered === undefined) throw new Fault('token_not_active', { what: name })
      const why = whyNotAgain(at, remembered.identity)
      if (why !== undefined) {
        forget(why)
        tell()
        throw new Fault('token_not_active', { what: `${name}: ${why}` })
      }
      await tryPin(at, remembered.pin)
      return at
    })
  }

  /** Runs `act`. If the connection is lost, runs it once more on a new one. */
  async function run<T>(act: (at: TokenSession) => Promise<T>, again = true): Promise<T> {
    const at = await opened()
    try {
      return await act(at)
    } catch (thrown) {
      if (!isLoss(thrown)) throw tokenFault(thrown, name)
      drop(at, thrown)
      if (again) return run(act, false)
      throw tokenFault(thrown, name)
    }
  }

  function look(): Promise<void> {
    looking ??= lookOnce().finally(() => {
      looking = undefined
    })
    return looking
  }

  async function lookOnce(): Promise<void> {
    if (closed) return
    try {
      await inTurn(async () => (await reach()).check(open))
      if (!open && remembered !== undefined) await opened()
    } catch (thrown) {
      if (isLoss(thrown)) drop(session, thrown)
    }
    tell()
  }

  const timer = setInterval(() => void look(), q.place.lookMs ?? LOOK_MS)
  timer.unref()
  void look()

  return {
    label: q.place.label,
    state,
    look,
    ready: () => run((at) => at.check(true)),
    login: (pin, { careful = false } = {}) =>
      inTurn(async () => {
        const at = await reach()
        // Comparing PINs of an open token would tell whether a guess is right without the token counting it.
        if (open) throw new Fault('conflict', { what: say`${name} is open; log out first to try a PIN` })
        if (careful) await readAnew(at, name, drop)
        if (at.description.flags & TOKEN_FLAG.userPinLocked) throw new Fault('pin_locked', { what: name })
        if (careful && (at.description.flags & COUNTS_WRONG) !== 0) {
          reason = 'a wrong PIN was given before: somebody has to log in'
          tell()
          throw new Fault('token_not_active', { what: `${name}: ${reason}` })
        }
        await tryPin(at, pin)
      }),
    logout: () =>
      inTurn(async () => {
        forget('somebody logged out')
        open = false
        await session?.logout().catch((thrown: unknown) => drop(session, thrown))
        tell()
      }),
    // Not repeated: the PIN may be the new one already.
    changePin: (from, to) =>
      run(async (at) => {
        await setPin(at, { from, to, forget, tell })
        if (remembered !== undefined) remembered = keptPin(remembered, to, at.identity)
      }, false),
    keys: () => run(keysOnToken),
    adopt: (objectId) => run((at) => adoptFromToken(at, objectId)),
    // Not repeated: the pair may exist already.
    generate: (algorithm, label) => run((at) => generateOnToken(at, { algorithm, label }), false),
    destroy: (objectId) => run((at) => destroyOnToken(at, objectId)),
    key: (place, { limitMs } = {}) =>
      remoteKey(place, name, (mechanism, input) =>
        within(
          run(async (at) => at.sign(place.objectId, mechanism, input)),
          limitMs,
          name,
        ),
      ),
    close() {
      closed = true
      clearInterval(timer)
      forget('it was closed')
      drop(session, 'it was closed')
    },
  }
}

/** Reads what the token reports: another process may have given a wrong PIN since the last look. */
async function readAnew(
  at: TokenSession,
  name: string,
  drop: (at: TokenSession, why: unknown) => void,
): Promise<void> {
  try {
    await at.refresh()
  } catch (thrown) {
    drop(at, thrown)
    throw tokenFault(thrown, name)
  }
}

function stateOf(session: TokenSession | undefined, isOpen: boolean, reason: string | undefined): TokenState {
  if (session === undefined) return { state: 'away', reason }
  const { manufacturer, model, serialNumber, flags } = session.description
  const told = { manufacturer, model, serialNumber, pin: pinState(flags) }
  return isOpen ? { state: 'open', ...told } : { state: 'locked', reason, ...told }
}

/** A copy of this PIN for the token; the one that was kept before is overwritten. */
function keptPin(before: Remembered | undefined, pin: Buffer, identity: string): Remembered {
  if (before?.pin === pin) return before
  before?.pin.fill(0)
  return { pin: Buffer.from(pin), identity }
}

async function setPin(
  at: TokenSession,
  q: { from: Buffer; to: Buffer; forget(why: string): void; tell(): void },
): Promise<void> {
  try {
    await at.withWritable((own) => at.functions.setPin(own, q.from, q.to))
  } catch (thrown) {
    // Which of the two holds is not known then: neither is tried by itself.
    if (isLoss(thrown)) q.forget('the connection was lost while its PIN was changed: somebody has to log in')
    else if (isRefusedPin(thrown)) {
      await at.refresh().catch(() => undefined)
      q.tell()
    }
    throw thrown
  }
}

/** A key that signs on its token; each signature is verified before it is returned. */
function remoteKey(
  { publicKey: spki }: KeyPlace,
  name: string,
  sign: (mechanism: Mechanism, input: Buffer) => Promise<Buffer>,
): RemoteKey {
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  return {
    publicKey,
    async sign(method, data) {
      const { mechanism, input } = operationFor(method, data, P256_BYTES)
      const value = await sign(mechanism, input)
      if (!verify(method.digest, data, { key: publicKey, ...optionsOf(method) }, value))
        throw new Fault('token_unavailable', { what: `${name} gave a signature that does not verify` })
      return value
    },
  }
}

/** After the time limit the signing itself continues, and its result is ignored. */
async function within<T>(signing: Promise<T>, limitMs: number | undefined, name: string): Promise<T> {
  if (limitMs === undefined) return signing
  let late: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    const fault = new Fault('token_unavailable', {
      what: `${name} did not sign within ${limitMs / 1000} s`,
    })
    late = setTimeout(() => reject(fault), limitMs)
  })
  return Promise.race([signing, limit]).finally(() => clearTimeout(late))
}

/** Why the remembered PIN is not tried again automatically. */
function whyNotAgain(at: TokenSession, identity: string): string | undefined {
  if (at.identity !== identity) return 'another token is there'
  return (at.description.flags & (TOKEN_FLAG.userPinFinalTry | TOKEN_FLAG.userPinLocked)) === 0
    ? undefined
    : 'one try for the PIN is left, or none: somebody has to log in'
}

function pinState(flags: number): TokenState['pin'] {
  if ((flags & TOKEN_FLAG.userPinLocked) !== 0) return 'locked'
  if ((flags & TOKEN_FLAG.userPinFinalTry) !== 0) return 'last try'
  return (flags & TOKEN_FLAG.userPinCountLow) !== 0 ? 'wrong before' : undefined
}
