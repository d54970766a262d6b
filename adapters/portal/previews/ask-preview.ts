/** Asks the system that keeps an answer for it. Only systems that the portal found are asked, whatever an address names. */
import { identifier } from '#adapters/client/identifiers.ts'
import { CONSENTS } from '#schemas/consents.ts'
import type { PreviewReleased } from '#schemas/previews.ts'
import type { JsonAnswer, NotCalled } from '../asking/call-service.ts'
import type { System } from '../asking/find-systems.ts'
import { namesOf } from '../asking/names.ts'
import { callKeeper } from '../consents/call-keeper.ts'
import { notAnsweredPage, plainPage } from '../consents/problem.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { LIST, type Preview } from './preview.ts'
import { readPreview, UUID } from './read-preview.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

type Asked = { method: 'GET'; path: string; parameters: Record<string, string> }
export type Decision = { act: 'stop' } | { act: 'release'; json: PreviewReleased }
type Found = { preview: Preview } | Answer

/** The one that an address or a form names by its number. */
export async function findPreview(visit: Visit, rooms: Rooms, named: URLSearchParams): Promise<Found> {
  const number = named.get('number') ?? ''
  const asked = { method: 'GET', path: '/v1/previews/{number}', parameters: { number } } as const
  return UUID.test(number) ? ask(visit, rooms, named.get('system'), asked) : nothing(visit, rooms)
}

/** The one of a url. */
export async function findAsked(visit: Visit, rooms: Rooms): Promise<Found> {
  const { instance, memberClass, memberCode, subsystem, token = '' } = visit.parameters
  const asked = { method: 'GET', path: '/v1/previewed/{token}', parameters: { token } } as const
  const id = idOf([instance, memberClass, memberCode, subsystem])
  return TOKEN.test(token) ? ask(visit, rooms, id, asked) : nothing(visit, rooms)
}

/** Says to the system what the person decided about the one that the form names; undefined where it names none. */
export async function decide(
  visit: Visit,
  rooms: Rooms,
  { act, ...decision }: Decision,
): Promise<{ at: Pick<Preview, 'told' | 'number'>; answer: JsonAnswer | NotCalled } | undefined> {
  const { form } = visit
  const number = form.get('number') ?? ''
  const { asked } = await rooms.systems.offering(CONSENTS)
  const told = asked.find(({ id }) => id === form.get('system'))
  if (told === undefined || !UUID.test(number)) return undefined
  const answer = await callKeeper({ system: told }, visit, rooms, {
    ...{ method: 'POST', path: `/v1/previews/{number}/${act}`, parameters: { number }, ...decision },
  })
  return { at: { told, number }, answer }
}

async function ask(visit: Visit, rooms: Rooms, id: string | null | undefined, asked: Asked): Promise<Found> {
  const found = await rooms.systems.offering(CONSENTS)
  const system: System | undefined = found.asked.find((one) => one.id === id)
  if (system === undefined) return nothing(visit, rooms)
  const answer = await callKeeper({ system }, visit, rooms, asked)
  if ('status' in answer && [400, 403, 404, 409].includes(answer.status)) return nothing(visit, rooms)
  const preview =
    'status' in answer && answer.status === 200 ? readPreview(system, answer.json, namesOf(found)) : undefined
  return preview === undefined
    ? notAnsweredPage(rooms, visit.reader, { answer, isAct: false, href: LIST })
    : { preview }
}

/** One text for what was decided, is over, is another person's, or never was: whoever photographed an address learns nothing by it. */
export function nothing({ reader }: Visit, rooms: Rooms): Answer {
  return plainPage(rooms, reader, { of: 'preview.none', status: 404, href: LIST })
}

/** Undefined for codes that are no identifier. */
function idOf(codes: (string | undefined)[]): string | undefined {
  try {
    return identifier(...(codes as string[]))
  } catch {
    return undefined
  }
}
