/**
 * Who acts, and by what. Guarantees that a right comes from the register's own mandates, from a person's own
 * right, or from a client whose word the settings take; what others write about their rights is kept with the
 * act and gives nothing.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { OWN_RIGHT } from '#schemas/mandates.ts'
import { HEADER } from '#schemas/wire.ts'
import type { TypeOf } from './identifiers.ts'
import { refuse } from './refusal.ts'
import type { Roles } from './roles.ts'
import type { MandateStore } from './store.ts'

export type Authorization = { userIdentifier?: string; hasRole?: string }

export type Actor = {
  /** The subsystem that asks, as its own security server let it in. */
  client: string
  user: string | undefined
  /** The party that the client says the user acts for. */
  party: string | undefined
  /** The number of the exchange. */
  exchange: string | undefined
}

const PLAIN = /^[\x21-\x7e]{1,256}$/
const MOST = 1000

/**
 * Throws a refusal for a request that came through no security server, or names somebody in an unreadable
 * way.
 */
export function actorOf(headers: IncomingHttpHeaders): Actor {
  const one = (name: string): string | undefined => {
    const value = headers[name]
    if (value === undefined) return undefined
    if (typeof value !== 'string' || !(PLAIN.test(value) || name === HEADER.client))
      throw refuse('inputWrong')
    return value
  }
  const client = one(HEADER.client)
  if (client === undefined || client.length > 1100) throw refuse('notAllowed')
  // [CLASS/]CODE
  const party = one(HEADER.representedParty)?.split('/').at(-1)
  return { client: client.replace(/^\//, ''), user: one(HEADER.userId), party, exchange: one(HEADER.id) }
}

export type Rooms = { store: MandateStore; roles: Roles; typeOf: TypeOf; now: number }

/**
 * By which of `wanted` the user acts for `party`; undefined if by none. `wanted` in the order of the role's
 * definition, so that the record says the same each time.
 */
export async function rightOf(
  { store, roles, typeOf, now }: Rooms,
  { actor, authorizations = [] }: { actor: Actor; authorizations?: readonly Authorization[] | undefined },
  party: string,
  wanted: readonly string[],
): Promise<string | undefined> {
  const { user, client } = actor
  if (user === undefined) return undefined
  if (actor.party !== undefined && actor.party !== party && actor.party !== user) return undefined
  const at = new Date(now).toISOString()
  const between = { representee: party, delegate: user, after: at, begunBy: at }
  const held = new Set((await store.find(between, MOST)).map(({ role }) => role).filter(roles.has))
  if (user === party && typeOf(user) === 'NATURAL_PERSON') held.add(OWN_RIGHT)
  if (roles.isIntermediary(client))
    for (const { userIdentifier, hasRole } of authorizations)
      if (userIdentifier === user && hasRole !== undefined) held.add(hasRole)
  return wanted.find((role) => held.has(role))
}
