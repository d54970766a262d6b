/**
 * Unlocks the tokens at startup: initializes the software token once, and reads the PINs of software and
 * hardware tokens from files.
 */
import { readFile } from 'node:fs/promises'
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { TransitTokenSettings } from '#platform/transit/settings.ts'
import type { HardwareTokenPlace } from './keys/hardware-keys.ts'
import type { Keys } from './keys/keys.ts'
import type { TransitTokenPlace } from './keys/open-remote-tokens.ts'
import type { HardwareTokenSettings } from './keys/settings.ts'

/**
 * Logs in with the PIN from the file; a new token gets this PIN. Without a file somebody logs in by hand.
 * After a wrong PIN the server runs on, locked and not ready.
 */
export async function unlockToken(keys: Keys, pinFile: string | undefined, log: Log): Promise<void> {
  if (pinFile === undefined) return
  const pin = await readSecret(pinFile)
  try {
    await initialize(keys, pin)
    if (keys.tokens()[0]?.loggedIn !== true) await keys.login(pin, { isFromFile: true })
  } catch (cause) {
    log.error({ err: cause }, 'the token stays locked')
  }
}

/** Of nodes that start for the first time at once one makes the token, and the others have it by then. */
async function initialize(keys: Keys, pin: string): Promise<void> {
  const isDone = (): boolean => keys.tokens()[0]?.initialized === true
  if (isDone()) return
  try {
    await keys.initialize(pin)
  } catch (cause) {
    if (!isDone()) throw cause
  }
}

/** The hardware tokens of the settings, with the PINs read from their files. */
export function hardwarePlaces(settings: HardwareTokenSettings[]): Promise<HardwareTokenPlace[]> {
  return Promise.all(
    settings.map(async ({ id, pinFile, ...place }) => ({
      ...place,
      id: String(id),
      ...(pinFile === undefined ? {} : { pin: await readSecret(pinFile) }),
    })),
  )
}

/**
 * The transit engines of the settings. Their secrets are read when they are needed: others may renew the
 * files.
 */
export function transitPlaces(settings: TransitTokenSettings[]): Promise<TransitTokenPlace[]> {
  return Promise.all(
    settings.map(async ({ id, caFile, tokenFile, appRole, ...place }) => ({
      ...place,
      id: String(id),
      auth: tokenFile === undefined ? appRole! : { tokenFile },
      ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
    })),
  )
}
