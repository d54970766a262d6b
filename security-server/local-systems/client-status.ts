/**
 * How a client stands at the registry, in X-Road's words. Configurations do not list a client that is
 * disabled, so the server remembers what it asked of the registry and how the client stood before.
 */
import { type RequestKind, type RequestState, UNDECIDED } from '#schemas/management-request.ts'
import type { Whole } from '#schemas/sent-values.ts'

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
export type AskedOfRegistry = (typeof ASKED)[number]

/**
 * `standing`: how the client stood last, by configurations and requests. `asked`: the request that has not
 * come into force.
 */
export type Standing = {
  standing: '' | 'REGISTERED' | 'DISABLED'
  asked: '' | AskedOfRegistry
  /**
   * The number of this request at the registry. 0 if a version asked that remembered none, or nothing is
   * asked. UNANSWERED from before a request is filed until what the registry made of it is known.
   */
  request: Whole
}

export const UNANSWERED = -1

/** The columns of the table of clients. */
export type StandingColumns = { standing: string; asked: string; asked_request: Whole }

export function standingOf({ standing, asked, asked_request }: StandingColumns): Standing {
  return { standing, asked, request: Number(asked_request) } as Standing
}

export function isAskedOfRegistry(kind: RequestKind): kind is AskedOfRegistry {
  return (ASKED as readonly string[]).includes(kind)
}

/** `isListed`: whether the configuration in force lists the client at this server; undefined without one. */
export function clientStatus(
  { standing, asked }: Pick<Standing, 'standing' | 'asked'>,
  isListed: boolean | undefined,
): ClientStatus {
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
export function standingAfter(before: Standing, isListed: boolean): Standing {
  const nothing = { asked: '', request: 0 } as const
  const { asked } = before
  if (isListed) {
    const isLeaving = asked === 'clientDisable' || asked === 'clientDeletion'
    return { ...before, standing: 'REGISTERED', ...(isLeaving ? {} : nothing) }
  }
  if (asked === 'clientDisable') return { standing: 'DISABLED', ...nothing }
  return asked === 'clientDeletion' ? { standing: '', ...nothing } : before
}

/**
 * Whether the registry's answer to a request is about what is asked: the answer to an older one says nothing
 * of it.
 */
export function isAbout(
  { asked, request }: Standing,
  answered: { kind: RequestKind; request: number },
): boolean {
  return asked === answered.kind && request <= answered.request
}

/**
 * Whether the registry has this newest request of the client while the server does not know: it ended, or the
 * answer was lost, before it was remembered.
 */
export function isMissed(
  { standing, asked, request }: Standing,
  newest: { kind: AskedOfRegistry; request: number; state: RequestState },
): boolean {
  if (UNDECIDED.includes(newest.state)) return asked === '' || request < newest.request
  // In force meanwhile: a client that is listed no more would seem to have gone without anybody's asking.
  const isLeaving = newest.kind === 'clientDisable' || newest.kind === 'clientDeletion'
  return newest.state === 'APPROVED' && isLeaving && request === UNANSWERED && standing === 'REGISTERED'
}
