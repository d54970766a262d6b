/**
 * Asks the system that keeps a consent for it. Only systems that the portal found are asked, whatever an
 * address names.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { JsonAnswer, NotCalled } from '../asking/call-service.ts'
import { type Names, namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { addressOf, LIST, ONE } from './addresses.ts'
import { callKeeper } from './call-keeper.ts'
import type { Consent, Keeper } from './consent.ts'
import type { UsesOf } from './one-page.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { isServer, readConsent, readConsentUse } from './read-consents.ts'

/** Where a consent is, as an address or a form names it. */
type At = Keeper & { number: string; names: Names }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type Asking = Pick<Rooms, 'systems' | 'calls' | 'place' | 'asking'>
type Person = Pick<Visit, 'reader' | 'gone'>

/** Undefined for what names no system of the portal, or no number. */
export async function placeOf(
  named: URLSearchParams,
  { systems }: Pick<Rooms, 'systems'>,
): Promise<At | undefined> {
  const found = await systems.offering(CONSENTS)
  const system = found.asked.find(({ id }) => id === named.get('system'))
  const number = named.get('number') ?? ''
  const server = named.get('server') ?? undefined
  if (system === undefined || !UUID.test(number)) return undefined
  if (server !== undefined && !isServer(server)) return undefined
  return { system, server, number, names: namesOf(found) }
}

/** `path` is below that of the consent. */
export function callAt(
  { number, ...keeper }: At,
  visit: Person,
  rooms: Pick<Rooms, 'calls' | 'asking'>,
  { method, path }: { method: 'GET' | 'POST'; path: '' | '/uses' | '/receipt' | '/proof' | '/withdraw' },
): Promise<JsonAnswer | NotCalled> {
  return callKeeper(keeper, visit, rooms, {
    ...{ method, path: `/v1/consents/{number}${path}`, parameters: { number } },
  })
}

/** The consent that the address names, or the page that says why there is none. */
export async function findConsent(
  visit: Person,
  rooms: Asking,
  named: URLSearchParams,
): Promise<{ consent: Consent; at: At } | Answer> {
  const at = await placeOf(named, rooms)
  if (at === undefined) return plainPage(rooms, visit.reader, { of: 'consent.none', status: 404 })
  return consentOf(await callAt(at, visit, rooms, { method: 'GET', path: '' }), at, visit, rooms)
}

/** The consent in an answer. After an act the page for what went wrong says whether it may have been done. */
export function consentOf(
  answer: JsonAnswer | NotCalled,
  at: At,
  { reader }: Pick<Visit, 'reader'>,
  rooms: Pick<Rooms, 'place'>,
  isAct = false,
): { consent: Consent; at: At } | Answer {
  if ('status' in answer && answer.status === 404)
    return plainPage(rooms, reader, { of: 'consent.none', status: 404 })
  const consent =
    'status' in answer && answer.status === 200 ? readConsent(at.system, answer.json, at.names) : undefined
  if (consent?.number === at.number) return { consent, at }
  const href = isAct ? addressOf(ONE, { told: at.system, ...at }) : LIST
  return notAnsweredPage(rooms, reader, { answer, isAct, href })
}

/** Its first uses: the newest hundred. */
export async function usesOf(at: At, visit: Person, rooms: Pick<Rooms, 'calls' | 'asking'>): Promise<UsesOf> {
  const answer = await callAt(at, visit, rooms, { method: 'GET', path: '/uses' })
  const { json } = answer as Partial<JsonAnswer>
  if (!('status' in answer) || answer.status !== 200 || !isObject(json))
    return { uses: undefined, isMore: false }
  const uses = listOf(json['uses']).slice(0, 100)
  return {
    uses: uses.flatMap((one) => readConsentUse(at.system, one, at.names) ?? []),
    isMore: json['next'] !== undefined,
  }
}
