/**
 * Who asks, for whom. Guarantees that one person sees only what is theirs: their own offers; those of the
 * person for whom they act, from a client whose contract has the mandate checked; or the one offer whose
 * letter they have, at a counter or at a page without a login.
 */
import { headersOf } from '#adapters/kit/caller-headers.ts'
import type { Caller } from '#platform/http-service/caller.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { Fault } from '#schemas/fault.ts'
import type { OfferChannel } from '#schemas/offers.ts'
import { HEADER } from '#schemas/wire.ts'
import { codeReader } from './read-happening.ts'
import type { LifeEventsSettings } from './settings.ts'

/**
 * One use of a portal's page for letters, as a digest: the portal keeps what it is of, and others act with
 * this name no more than with a person's.
 */
const USE = /^letter:[A-Za-z0-9_-]{22}$/

export type Who = {
  channel: OfferChannel
  /** The person whose offers they are; undefined at a counter, where a letter says it. */
  person: string | undefined
  /** Who acts for the person, as the client names them. */
  actor: string | undefined
  /** The number of the mandate, as the client names it (X-Road-Issue). */
  mandate?: string
  /** Who gives in the code of a letter: client and clerk, or client and use of its page, as one name. */
  clerk: string | undefined
  /** The letter is all that says who it is: nobody signed in. What registers say is not shown then. */
  byPage?: true
  /** X-Road-UserId as it came. */
  userId: string
}

/** The function throws `invalid_input` for a request without a person, `representation_refused`. */
export function createWho({
  person: { pattern },
  representation,
  counters,
  letterPages,
}: Pick<LifeEventsSettings, 'person' | 'representation' | 'counters' | 'letterPages'>): (
  caller: Caller,
) => Who {
  const code = codeReader(pattern)
  return (caller) => {
    const headers = headersOf(caller)
    const one = (name: string): string | undefined => {
      const value = headers[name]
      return isPlainText(value, 255) ? value : undefined
    }
    const userId = one(HEADER.userId)
    if (userId === undefined) throw new Fault('invalid_input', { what: 'X-Road-UserId has to say who asks' })
    const party = headers[HEADER.representedParty]
    const client = one(HEADER.client) ?? ''
    if (party !== undefined) {
      // The class of a party is the client's word; of people there is none.
      const person = representation.includes(client) ? code(party) : undefined
      if (person === undefined) throw new Fault('representation_refused')
      const mandate = one(HEADER.issue)
      const said = { channel: 'counter', person, actor: userId, clerk: undefined, userId } as const
      return mandate === undefined ? said : { ...said, mandate }
    }
    if (letterPages.includes(client) && USE.test(userId))
      return {
        ...{ channel: 'letter', person: undefined, actor: undefined, byPage: true },
        ...{ clerk: `${client}\n${userId}`, userId },
      }
    if (counters.includes(client))
      return { channel: 'letter', person: undefined, actor: userId, clerk: `${client}\n${userId}`, userId }
    const person = code(userId)
    if (person === undefined)
      throw new Fault('invalid_input', { what: 'X-Road-UserId is no code of a person' })
    return { channel: 'web', person, actor: undefined, clerk: undefined, userId }
  }
}
