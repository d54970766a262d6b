/**
 * What somebody does with one offer, whether they came to it signed in, for another, or with the code of a
 * letter. Guarantees that nothing is agreed to but what the page said.
 */
import type { FormField } from '#schemas/offers.ts'
import { type JsonAnswer, type NotCalled, whyOfStatus } from '../asking/call-service.ts'
import { isObject } from '../asking/read-usages.ts'
import type { Why } from '../joining/row.ts'
import { messagePage } from '../pages/welcome.ts'
import type { Answer } from '../routing/section.ts'
import { type At, askCourse, askOffer, callAt, placeOf } from './ask-offers.ts'
import type { Door } from './door.ts'
import { offerPage } from './offer-page.ts'
import { type Form, readForm } from './read-offers.ts'

/** `named` says which offer. */
export async function showOffer(
  named: URLSearchParams,
  door: Door,
  more: { written?: URLSearchParams; problem?: string; status?: number } = {},
): Promise<Answer> {
  const at = await placeOf(named, door)
  const offer = at && (await askOffer(at, door.ask))
  if (at === undefined || offer === undefined) return none(door)
  if (typeof offer === 'string') return failed(offer, '', door)
  const [form, steps] = await Promise.all([
    offer.state === 'opened' ? formAt(at, door) : undefined,
    askCourse(at, door.ask),
  ])
  const { status = 200, ...shown } = more
  return { page: offerPage(door, { at, offer, form, steps: steps ?? [], ...shown }), status }
}

async function formAt(at: At, { ask }: Door): Promise<Form | undefined> {
  const answer = await callAt(at, ask, { method: 'GET', path: '/form' })
  return 'status' in answer && answer.status === 200 ? readForm(answer.json) : undefined
}

export async function openOffer(door: Door): Promise<Answer> {
  const { form, ask } = door
  const at = await placeOf(form, door)
  if (at === undefined) return none(door)
  let agreed = form.getAll('agreed').slice(0, 20)
  if (form.get('all') === 'yes') {
    const offer = await askOffer(at, ask)
    if (typeof offer !== 'object')
      return offer === undefined ? none(door) : failed(offer, 'act.nothing', door)
    agreed = offer.calls.map(({ name }) => name)
  }
  const answer = await callAt(at, ask, {
    method: 'POST',
    path: '/open',
    // What the page said: a rule that changed since is refused, and the page says the new one.
    json: { agreed: [...new Set(agreed)], shown: form.get('shown') ?? '' },
  })
  return done(at, answer, door)
}

export async function submitOffer(door: Door): Promise<Answer> {
  const at = await placeOf(door.form, door)
  if (at === undefined) return none(door)
  const form = await formAt(at, door)
  if (form === undefined) return door.after(at)
  const json = { values: valuesOf(form.fields, door.form) }
  const answer = await callAt(at, door.ask, { method: 'POST', path: '/submit', json })
  if ('status' in answer && answer.status === 400) {
    const isField = isObject(answer.json) && answer.json['type'] !== 'source_refused'
    const problem = door.reader.words(isField ? 'service.problem.field' : 'service.problem.refused')
    return showOffer(door.form, door, { written: door.form, problem, status: 422 })
  }
  return done(at, answer, door)
}

export async function declineOffer(door: Door): Promise<Answer> {
  const at = await placeOf(door.form, door)
  if (at === undefined) return none(door)
  return done(at, await callAt(at, door.ask, { method: 'POST', path: '/decline' }), door)
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
async function done(at: At, answer: JsonAnswer | NotCalled, door: Door): Promise<Answer> {
  if ('why' in answer) return failed(answer.why, answer.isOpen ? 'act.open' : 'act.nothing', door)
  if (answer.status === 200 || answer.status === 409) return door.after(at)
  if (answer.status === 404) return none(door)
  return failed(whyOfStatus(answer.status), answer.status >= 500 ? 'act.open' : 'act.nothing', door)
}

function none({ place, reader, none: of, back: link }: Door): Answer {
  const { words } = reader
  const page = messagePage(place, reader, { title: words(`${of}.title`), text: words(`${of}.text`), link })
  return { page, status: 404 }
}

function failed(
  why: Why,
  outcome: '' | 'act.open' | 'act.nothing',
  { place, reader, back: link }: Door,
): Answer {
  const { words } = reader
  const text = `${words(`why.${why}`)}${outcome === '' ? '' : ` ${words(outcome)}`}`
  return { page: messagePage(place, reader, { title: words('failure.title'), text, link }), status: 502 }
}
