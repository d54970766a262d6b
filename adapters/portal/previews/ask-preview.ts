/**
 * Asks the system that keeps an answer for it. Only systems that the portal found are asked, whatever an
 * address names.
 */
import { identifier } from '#adapters/client/identifiers.ts'
import { CONSENTS } from '#schemas/consents.ts'
import type { PreviewReleased } from '#schemas/previews.ts'
import type { JsonAnswer, NotCalled } from '../asking/call-service.ts'
import { namesOf } from '../asking/names.ts'
import { callKeeper } from '../consents/call-keeper.ts'
import type { Keeper } from '../consents/consent.ts'
import { notAnsweredPage, plainPage } from '../consents/problem.ts'
import { isServer } from '../consents/read-consents.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { LIST, type Preview } from './preview.ts'
import { readPreview, UUID } from './read-preview.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

type Asked = { method: 'GET'; path: string; parameters: Record<string, string> }
export type Decision = { act: 'stop' } | { act: 'release'; json: PreviewReleased }
type Found = { preview: Preview } | Answer
/** The system that has it and, where it is named, which of its security servers. */
type Named = { system: string | null | undefined; server: string | null | undefined }

/** The one that an address or a form names by its number. */
export async function findPreview(visit: Visit, rooms: Rooms, named: URLSearchParams): Promise<Found> {
  const number = named.get('number') ?? ''
  const asked = { method: 'GET', path: '/v1/previews/{number}', parameters: { number } } as const
  return UUID.test(number) ? ask(visit, rooms, namedIn(named), asked) : nothing(visit, rooms)
}

/** The one of a url. */
export async function findAsked(visit: Visit, rooms: Rooms): Promise<Found> {
  const { instance, memberClass, memberCode, subsystem, token = '', ...at } = visit.parameters
  const asked = { method: 'GET', path: '/v1/previewed/{token}', parameters: { token } } as const
  const system = idOf([instance, memberClass, memberCode, subsystem])
  const { serverInstance, serverClass, serverMember, serverCode } = at
  const isNamed = serverCode !== undefined
  // What names a server in no form of one names nothing: no other is asked.
  const server = isNamed ? (idOf([serverInstance, serverClass, serverMember, serverCode]) ?? '') : undefined
  return TOKEN.test(token) ? ask(visit, rooms, { system, server }, asked) : nothing(visit, rooms)
}

/**
 * Says to the system what the person decided about the one that the form names; undefined where it names
 * none.
 */
export async function decide(
  visit: Visit,
  rooms: Rooms,
  { act, ...decision }: Decision,
): Promise<{ at: Pick<Preview, 'told' | 'number' | 'server'>; answer: JsonAnswer | NotCalled } | undefined> {
  const { form } = visit
  const number = form.get('number') ?? ''
  const keeper = keeperIn((await rooms.systems.offering(CONSENTS)).asked, namedIn(form))
  if (keeper === undefined || !UUID.test(number)) return undefined
  const { system: told, server } = keeper
  const answer = await callKeeper(keeper, visit, rooms, {
    ...{ method: 'POST', path: `/v1/previews/{number}/${act}`, parameters: { number }, ...decision },
  })
  return { at: { told, number, ...(server !== undefined && { server }) }, answer }
}

async function ask(visit: Visit, rooms: Rooms, named: Named, asked: Asked): Promise<Found> {
  const found = await rooms.systems.offering(CONSENTS)
  const keeper = keeperIn(found.asked, named)
  if (keeper === undefined) return nothing(visit, rooms)
  const { system } = keeper
  const answer = await callKeeper(keeper, visit, rooms, asked)
  if ('status' in answer && [400, 403, 404, 409].includes(answer.status)) return nothing(visit, rooms)
  const preview =
    'status' in answer && answer.status === 200 ? readPreview(system, answer.json, namesOf(found)) : undefined
  return preview === undefined
    ? notAnsweredPage(rooms, visit.reader, { answer, isAct: false, href: LIST })
    : { preview }
}

function namedIn(named: URLSearchParams): Named {
  return { system: named.get('system'), server: named.get('server') }
}

function keeperIn(asked: readonly Keeper['system'][], named: Named): Keeper | undefined {
  const system = asked.find(({ id }) => id === named.system)
  const server = named.server ?? undefined
  return system === undefined || (server !== undefined && !isServer(server)) ? undefined : { system, server }
}

/**
 * One text for what was decided, is over, is another person's, or never was: whoever photographed an address
 * learns nothing by it.
 */
export function nothing({ reader }: Visit, rooms: Rooms): Answer {
  return plainPage(rooms, reader, { of: 'preview.none', status: 404, href: LIST, back: 'previews.back' })
}

/** Undefined for codes that are no identifier. */
function idOf(codes: (string | undefined)[]): string | undefined {
  try {
    return identifier(...(codes as string[]))
  } catch {
    return undefined
  }
}
