/**
 * Unlocks the tokens at startup: initializes the software token once, and reads the PINs of software and hardware tokens from
 * files.
 */
import { readSecret } from '#platform/configuration/read-secret.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { HardwareTokenSettings } from './config.ts'
import type { HardwareTokenPlace } from './keys/hardware-keys.ts'
import type { Keys } from './keys/keys.ts'

/**
 * Logs in with the PIN from the file; a new token gets this PIN. Without a file somebody logs in by hand. After a wrong PIN the server runs
 * on, locked and not ready.
 */
export async function unlockToken(keys: Keys, pinFile: string | undefined, log: Log): Promise<void> {
  if (pinFile === undefined) return
  const pin = await readSecret(pinFile)
  try {
    if (keys.tokens()[0]?.initialized !== true) await keys.initialize(pin)
    await keys.login(pin, { isFromFile: true })
  } catch (cause) {
    log.error({ err: cause }, 'the token stays locked')
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
