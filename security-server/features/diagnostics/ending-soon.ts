/**
 * What ends within 30 days at this server, the soonest first: certificates, its own and those that systems
 * show, service contracts and API keys.
 */

import type { Caller } from '#platform/http-service/caller.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText } from '#schemas/identifiers.ts'
import type { Time } from '#schemas/sent-values.ts'
import { maySee } from '../../global-configuration/contracts/may-see.ts'
import { newestInForce } from '../../global-configuration/contracts/newest-in-force.ts'
import { pinnedCertificates } from '../../local-systems/certificate-facts.ts'
import type { Needs } from './needs.ts'

const WITHIN_DAYS = 30
const DAY_MS = 86_400_000
const LISTED = 50
/** Who may read the list of API keys. */
const KEY_READER = 'XROAD_SYSTEM_ADMINISTRATOR'

/** `of` leads to its page: the id of a key, a contract, a client or a service. */
type Ending = {
  kind:
    | 'SIGNING'
    | 'AUTHENTICATION'
    | 'SYSTEM_CERTIFICATE'
    | 'CLIENT_CERTIFICATE'
    | 'SERVICE_CERTIFICATE'
    | 'CONTRACT'
    | 'API_KEY'
  name: string
  of: string
  endsAt: Time
}

export function endingHandlers(rooms: Needs): Handlers {
  return {
    getEndingSoon: async ({ caller }) => {
      const now = rooms.clock()
      const before = new Date(now + WITHIN_DAYS * DAY_MS).toISOString()
      const found = [
        ...certificates(rooms),
        ...systems(rooms),
        ...pinned(rooms),
        ...contracts(rooms, caller),
        ...(await apiKeys(rooms, caller, { after: new Date(now).toISOString(), before })),
      ]
        .filter(({ endsAt }) => endsAt < before)
        .toSorted((a, b) => (a.endsAt < b.endsAt ? -1 : 1))
      return { withinDays: WITHIN_DAYS, total: found.length, soonest: found.slice(0, LISTED) }
    },
  }
}

/**
 * Those in use, and the one that systems see. One that has ended stays until somebody takes it out of use.
 */
function certificates({ keys }: Needs): Ending[] {
  const own = keys.tokens().flatMap((token) => token.keys)
  const inUse = own.flatMap((key) =>
    key.certificates
      .filter(({ active }) => active)
      .map(
        ({ usage, subject, notAfter }): Ending => ({
          kind: usage,
          name: subject,
          of: key.id,
          endsAt: notAfter,
        }),
      ),
  )
  try {
    const { notAfter } = keys.internalTls.info()
    return [...inUse, { kind: 'SYSTEM_CERTIFICATE', name: '', of: '', endsAt: notAfter }]
  } catch {
    return inUse // There is none yet.
  }
}

function systems({ localSystems }: Needs): Ending[] {
  return [...localSystems.view().clients.values()].flatMap(({ id, certificates: all }) =>
    all.map(({ notAfter }): Ending => {
      const client = colonForm(idText(id))
      return { kind: 'CLIENT_CERTIFICATE', name: client, of: client, endsAt: notAfter.toISOString() }
    }),
  )
}

function pinned({ localSystems }: Needs): Ending[] {
  return pinnedCertificates(localSystems.view()).map(
    ({ service, key, notAfter }): Ending => ({
      ...{ kind: 'SERVICE_CERTIFICATE', name: service, of: String(key) },
      endsAt: notAfter.toISOString(),
    }),
  )
}

/** Without those that a newer version replaces. */
function contracts({ contracts: room }: Needs, caller: Pick<Caller, 'roles'>): Ending[] {
  return newestInForce(room.view().contracts)
    .filter((one) => maySee(one, caller))
    .map(
      ({ listed, content }): Ending => ({
        ...{ kind: 'CONTRACT', name: content.title, of: listed.contract },
        endsAt: new Date(content.validUntil).toISOString(),
      }),
    )
}

async function apiKeys(
  { apiKeys: room }: Needs,
  { roles }: Pick<Caller, 'roles'>,
  times: { after: string; before: string },
): Promise<Ending[]> {
  if (!roles.includes(KEY_READER)) return []
  const found = await room.ending({ ...times, limit: LISTED })
  return found.map(({ id, name, expiresAt }) => ({ kind: 'API_KEY', name, of: id, endsAt: expiresAt! }))
}
