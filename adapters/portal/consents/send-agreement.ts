/** Sends what a person agreed to to the system that would give the data, and says what came of it. */
import { CONSENTS, type ConsentGiven } from '#schemas/consents.ts'
import { namesOf } from '../asking/names.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { addressOf, ONE } from './addresses.ts'
import { answeredPage } from './asked-page.ts'
import { callKeeper } from './call-keeper.ts'
import type { Offered, Way } from './consent.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { readConsent } from './read-consents.ts'

export async function sendAgreement(
  visit: Pick<Visit, 'reader' | 'gone'>,
  rooms: Rooms,
  { offered, way, given }: { offered: Offered; way: Way; given: ConsentGiven },
): Promise<Answer> {
  const { reader } = visit
  const { href, keeper, request } = way
  const answer = await callKeeper(keeper, visit, rooms, { method: 'POST', path: '/v1/consents', json: given })
  const status = 'status' in answer ? answer.status : undefined
  if (status === 409) return plainPage(rooms, reader, { of: 'asked.changed', status, href })
  // The server verifies by itself what the wallet presented.
  if (status === 403 && given.proof !== undefined)
    return plainPage(rooms, reader, { of: 'agree.refused', status, href })
  const consent =
    'status' in answer && answer.status === 201
      ? readConsent(keeper.system, answer.json, namesOf(await rooms.systems.offering(CONSENTS)))
      : undefined
  if (consent === undefined) return notAnsweredPage(rooms, reader, { answer, isAct: true, href })
  const at = addressOf(ONE, consent)
  if (request === undefined) return { to: at }
  const { client } = offered
  return { page: answeredPage(rooms.place, reader, { client, request, answer: 'GIVEN', consent: at }) }
}
