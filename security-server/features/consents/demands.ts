/** What contracts of a subsystem ask people to agree to, in the words of the contracts. */
import { demandedBy, demandHash } from '#core/contract/consent-demand.ts'
import { groupOf, namedConsumers } from '#core/contract/parties.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { ConsentDemand, ConsentParty } from '#schemas/consents.ts'
import { memberOf, parseClientId } from '#schemas/identifiers.ts'
import { keeperOf } from './keeper.ts'
import type { ConsentRooms } from './rooms.ts'

type Rooms = Pick<ConsentRooms, 'contracts' | 'globalConfiguration' | 'server'>

/** One that is in force, with who may ask under it, in text form. */
export type Demand = { view: ConsentDemand; clients: string[] }

const MOST_CLIENTS = 500

/** In the order of their contracts' ids. */
export function demandsOf(subsystem: string, rooms: Rooms): Demand[] {
  return rooms
    .contracts()
    .filter(({ content }) => content.provider === subsystem && content.consent !== undefined)
    .sort((a, b) => (a.content.contract < b.content.contract ? -1 : 1))
    .flatMap(({ content, joined }) => {
      const demanded = demandedBy(content)
      // Where nobody keeps them there is nothing to agree to: calls are refused, and say so.
      if (demanded === undefined || keeperOf({ subsystem, rule: demanded.rule }, rooms) === undefined)
        return []
      const clients = groupOf(content) === undefined ? namedConsumers(content) : joined
      const { contract: id, version, title, validUntil, purpose, legalBasis } = content
      const view = {
        demand: demandHash(demanded),
        contract: { id, version, title, validUntil },
        provider: partyOf(subsystem, rooms),
        clients: clients.slice(0, MOST_CLIENTS).map((one) => partyOf(one, rooms)),
        ...{ purpose, legalBasis, services: demanded.services, rule: demanded.rule },
      }
      return [{ view, clients }]
    })
}

/** `id` in text form, of a subsystem or a service. */
export function partyOf(
  id: string,
  { globalConfiguration }: Pick<Rooms, 'globalConfiguration'>,
): ConsentParty {
  const member = memberOf(parseClientId(id.split('/').slice(0, 4).join('/')))
  const name = globalConfiguration.current().indexFor(member.instance)?.memberName(member)
  return { id: colonForm(id), ...(name !== undefined && { name }) }
}
