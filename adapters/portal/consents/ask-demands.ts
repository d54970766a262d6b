/** Asks systems what people can agree to: the same for everybody, in the words of the contracts. */
import { CONSENTS } from '#schemas/consents.ts'
import { whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import type { Why } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { askedOf } from './call-keeper.ts'
import type { NotTold, Offered } from './consent.ts'
import { readOffers } from './read-consents.ts'

const MOST_PAGES = 4
/** Of one system. */
const MOST_OFFERS = 200
const CURSOR = /^[A-Za-z0-9_-]{1,200}$/

export type SystemOffers = { system: System; offers: Offered[]; isCut: boolean }
export type FoundOffers = { told: SystemOffers[]; notTold: NotTold[] }

/** What all of them ask; with `only` what one asks under this contract. */
export async function askDemands(
  { reader, gone }: Pick<Visit, 'reader' | 'gone'>,
  { systems, calls, asking }: Pick<Rooms, 'systems' | 'calls' | 'asking'>,
  only?: { system: string; contract: string },
): Promise<FoundOffers> {
  const found = await systems.offering(CONSENTS)
  const names = namesOf(found)
  const asked = only === undefined ? found.asked : found.asked.filter(({ id }) => id === only.system)
  const results: (SystemOffers | NotTold)[] = []
  const ask = (system: System, call: Call): Promise<SystemOffers | NotTold> =>
    askSystem(system, names, (cursor) =>
      call(
        askedOf({ system }, reader.session, asking, {
          ...{ method: 'GET', path: '/v1/demands' },
          query: {
            ...(cursor !== undefined && { cursor }),
            ...(only !== undefined && { contract: only.contract }),
          },
        }),
      ),
    )
  for await (const one of calls.each(reader.session, gone, { systems: asked, ask })) results.push(one)
  return {
    told: results
      .filter((one): one is SystemOffers => 'offers' in one)
      .sort((a, b) => (a.system.id < b.system.id ? -1 : 1)),
    notTold: results.filter((one): one is NotTold => 'why' in one),
  }
}

async function askSystem(
  system: System,
  names: Names,
  page: (cursor: string | undefined) => ReturnType<Call>,
): Promise<SystemOffers | NotTold> {
  const offers: Offered[] = []
  let cursor: string | undefined
  for (let at = 0; at < MOST_PAGES; at++) {
    const answer = await page(cursor)
    const why: Why | undefined =
      'why' in answer ? answer.why : answer.status !== 200 ? whyOfStatus(answer.status) : undefined
    const { json } = answer as { json?: unknown }
    if (why !== undefined || !isObject(json) || !Array.isArray(json['demands']))
      return at === 0 ? { system, why: why ?? 'unreadable' } : { system, offers, isCut: true }
    offers.push(...listOf(json['demands']).flatMap((one) => readOffers(system, one, names)))
    if (offers.length > MOST_OFFERS) return { system, offers: offers.slice(0, MOST_OFFERS), isCut: true }
    const { next } = json
    if (next === undefined) return { system, offers, isCut: false }
    if (typeof next !== 'string' || !CURSOR.test(next)) break
    cursor = next
  }
  return { system, offers, isCut: true }
}
