/**
 * A PIN that somebody gives to one worker opens the token of all on this machine, and of each that is started
 * again later: who gives it cannot choose the worker. The supervisor keeps it in memory until the token is
 * locked; a worker drops it once it has tried it. No worker tries a PIN twice, nor on another device than the
 * one that took it: a device locks itself after a few wrong ones.
 */
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import { asFault } from '#schemas/fault.ts'
import type { TokenInfo } from './keys/describe.ts'
import type { Keys } from './keys/keys.ts'
import { SOFTWARE_TOKEN_ID } from './keys/tokens.ts'

/** What was done last to a token. */
type Word = {
  /** One more than of the last word that its worker knew: words of several workers may cross. */
  count: number
  /** The worker. */
  by: number
  how: 'open' | 'wrong' | 'locked'
  /** With `open`, until it was tried here. */
  pin?: string
  /** The device that took the PIN. */
  device?: string
  /** The PIN was changed: what a device's connection keeps to open it again is out of date. */
  renewed?: boolean
}

const FORCE = { open: 0, wrong: 1, locked: 2 }

/**
 * Of two words that crossed the one that locks holds, so that all workers, and the supervisor in the end,
 * have the same.
 */
function isLater(one: Word, other: Word): boolean {
  return (one.count - other.count || FORCE[one.how] - FORCE[other.how] || one.by - other.by) > 0
}

type SharedToken = {
  /** Runs `act`, which opened the token with this PIN, and tells the others. */
  open(pin: string, act: () => Promise<void>): Promise<void>
  /** As `open`, for an act that changed the PIN. A token that is locked stays so everywhere. */
  renew(pin: string, act: () => Promise<void>): Promise<void>
  /** Tells the others first: an opening that is under way, here or there, ends locked. */
  lock<T>(act: () => T): T
  /** Resolves when this worker has tried the PIN that it was told; at once when there is none. */
  tried: Promise<void>
}

function shareToken(q: { id: string; keys: Keys; siblings: Siblings; log: Log }): SharedToken {
  const { id, keys, siblings, log } = q
  const name = `pins/${id}`
  const inTurn = createTurn()
  const { promise: tried, resolve: hasTried } = Promise.withResolvers<void>()
  let word: Word = { count: 0, by: 0, how: 'open' }
  const token = (): TokenInfo | undefined => keys.tokens().find((one) => one.id === id)

  const tell = (said: Word): void => siblings.tell(name, said, { keep: true })
  const say = (how: Word['how'], more: Pick<Word, 'pin' | 'device' | 'renewed'> = {}): void => {
    word = { count: word.count + 1, by: siblings.number, how }
    tell({ ...word, ...more })
  }

  async function tryOnce(tried: Word, pin: string): Promise<void> {
    // First, so that no change of the token's state that the try itself causes has it tried again.
    delete tried.pin
    try {
      // As one of a file: it was right elsewhere, so nobody guesses.
      if (id === SOFTWARE_TOKEN_ID) await keys.login(pin, { isFromFile: true })
      else await keys.hardware.login(id, pin, { careful: true })
    } catch (thrown) {
      const fault = asFault(thrown)
      if (fault.code === 'conflict') return
      log.error({ err: fault, id }, 'the token stays locked in this worker')
      if (fault.code === 'pin_incorrect' || fault.code === 'pin_locked') {
        if (word !== tried) return
        word = { ...tried, how: 'wrong' }
        tell(word)
      }
      // The device did not judge it: it reports wrong tries of somebody, or is away. The next change of its
      // state is awaited.
      else if (fault.code === 'token_not_active' || token()?.hardware?.state === 'away') tried.pin = pin
    }
  }

  const lockHere = async (): Promise<void> =>
    id === SOFTWARE_TOKEN_ID ? keys.logout() : keys.hardware.logout(id)

  /**
   * Makes this worker's token what the last word says. A PIN may have to wait for a change of files, or for
   * the device.
   */
  function follow(): void {
    const isNew = word.how === 'locked' || word.pin !== undefined
    const turn = inTurn(async () => {
      if (!isNew) return
      const mustLock = word.how === 'locked' || (word.renewed === true && word.pin !== undefined)
      if (mustLock && token()?.loggedIn === true) await lockHere()
      const now = token()
      if (now?.loggedIn === true) delete word.pin
      else if (word.pin !== undefined && now?.initialized === true && isThere(now, word))
        await tryOnce(word, word.pin)
    })
    void turn
      .catch((thrown: unknown) => log.error({ err: asFault(thrown), id }, 'not locked'))
      .finally(() => {
        if (word.pin === undefined) hasTried()
      })
  }

  siblings.onTold(name, (value) => {
    const heard = value as Word
    if (isLater(heard, word)) word = heard
    // Whoever locked did not know of the opening, and wants it locked.
    else if (heard.how === 'locked' && word.how !== 'locked') {
      word = { ...heard, count: word.count }
      tell(word)
    } else {
      // This is the object that the channel keeps.
      delete heard.pin
      // It came to the supervisor after the word that holds, which would be lost for workers that begin
      // later.
      if (word.how !== 'open' && isLater(word, heard)) tell(word)
    }
    follow()
  })
  keys.onChange(follow)
  if (word.count === 0) hasTried()

  return {
    tried,
    open(pin, act) {
      const before = word
      return inTurn(async () => {
        await act()
        // Locked since it was asked for: so it stays.
        if (word !== before && word.how === 'locked') follow()
        else say('open', { pin, device: deviceOf(token()) })
      })
    },
    renew: (pin, act) =>
      inTurn(async () => {
        await act()
        const now = token()
        if (now?.loggedIn === true)
          say('open', { pin, device: deviceOf(now), renewed: id !== SOFTWARE_TOKEN_ID })
      }),
    lock(act) {
      say('locked')
      return act()
    },
  }
}

