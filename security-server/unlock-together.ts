/**
 * A PIN that somebody gives to one worker opens the token of all on this machine, and of each that is started again later: who gives it
 * cannot choose the worker. The supervisor keeps it in memory until the token is locked; the workers have the keys that it protects there.
 */
import { createTurn } from '#platform/in-turn.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Siblings } from '#platform/workers/siblings.ts'
import { asFault } from '#schemas/fault.ts'
import type { Keys } from './keys/keys.ts'
import { SOFTWARE_TOKEN_ID } from './keys/tokens.ts'

/** What was done last to each token. A PIN that turned out wrong is not kept: a device locks itself after a few of those. */
type Given = Record<string, { pin: string } | 'locked' | 'wrong'>

const TOLD = 'pins'

/** The same keys, which tell the other workers when a token is opened or locked, and follow when another one tells it. */
export function unlockTogether(keys: Keys, siblings: Siblings, log: Log): Keys {
  const inTurn = createTurn()
  let given: Given = {}
  const tell = (id: string, how: Given[string]): void => {
    given = { ...given, [id]: how }
    siblings.tell(TOLD, given, { keep: true })
  }
  const tokenOf = (id: string) => keys.tokens().find((one) => one.id === id)

  const open = async (id: string, pin: string): Promise<void> => {
    try {
      // As one of a file: it was right elsewhere, so nobody guesses.
      if (id === SOFTWARE_TOKEN_ID) await keys.login(pin, { isFromFile: true })
      else await keys.hardware.login(id, pin)
    } catch (thrown) {
      const fault = asFault(thrown)
      if (fault.code === 'conflict') return
      log.error({ err: fault, id }, 'the token stays locked in this worker')
      if (fault.code === 'pin_incorrect') tell(id, 'wrong')
    }
  }
  /** Tokens that wait for a PIN which this worker knows by now; one may come with the next change of files. */
  const openWhatWaits = (): void => {
    for (const [id, how] of Object.entries(given)) {
      const token = tokenOf(id)
      if (typeof how === 'object' && token?.initialized === true && !token.loggedIn)
        void inTurn(() => open(id, how.pin))
    }
  }

  siblings.onTold(TOLD, (value) => {
    given = value as Given
    for (const [id, how] of Object.entries(given)) {
      if (how !== 'locked' || tokenOf(id)?.loggedIn !== true) continue
      if (id === SOFTWARE_TOKEN_ID) keys.logout()
      else
        void keys.hardware
          .logout(id)
          .catch((thrown: unknown) => log.error({ err: asFault(thrown), id }, 'not locked'))
    }
    openWhatWaits()
  })
  keys.onChange(openWhatWaits)

  return {
    ...keys,
    async initialize(pin) {
      await keys.initialize(pin)
      tell(SOFTWARE_TOKEN_ID, { pin })
    },
    async login(pin, o) {
      await keys.login(pin, o)
      tell(SOFTWARE_TOKEN_ID, { pin })
    },
    logout() {
      tell(SOFTWARE_TOKEN_ID, 'locked')
      keys.logout()
    },
    async changePin(oldPin, newPin) {
      await keys.changePin(oldPin, newPin)
      tell(SOFTWARE_TOKEN_ID, { pin: newPin })
    },
    hardware: {
      ...keys.hardware,
      async login(id, pin) {
        await keys.hardware.login(id, pin)
        tell(id, { pin })
      },
      async logout(id) {
        tell(id, 'locked')
        await keys.hardware.logout(id)
      },
      async changePin(id, oldPin, newPin) {
        await keys.hardware.changePin(id, oldPin, newPin)
        tell(id, { pin: newPin })
      },
    },
  }
}
