/**
 * An office's request for consent: shown to the person whom it is for, and answered once. Agreement is to what stood before the person: what
 * the contract asks and the text of the page are compared again when the answer comes.
 */
import { identifier } from '#adapters/client/identifiers.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { CONSENTS, type ConsentGiven, type ConsentKind } from '#schemas/consents.ts'
import { namesOf } from '../asking/names.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { LANGUAGES, wordsOf } from '../texts.ts'
import { beginAgreement } from './agree-by-wallet.ts'
import { answeredPage, askedPage } from './asked-page.ts'
import type { Asked } from './consent.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { readAsked } from './read-consents.ts'
import { addressOfWay, sendAgreement, type Way } from './send-agreement.ts'
import { hashOf, termsOf } from './terms.ts'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

export async function showAsked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findAsked(visit, rooms)
  if (!('asked' in found)) return found
  const { asked, way } = found
  const hasWallet = rooms.wallet !== undefined
  return { page: askedPage(rooms.place, visit.reader, { asked, at: addressOfWay(way), hasWallet }) }
}

export async function takeAnswer(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findAsked(visit, rooms)
  if (!('asked' in found)) return found
  return visit.form.get('answer') === 'no' ? decline(visit, rooms, found) : give(visit, rooms, found)
}

/** What is asked of this very person and still open, or the page that says why there is nothing. */
async function findAsked(
  { parameters, reader, gone }: Visit,
  rooms: Rooms,
): Promise<{ asked: Asked; way: Way } | Answer> {
  const found = await rooms.systems.offering(CONSENTS)
  const { instance, memberClass, memberCode, subsystem, token = '' } = parameters
  const id = idOf([instance, memberClass, memberCode, subsystem])
  const system = found.asked.find((one) => one.id === id)
  // One text for what was used, is over, is another person's, or never was: whoever photographed an address learns nothing by it.
  const nothing = (): Answer => plainPage(rooms, reader, { of: 'asked.none', status: 404 })
  if (system === undefined || !TOKEN.test(token)) return nothing()
  const service = `${system.id}/${CONSENTS}`
  const answer = await rooms.calls.call(reader.session, gone, {
    ...{ service, method: 'GET', path: '/v1/asked/{token}', parameters: { token } },
  })
  if ('status' in answer && [400, 403, 404, 409].includes(answer.status)) return nothing()
  const asked =
    'status' in answer && answer.status === 200 ? readAsked(system, answer.json, namesOf(found)) : undefined
  if (asked === undefined) return notAnsweredPage(rooms, reader, { answer, isAct: false })
  if (asked.state !== 'REQUESTED' || Date.parse(asked.validUntil) <= rooms.clock()) return nothing()
  return { asked, way: { system, token, service } }
}

async function give(visit: Visit, rooms: Rooms, { asked, way }: { asked: Asked; way: Way }): Promise<Answer> {
  const { form, reader } = visit
  const { client, demand } = asked
  const [language = '', kind] = [form.get('language') ?? '', form.get('kind') as ConsentKind | null]
  const { easy } = reader.look
  const isShown =
    LANGUAGES.includes(language) &&
    hashOf(termsOf(asked, wordsOf(language, { easy, timeZone: rooms.place.timeZone }))) === form.get('text')
  const isSame = isShown && form.get('demand') === demand.digest
  if (!isSame || kind === null || !demand.rule.kinds.includes(kind))
    return plainPage(rooms, reader, { of: 'asked.changed', status: 409, href: addressOfWay(way) })
  const given: ConsentGiven = {
    ...{ contract: demand.contract.id, client: colonForm(client.id), demand: demand.digest, kind },
    ...{ shown: { language, textHash: form.get('text') ?? '' }, token: way.token },
  }
  if (demand.rule.proof === 'login') return sendAgreement(visit, rooms, { asked, way, given })
  const { wallet } = rooms
  // The page offers nothing else.
  if (wallet === undefined) return { to: addressOfWay(way) }
  const flow = form.get('answer') === 'cross-device' ? 'cross-device' : 'same-device'
  return beginAgreement(visit, rooms, { wallet, flow, asked, way, given })
}

async function decline(
  { reader, gone }: Visit,
  rooms: Rooms,
  { asked, way: { service, token, system } }: { asked: Asked; way: Way },
): Promise<Answer> {
  const answer = await rooms.calls.call(reader.session, gone, {
    ...{ service, method: 'POST', path: '/v1/asked/{token}/decline', parameters: { token } },
  })
  const isDone =
    'status' in answer &&
    answer.status === 200 &&
    isObject(answer.json) &&
    answer.json['state'] === 'DECLINED'
  if (!isDone)
    return notAnsweredPage(rooms, reader, {
      ...{ answer, isAct: true, href: addressOfWay({ system, token }) },
    })
  return { page: answeredPage(rooms.place, reader, { asked, answer: 'DECLINED' }) }
}

/** Undefined for codes that are no identifier. */
function idOf(codes: (string | undefined)[]): string | undefined {
  try {
    return identifier(...(codes as string[]))
  } catch {
    return undefined
  }
}
