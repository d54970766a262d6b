/**
 * How a client stands at the registry, in X-Road's words. Configurations do not list a client that is disabled, so the server
 * remembers what it asked of the registry and how the client stood before.
 */
import type { RequestKind } from '#schemas/management-request.ts'

export type ClientStatus =
  | 'SAVED'
  | 'REGISTRATION_IN_PROGRESS'
  | 'REGISTERED'
  | 'DISABLING_IN_PROGRESS'
  | 'DISABLED'
  | 'ENABLING_IN_PROGRESS'
  | 'DELETION_IN_PROGRESS'
  | 'GLOBAL_ERROR'

const ASKED = ['clientReg', 'clientDeletion', 'clientDisable', 'clientEnable'] as const
type AskedOfRegistry = (typeof ASKED)[number]

/** `standing`: how the client stood last, by configurations and requests. `asked`: the request that has not come into force. */
export type Standing = { standing: '' | 'REGISTERED' | 'DISABLED'; asked: '' | AskedOfRegistry }

export function isAskedOfRegistry(kind: RequestKind): kind is AskedOfRegistry {
  return (ASKED as readonly string[]).includes(kind)
}

/** `isListed`: whether the configuration in force lists the client at this server; undefined without one. */
export function clientStatus({ standing, asked }: Standing, isListed: boolean | undefined): ClientStatus {
  const isThere = isListed ?? standing === 'REGISTERED'
  if (isThere) {
    if (asked === 'clientDisable') return 'DISABLING_IN_PROGRESS'
    return asked === 'clientDeletion' ? 'DELETION_IN_PROGRESS' : 'REGISTERED'
  }
  switch (asked) {
    case 'clientEnable':
      return 'ENABLING_IN_PROGRESS'
    case 'clientDisable':
      return 'DISABLED'
    case 'clientDeletion':
      return 'SAVED'
    case 'clientReg':
      return 'REGISTRATION_IN_PROGRESS'
    default:
      // If it was registered, nobody here asked for the change.
      return standing === '' ? 'SAVED' : standing === 'DISABLED' ? 'DISABLED' : 'GLOBAL_ERROR'
  }
}

/** What to remember once a configuration lists the client, or lists it no more. */
export function standingAfter({ standing, asked }: Standing, isListed: boolean): Standing {
  if (isListed) {
    const isLeaving = asked === 'clientDisable' || asked === 'clientDeletion'
    return { standing: 'REGISTERED', asked: isLeaving ? asked : '' }
  }
  if (asked === 'clientDisable') return { standing: 'DISABLED', asked: '' }
  return asked === 'clientDeletion' ? { standing: '', asked: '' } : { standing, asked }
}
