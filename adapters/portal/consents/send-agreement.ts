/** Sends what a person agreed to to the system that asks, and says what came of it. */
import { CONSENTS, type ConsentGiven } from '#schemas/consents.ts'
import type { System } from '../asking/find-systems.ts'
import { namesOf } from '../asking/names.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { addressOf, ONE } from './addresses.ts'
import { answeredPage } from './asked-page.ts'
import type { Asked } from './consent.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { readConsent } from './read-consents.ts'

/** What the one-time url names: the system that asks, and the secret. */
export type Way = { system: System; token: string; service: string }

export function addressOfWay({ system, token }: Pick<Way, 'system' | 'token'>): string {
  return `/consents/asked/${system.id}/${token}`
}

export async function sendAgreement(
  { reader, gone }: Pick<Visit, 'reader' | 'gone'>,
  rooms: Rooms,
  { asked, way, given }: { asked: Asked; way: Way; given: ConsentGiven },
): Promise<Answer> {
  const href = addressOfWay(way)
  const answer = await rooms.calls.call(reader.session, gone, {
    ...{ service: way.service, method: 'POST', path: '/v1/consents', json: given },
  })
  const status = 'status' in answer ? answer.status : undefined
  if (status === 409) return plainPage(rooms, reader, { of: 'asked.changed', status, href })
  // The server verifies by itself what the wallet presented.
  if (status === 403 && given.proof !== undefined)
    return plainPage(rooms, reader, { of: 'agree.refused', status, href })
  const consent =
    'status' in answer && answer.status === 201
      ? readConsent(way.system, answer.json, namesOf(await rooms.systems.offering(CONSENTS)))
      : undefined
  if (consent === undefined) return notAnsweredPage(rooms, reader, { answer, isAct: true, href })
  const page = answeredPage(rooms.place, reader, { asked, answer: 'GIVEN', consent: addressOf(ONE, consent) })
  return { page }
}
