/** Sends what a person agreed to to the system that would give the data, and says what came of it. */
import { CONSENTS, type ConsentGiven } from '#schemas/consents.ts'
import { namesOf } from '../asking/names.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { addressOf, ONE } from './addresses.ts'
import { answeredPage } from './asked-page.ts'
import { callKeeper } from './call-keeper.ts'
import type { AnswerContext, Offered } from './consent.ts'
import { notAnsweredPage, plainPage } from './problem.ts'
import { readConsent } from './read-consents.ts'

/** Of a fault: nothing else that another server says goes into the log. */
const CODE = /^[a-z_]{1,64}$/

export async function sendAgreement(
  visit: Pick<Visit, 'reader' | 'gone' | 'log'>,
  rooms: Rooms,
  { offered, context, given }: { offered: Offered; context: AnswerContext; given: ConsentGiven },
): Promise<Answer> {
  const { reader } = visit
  const { href, keeper, request } = context
  const answer = await callKeeper(keeper, visit, rooms, { method: 'POST', path: '/v1/consents', json: given })
  const status = 'status' in answer ? answer.status : undefined
  if (status === 409) return plainPage(rooms, reader, { of: 'asked.changed', status, href })
  // The server verifies by itself what the wallet presented.
  if (status === 403 && given.proof !== undefined) {
    const { type, message } = readProblem('json' in answer ? answer.json : undefined)
    visit.log.warn({ code: type }, "a system did not take a wallet's answer")
    const name = offered.demand.rule.attributes?.find((one) => message.includes(`(${one.name} (`))?.name
    return name === undefined
      ? plainPage(rooms, reader, { of: 'agree.refused', status, href })
      : plainPage(rooms, reader, { of: 'agree.unattested', status, href, values: { name } })
  }
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

/** The code and the words of a fault; the words name the attribute that was not attested. */
function readProblem(given: unknown): { type: string | undefined; message: string } {
  const { type, message } = isObject(given) ? given : {}
  return {
    type: typeof type === 'string' && CODE.test(type) ? type : undefined,
    message: typeof message === 'string' ? message : '',
  }
}
