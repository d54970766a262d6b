/**
 * Asks systems for the offers of the person. Only systems that the portal found are asked, whatever an
 * address names.
 */
import type { Offer, OfferStep } from '#schemas/offers.ts'
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { FindSystems, System } from '../asking/find-systems.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import type { Why } from '../joining/row.ts'
import type { Rooms, Visit } from '../routing/section.ts'
import { NUMBER, OFFERS, readOffer, readSteps } from './read-offers.ts'

export type TheirOffer = { system: System; offer: Offer }
export type FoundOffers = {
  offers: TheirOffer[]
  answered: number
  notTold: { system: System; why: Why }[]
  silent: System[]
  /** Systems of whose offers some were left out: too many, or not readable. */
  cut: System[]
}

/** What happened to one offer so far; undefined where its system did not say. */
export type TheirCourse = At & { steps: OfferStep[] | undefined }

const MOST_OFFERS = 100

type Asking = Pick<Rooms, 'systems' | 'calls'>
type Person = Pick<Visit, 'reader' | 'gone'>

/** Newest first. */
export async function askOffers({ reader, gone }: Person, { systems, calls }: Asking): Promise<FoundOffers> {
  const found = await systems.offering(OFFERS)
  const results: { system: System; told: Listed | Why }[] = []
  const ask = async (system: System, call: Call) => ({ system, told: offersIn(await listAt(system, call)) })
  for await (const one of calls.each(reader.session, gone, { systems: found.asked, ask })) results.push(one)
  const offers = results.flatMap(({ system, told }) =>
    typeof told === 'string' ? [] : told.offers.map((offer) => ({ system, offer })),
  )
  return {
    offers: offers.sort((a, b) => (a.offer.madeAt < b.offer.madeAt ? 1 : -1)),
    answered: results.filter(({ told }) => typeof told !== 'string').length,
    notTold: results.flatMap(({ system, told }) => (typeof told === 'string' ? [{ system, why: told }] : [])),
    silent: found.silent,
    cut: results.flatMap(({ system, told }) => (typeof told !== 'string' && told.isCut ? [system] : [])),
  }
}

/** Of each system some at the same time, its own one after the other. */
export async function askCourses(
  offers: readonly TheirOffer[],
  { reader, gone }: Person,
  { calls }: Pick<Asking, 'calls'>,
): Promise<TheirCourse[]> {
  const bySystem = Map.groupBy(offers, ({ system }) => system)
  const ask = async (system: System, call: Call): Promise<TheirCourse[]> => {
    const courses: TheirCourse[] = []
    for (const { offer } of bySystem.get(system) ?? []) {
      const at = { system, id: offer.id }
      courses.push({ ...at, steps: await askCourse(at, call) })
    }
    return courses
  }
  const all: TheirCourse[] = []
  for await (const some of calls.each(reader.session, gone, { systems: [...bySystem.keys()], ask }))
    all.push(...some)
  return all
}

/** What happened to it so far; undefined where its system does not say. */
export async function askCourse(at: At, call: Call): Promise<OfferStep[] | undefined> {
  const answer = await callAt(at, call, { method: 'GET', path: '/course' })
  return 'status' in answer && answer.status === 200 ? readSteps(answer.json) : undefined
}

/** Where an offer is, as an address or a form names it. */
export type At = { system: System; id: string }

/** Undefined for what names no system of the portal, or no offer. */
export async function placeOf(
  named: URLSearchParams,
  { systems }: { systems: Pick<FindSystems, 'offering'> },
): Promise<At | undefined> {
  const { asked } = await systems.offering(OFFERS)
  const system = asked.find(({ id }) => id === named.get('system'))
  const id = named.get('offer') ?? ''
  return system === undefined || !NUMBER.test(id) ? undefined : { system, id }
}

/**
 * The offer at that place; why there is none; or undefined where the system has none of that number for this
 * person.
 */
export async function askOffer(at: At, call: Call): Promise<Offer | Why | undefined> {
  const told = offersIn(await listAt(at.system, call))
  return typeof told === 'string' ? told : told.offers.find(({ id }) => id === at.id)
}

/** `path` is below that of the offer. */
export function callAt(
  { system, id }: At,
  call: Call,
  q: { method: 'GET' | 'POST'; path: '/form' | '/course' | '/open' | '/submit' | '/decline'; json?: object },
): Promise<JsonAnswer | NotCalled> {
  return call({
    ...{
      service: `${system.id}/${OFFERS}`,
      method: q.method,
      path: `/v1/offers/{id}${q.path}`,
      parameters: { id },
    },
    ...(q.json !== undefined && { json: q.json }),
  })
}

function listAt(system: System, call: Call): Promise<JsonAnswer | NotCalled> {
  return call({ service: `${system.id}/${OFFERS}`, method: 'GET', path: '/v1/offers' })
}

type Listed = { offers: Offer[]; isCut: boolean }

function offersIn(answer: JsonAnswer | NotCalled): Listed | Why {
  if ('why' in answer) return answer.why
  if (answer.status !== 200) return whyOfStatus(answer.status)
  if (!isObject(answer.json) || !Array.isArray(answer.json['offers'])) return 'unreadable'
  const all = listOf(answer.json['offers'])
  const offers = all.slice(0, MOST_OFFERS).flatMap((one) => readOffer(one) ?? [])
  return { offers, isCut: all.length > offers.length }
}