/** Whether the device that took the PIN is there. */
function isThere(token: TokenInfo, { device }: Word): boolean {
  return token.hardware?.state !== 'away' && deviceOf(token) === device
}

/** As the connection to a token tells devices apart; empty for the software token. */
function deviceOf(token: TokenInfo | undefined): string {
  const { manufacturer, model, serialNumber } = token?.hardware ?? {}
  return [manufacturer, model, serialNumber].join('\n').trim()
}

/**
 * The same keys, which tell the other workers when a token is opened or locked, and follow when another one
 * tells it. `tried` resolves when a worker that begins has tried the PINs that the others were given: before,
 * it had better take no connections.
 */
export function unlockTogether(
  keys: Keys,
  siblings: Siblings,
  log: Log,
): { keys: Keys; tried: Promise<unknown> } {
  const share = (id: string): SharedToken => shareToken({ id, keys, siblings, log })
  const software = share(SOFTWARE_TOKEN_ID)
  // Transit engines open by themselves, and have no PIN.
  const hardware = new Map(
    keys.tokens().flatMap(({ id, type }) => (type === 'HARDWARE' ? [[id, share(id)] as const] : [])),
  )
  const together: Keys = {
    ...keys,
    initialize: (pin) => software.open(pin, () => keys.initialize(pin)),
    login: (pin, o) => software.open(pin, () => keys.login(pin, o)),
    logout: () => software.lock(() => keys.logout()),
    changePin: (oldPin, newPin) => software.renew(newPin, () => keys.changePin(oldPin, newPin)),
    hardware: {
      ...keys.hardware,
      async login(id, pin, o) {
        const act = (): Promise<void> => keys.hardware.login(id, pin, o)
        return hardware.get(id)?.open(pin, act) ?? act()
      },
      async logout(id) {
        const act = (): Promise<void> => keys.hardware.logout(id)
        return hardware.get(id)?.lock(act) ?? act()
      },
      async changePin(id, oldPin, newPin) {
        const act = (): Promise<void> => keys.hardware.changePin(id, oldPin, newPin)
        return hardware.get(id)?.renew(newPin, act) ?? act()
      },
    },
  }
  return { keys: together, tried: Promise.all([software, ...hardware.values()].map((one) => one.tried)) }
}
