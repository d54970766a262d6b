/**
 * Opens the tokens of the settings whose keys lie elsewhere: on PKCS #11 tokens, and in transit engines. Each
 * has a folder for its records here.
 */
import { join } from 'node:path'
import type { Clock } from '#platform/clock.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { createHardwareToken } from '#platform/pkcs11/hardware-token.ts'
import type { TransitPlace } from '#platform/transit/connection.ts'
import { createTransitToken } from '#platform/transit/transit-token.ts'
import { type HardwareKeys, type HardwareTokenPlace, openHardwareKeys } from './hardware-keys.ts'
import type { PinPolicy } from './pin-policy.ts'
import type { RemoveFile, WriteFile } from './write-durably.ts'

/** A transit engine of the settings, with its number in the management API. */
export type TransitTokenPlace = TransitPlace & { id: string }

export function openRemoteTokens(q: {
  hardwareTokens: HardwareTokenPlace[] | undefined
  transitTokens: TransitTokenPlace[] | undefined
  /** The folder of all tokens. */
  directory: string
  clock: Clock
  write: WriteFile
  remove: RemoveFile
  policy: PinPolicy
  log: Pick<Log, 'error'> | undefined
  changed(): void
}): Promise<HardwareKeys[]> {
  const { clock, write, remove, policy, log } = q
  const shared = { clock, write, remove, policy, log, changed: q.changed }
  return Promise.all([
    ...(q.hardwareTokens ?? []).map((place) =>
      openHardwareKeys({
        ...{ ...shared, place, type: 'HARDWARE' },
        directory: join(q.directory, `hardware-${place.id}`),
        make: (changed) => createHardwareToken({ place, clock, changed }),
      }),
    ),
    ...(q.transitTokens ?? []).map((place) =>
      openHardwareKeys({
        ...{ ...shared, place, type: 'TRANSIT' },
        directory: join(q.directory, `transit-${place.id}`),
        make: (changed) => createTransitToken({ place, clock, changed }),
      }),
    ),
  ])
}
