/** "My services": what agencies offer because something happened, the form that registers fill, and what became of it. */
import type { FormField } from '#schemas/offers.ts'
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Why } from '../joining/row.ts'
import { messagePage } from '../pages/welcome.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { addressOf, DECLINE, LIST, ONE, OPEN, SUBMIT } from './addresses.ts'
import { type At, askOffer, askOffers, callAt, placeOf } from './ask-offers.ts'
import { servicesPage } from './list-page.ts'
import { offerPage } from './offer-page.ts'
import { type Form, OFFERS, readForm, readSteps } from './read-offers.ts'

export const services: Section = {
  name: 'services',
  href: LIST,
  services: () => [OFFERS],
  routes: [
    { method: 'GET', path: LIST, asks: 'services', isEntrance: true, answer: showAll },
    {
      method: 'GET',
      path: ONE,
      asks: 'service',
      answer: (visit, rooms) => showAt(visit.query, visit, rooms),
    },
    { method: 'POST', path: OPEN, asks: 'service', answer: open },
    { method: 'POST', path: SUBMIT, asks: 'submission', answer: submit },
    { method: 'POST', path: DECLINE, asks: 'service', answer: decline },
  ],
}

async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  return { page: servicesPage(rooms.place, visit.reader, await askOffers(visit, rooms)) }
}

async function showAt(
  named: URLSearchParams,
  visit: Visit,
  rooms: Rooms,
  more: { written?: URLSearchParams; problem?: string; status?: number } = {},
): Promise<Answer> {
  const at = await placeOf(named, rooms)
  const offer = at && (await askOffer(at, visit, rooms))
  if (at === undefined || offer === undefined) return none(visit, rooms)
  if (typeof offer === 'string') return failed(offer, '', visit, rooms)
  const [form, steps] = await Promise.all([
    offer.state === 'opened' ? formAt(at, visit, rooms) : undefined,
    callAt(at, visit, rooms, { method: 'GET', path: '/course' }).then((said) =>
      readSteps('json' in said && said.json),
    ),
  ])
  const { status = 200, ...shown } = more
  return { page: offerPage(rooms.place, visit.reader, { at, offer, form, steps, ...shown }), status }
}

async function formAt(at: At, visit: Visit, rooms: Rooms): Promise<Form | undefined> {
  const answer = await callAt(at, visit, rooms, { method: 'GET', path: '/form' })
  return 'status' in answer && answer.status === 200 ? readForm(answer.json) : undefined
}

async function open(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { form } = visit
  const at = await placeOf(form, rooms)
  if (at === undefined) return none(visit, rooms)
  let agreed = form.getAll('agreed').slice(0, 20)
  if (form.get('all') === 'yes') {
    const offer = await askOffer(at, visit, rooms)
    if (typeof offer !== 'object')
      return offer === undefined ? none(visit, rooms) : failed(offer, 'act.nothing', visit, rooms)
    agreed = offer.calls.map(({ name }) => name)
  }
  const answer = await callAt(at, visit, rooms, {
    method: 'POST',
    path: '/open',
    // What the page said: a rule that changed since is refused, and the page says the new one.
    json: { agreed: [...new Set(agreed)], shown: form.get('shown') ?? '' },
  })
  return done(at, answer, visit, rooms)
}

async function submit(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit.form, rooms)
  if (at === undefined) return none(visit, rooms)
  const form = await formAt(at, visit, rooms)
  if (form === undefined) return { to: addressOf(at) }
  const json = { values: valuesOf(form.fields, visit.form) }
  const answer = await callAt(at, visit, rooms, { method: 'POST', path: '/submit', json })
  if ('status' in answer && answer.status === 400) {
    const isField = isObject(answer.json) && answer.json['type'] !== 'source_refused'
    const problem = visit.reader.words(isField ? 'service.problem.field' : 'service.problem.refused')
    return showAt(visit.form, visit, rooms, { written: visit.form, problem, status: 422 })
  }
  return done(at, answer, visit, rooms)
}

async function decline(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit.form, rooms)
  if (at === undefined) return none(visit, rooms)
  return done(at, await callAt(at, visit, rooms, { method: 'POST', path: '/decline' }), visit, rooms)
}

/** What the person wrote, as values of its kinds; what they left empty is not said. */
function valuesOf(
  fields: readonly FormField[],
  form: URLSearchParams,
): Record<string, string | number | boolean> {
  return Object.fromEntries(
    fields.flatMap(({ name, kind }): [string, string | number | boolean][] => {
      const text = form.get(`field-${name}`)?.trim() ?? ''
      if (text === '') return []
      if (kind === 'number') return [[name, Number.isFinite(Number(text)) ? Number(text) : text]]
      if (kind === 'yes-no') return [[name, text === 'true']]
      return [[name, text]]
    }),
  )
}

/** The page of the offer says how it stands, also when it stands otherwise than the person thought. */
function done(at: At, answer: JsonAnswer | NotCalled, visit: Visit, rooms: Rooms): Answer {
  if ('why' in answer) return failed(answer.why, answer.isOpen ? 'act.open' : 'act.nothing', visit, rooms)
  if (answer.status === 200 || answer.status === 409) return { to: addressOf(at) }
  if (answer.status === 404) return none(visit, rooms)
  return failed(whyOfStatus(answer.status), answer.status >= 500 ? 'act.open' : 'act.nothing', visit, rooms)
}

function none({ reader }: Visit, { place }: Rooms): Answer {
  const { words } = reader
  const link = { href: LIST, text: words('services.back') }
  const page = messagePage(place, reader, {
    title: words('service.none.title'),
    text: words('service.none.text'),
    link,
  })
  return { page, status: 404 }
}

function failed(
  why: Why,
  outcome: '' | 'act.open' | 'act.nothing',
  { reader }: Visit,
  { place }: Rooms,
): Answer {
  const { words } = reader
  const text = `${words(`why.${why}`)}${outcome === '' ? '' : ` ${words(outcome)}`}`
  const link = { href: LIST, text: words('services.back') }
  return { page: messagePage(place, reader, { title: words('failure.title'), text, link }), status: 502 }
}
