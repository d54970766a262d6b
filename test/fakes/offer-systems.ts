/**
 * The service `offers` of one agency, as schemas/offers.yaml says, with one offer of one person and in
 * memory.
 */
import type { FormField, Offer, OfferStep, Texts } from '#schemas/offers.ts'
import { type Answering, send } from './usage-systems.ts'

const ID = 'Zm9yIHRlc3RzIGFsb25lLQ'
const both = (en: string, uk: string): Texts => ({ en, uk })

/** Who has no name here has no offer. No code of a letter opens it. */
export function keepOffer(person: string): Answering {
  const offer: Offer = {
    ...{ id: ID, state: 'offered', title: both('Family benefit', 'Сімейна допомога') },
    text: both('You can have the family benefit.', 'Ви можете отримувати сімейну допомогу.'),
    why: both(
      'You see this because the birth of your child was registered.',
      'Ви бачите це, бо народження вашої дитини зареєстровано.',
    ),
    legalBasis: 'Family Benefits Act, section 12',
    ...{ madeAt: '2026-11-28T10:00:00Z', endsAt: '2027-02-28T10:00:00Z', shown: 's'.repeat(43) },
    calls: [
      {
        ...{ name: 'child', agency: both('Population Agency', 'Агентство населення') },
        ...{ service: 'DEV/GOV/1001/population/persons', legalBasis: 'Family Benefits Act, section 20' },
        ...{ purpose: both('Who the child is', 'Хто ця дитина'), needsAgreement: true },
        fields: [both('First name of the child', "Ім'я дитини")],
      },
    ],
  }
  const steps: OfferStep[] = [{ time: '2026-11-28T10:00:00Z', what: 'offered', channel: 'event' }]
  const fields: FormField[] = [
    {
      ...{ name: 'childName', label: both('First name of the child', "Ім'я дитини"), kind: 'text' },
      ...{ isRequired: true, value: 'Juku', from: 'register' },
      source: {
        ...{ agency: both('Population Agency', 'Агентство населення'), messageId: 'DEV-77' },
        ...{ service: 'DEV/GOV/1001/population/persons', legalBasis: 'Family Benefits Act, section 20' },
        time: '2026-11-29T10:00:00Z',
      },
    },
    {
      ...{ name: 'account', label: both('Bank account', 'Банківський рахунок'), kind: 'text' },
      ...{ isRequired: true, from: 'nobody' },
    },
  ]
  const go = (state: Offer['state'], what: OfferStep['what'], more: Partial<Offer> = {}): void => {
    Object.assign(offer, { state, ...more })
    steps.push({ time: '2026-11-29T10:00:00Z', what, channel: 'web' })
  }
  return ({ method, path, userId }, response) => {
    const isMine = userId === person
    if (path === '/v1/offers') return send(response, { offers: isMine ? [offer] : [] })
    const [, act] = /^\/v1\/offers\/[^/]+\/(\w+)$/.exec(path) ?? []
    if (!isMine || act === undefined) return send(response, { type: 'not_found' }, 404)
    if (act === 'form') return send(response, { id: ID, state: offer.state, fields, asked: [] })
    if (act === 'course') return send(response, { id: ID, steps })
    if (method === 'POST' && act === 'open') go('opened', 'opened')
    if (method === 'POST' && act === 'submit') go('submitted', 'submitted', { number: 'FB-1' })
    send(response, offer)
  }
}
