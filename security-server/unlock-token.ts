/** The software token at a start: initialized once, unlocked with the PIN of a file. */
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Keys } from './keys/keys.ts'

/** Logs in with the PIN file; a new token gets this PIN. A wrong PIN leaves the server up, locked and not ready. */
export async function unlockToken(keys: Keys, pinFile: string, log: Log): Promise<void> {
  const pin = await readSecret(pinFile)
  try {
    if (keys.tokens()[0]?.initialized !== true) await keys.initialize(pin)
    await keys.login(pin)
  } catch (cause) {
    log.error({ err: cause }, 'the token stays locked')
  }
}
