/**
 * All of X-Road's operations that are answered here. docs/x-road-api.md lists them, and why the others are
 * not.
 */
import { accessRightEntries } from './access-rights.ts'
import { apiKeyEntries } from './api-keys.ts'
import { certificateEntries } from './certificates.ts'
import { clientEntries } from './clients.ts'
import { connectionEntries } from './connections.ts'
import type { Entry } from './entry.ts'
import { initializationEntries } from './initialization.ts'
import { localGroupEntries } from './local-groups.ts'
import type { Needs } from './needs.ts'
import { registryEntries } from './registry.ts'
import { serviceEntries } from './services.ts'
import { systemEntries } from './system.ts'
import { timeStampingEntries } from './time-stamping.ts'
import { tokenEntries } from './tokens.ts'

/** `isPermitted`: whether a caller with these roles may call an entry. */
export function entriesOf(rooms: Needs, isPermitted: (entry: Entry, roles: string[]) => boolean): Entry[] {
  const entries: Entry[] = [
    ...apiKeyEntries((roles) =>
      entries.filter((entry) => isPermitted(entry, roles)).map(({ name }) => permissionOf(name)),
    ),
    ...initializationEntries(rooms),
    ...tokenEntries(),
    ...certificateEntries(rooms),
    ...timeStampingEntries(rooms),
    ...clientEntries(rooms),
    ...serviceEntries(rooms),
    ...accessRightEntries(rooms),
    ...localGroupEntries(rooms),
    ...registryEntries(rooms),
    ...systemEntries(rooms),
    ...connectionEntries(),
  ]
  return entries
}

/** In the form of X-Road's names of permissions: addClient is ADD_CLIENT. */
function permissionOf(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase()
}
