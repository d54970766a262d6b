/**
 * A person agrees to what stood before them. Guarantees that it is that and nothing else: what the contract
 * asks and the text of the page are compared again when the answer comes, and it holds until the day that the
 * person chose, at most as long as the contract allows.
 */
import { colonForm } from '#schemas/colon-identifiers.ts'
import type { ConsentGiven, ConsentKind } from '#schemas/consents.ts'
import { provenFirst } from '../passkeys/proven-first.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { LANGUAGES, wordsOf } from '../texts.ts'
import { beginAgreement } from './agree-by-wallet.ts'
import { askingFor } from './ask-wallet.ts'
import { endOf } from './chosen-end.ts'
import type { AnswerContext, Offered } from './consent.ts'
import { plainPage } from './problem.ts'
import { sendAgreement } from './send-agreement.ts'
import { hashOf, termsOf } from './terms.ts'

export async function agree(
  visit: Visit,
  rooms: Rooms,
  { offered, context }: { offered: Offered; context: AnswerContext },
): Promise<Answer> {
  const { form, reader } = visit
  const { client, demand } = offered
  const [language = '', kind] = [form.get('language') ?? '', form.get('kind') as ConsentKind | null]
  const { easy } = reader.look
  const isShown =
    LANGUAGES.includes(language) &&
    hashOf(termsOf(offered, wordsOf(language, { easy, timeZone: rooms.place.timeZone }))) === form.get('text')
  const isSame = isShown && form.get('demand') === demand.digest
  if (!isSame || kind === null || !demand.rule.kinds.includes(kind))
    return plainPage(rooms, reader, { of: 'asked.changed', status: 409, href: context.href })
  const validUntil = endOf(form.get('until') ?? '', demand, reader.session.acting?.until, rooms)
  if (validUntil === undefined)
    return plainPage(rooms, reader, { of: 'until.wrong', status: 400, href: context.href })
  const given: Omit<ConsentGiven, 'validUntil'> & { validUntil: string } = {
    ...{
      contract: demand.contract.id,
      client: colonForm(client.id),
      demand: demand.digest,
      kind,
      validUntil,
    },
    ...{ shown: { language, textHash: form.get('text') ?? '' } },
    ...(context.request !== undefined && { token: context.request.token }),
  }
  if (demand.rule.proof === 'login')
    return provenFirst(visit, rooms, context.href) ?? sendAgreement(visit, rooms, { offered, context, given })
  const asking = askingFor(demand.rule, reader.session, rooms)
  // The page offers nothing else.
  if ('cannot' in asking) return { to: context.href }
  const flow = form.get('answer') === 'cross-device' ? 'cross-device' : 'same-device'
  return beginAgreement(visit, rooms, { asking, flow, offered, context, given })
}
