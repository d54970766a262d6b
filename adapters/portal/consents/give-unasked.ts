/** A person gives a consent before any office asks: which there are, one of them to read, and the answer. */
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { addressOfOffer, POSSIBLE } from './addresses.ts'
import { agree } from './agree.ts'
import { askDemands } from './ask-demands.ts'
import { askedPage } from './asked-page.ts'
import type { AnswerContext, Offered } from './consent.ts'
import { possiblePage } from './possible-page.ts'
import { plainPage } from './problem.ts'

export async function showPossible(visit: Visit, rooms: Rooms): Promise<Answer> {
  return { page: possiblePage(rooms.place, visit.reader, await askDemands(visit, rooms)) }
}

export async function showUnasked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findOffer(visit, rooms)
  if (!('offered' in found)) return found
  return { page: askedPage(rooms, visit.reader, found) }
}

export async function takeUnasked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findOffer(visit, rooms)
  return 'offered' in found ? agree(visit, rooms, found) : found
}

/** What the address names, as its system says it now. */
async function findOffer(
  visit: Visit,
  rooms: Rooms,
): Promise<{ offered: Offered; context: AnswerContext } | Answer> {
  const { query, reader } = visit
  const [system = '', contract = '', client] = ['system', 'contract', 'client'].map(
    (name) => query.get(name) ?? '',
  )
  const { told } = await askDemands(visit, rooms, { system, contract })
  const [of] = told
  const offered = of?.offers.find((one) => one.client.id === client && one.demand.contract.id === contract)
  if (of === undefined || offered === undefined)
    return plainPage(rooms, reader, {
      of: 'unasked.none',
      status: 404,
      href: POSSIBLE,
      back: 'possible.title',
    })
  const keeper = { system: of.system, server: offered.demand.rule.keptAt }
  return { offered, context: { keeper, href: addressOfOffer(offered) } }
}
