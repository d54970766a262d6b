/** An office's request for consent: shown to the person whom it is for, and answered once. */
import { identifier } from '#adapters/client/identifiers.ts'
import { CONSENTS } from '#schemas/consents.ts'
import { namesOf } from '../asking/names.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { agree } from './agree.ts'
import { answeredPage, askedPage } from './asked-page.ts'
import { callKeeper } from './call-keeper.ts'
import type { Asked, AskedContext } from './consent.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { isServer, readAsked } from './read-consents.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

export async function showAsked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findAsked(visit, rooms)
  if (!('asked' in found)) return found
  const { asked, context } = found
  return { page: askedPage(rooms, visit.reader, { offered: asked, until: asked.validUntil, context }) }
}

export async function takeAnswer(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findAsked(visit, rooms)
  if (!('asked' in found)) return found
  const { asked, context } = found
  return visit.form.get('answer') === 'no'
    ? decline(visit, rooms, found)
    : agree(visit, rooms, { offered: asked, context })
}

/** What is asked of this very person and still open, or the page that says why there is nothing. */
async function findAsked(
  visit: Visit,
  rooms: Rooms,
): Promise<{ asked: Asked; context: AskedContext } | Answer> {
  const { parameters, reader } = visit
  const found = await rooms.systems.offering(CONSENTS)
  const { instance, memberClass, memberCode, subsystem, token = '' } = parameters
  const id = idOf([instance, memberClass, memberCode, subsystem])
  const system = found.asked.find((one) => one.id === id)
  // One text for what was used, is over, is another person's, or never was: whoever photographed an address
  // learns nothing by it.
  const nothing = (): Answer => plainPage(rooms, reader, { of: 'asked.none', status: 404 })
  const { serverInstance, serverClass, serverMember, serverCode } = parameters
  const isNamed = serverCode !== undefined
  const server = isNamed ? idOf([serverInstance, serverClass, serverMember, serverCode]) : undefined
  if (system === undefined || !TOKEN.test(token) || (isNamed && !isServer(server))) return nothing()
  const keeper = { system, server }
  const answer = await callKeeper(keeper, visit, rooms, {
    ...{ method: 'GET', path: '/v1/asked/{token}', parameters: { token } },
  })
  if ('status' in answer && [400, 403, 404, 409].includes(answer.status)) return nothing()
  const asked =
    'status' in answer && answer.status === 200 ? readAsked(system, answer.json, namesOf(found)) : undefined
  if (asked === undefined) return notAnsweredPage(rooms, reader, { answer, isAct: false })
  if (asked.state !== 'REQUESTED' || Date.parse(asked.validUntil) <= rooms.clock()) return nothing()
  const { request, returnUrl } = asked
  return {
    asked,
    context: {
      keeper,
      href: ['/consents/asked', system.id, token, ...(server === undefined ? [] : [server])].join('/'),
      request: { request, returnUrl, token },
    },
  }
}

async function decline(
  visit: Visit,
  rooms: Rooms,
  { asked, context: { keeper, href, request } }: { asked: Asked; context: AskedContext },
): Promise<Answer> {
  const { reader } = visit
  const answer = await callKeeper(keeper, visit, rooms, {
    ...{ method: 'POST', path: '/v1/asked/{token}/decline', parameters: { token: request.token } },
  })
  const isDone =
    'status' in answer &&
    answer.status === 200 &&
    isObject(answer.json) &&
    answer.json['state'] === 'DECLINED'
  if (!isDone) return notAnsweredPage(rooms, reader, { answer, isAct: true, href })
  return { page: answeredPage(rooms.place, reader, { client: asked.client, request, answer: 'DECLINED' }) }
}

/** Undefined for codes that are no identifier. */
function idOf(codes: (string | undefined)[]): string | undefined {
  try {
    return identifier(...(codes as string[]))
  } catch {
    return undefined
  }
}
