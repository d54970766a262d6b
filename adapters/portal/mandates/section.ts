/**
 * "Who may act for me": mandates that a person gave and holds, giving one, taking one back, giving one up;
 * and the choice for whom the person acts here. What a form says is asked of the register again: a person
 * acts only for those whom the register names.
 */
import { OWN_RIGHT } from '#schemas/mandates.ts'
import type { Acting } from '../login/sessions.ts'
import { messagePage } from '../pages/welcome.ts'
import { provenFirst } from '../passkeys/proven-first.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { choosePage, mandatesPage, THEIRS } from './pages.ts'
import { isCode, isMandateId, type KnownRole } from './read-mandates.ts'
import type { Done, MandateRegister } from './register.ts'

export const mandates: Section = {
  name: 'mandates',
  href: '/mandates',
  // No service has an empty code: where there is no register there is no such section.
  services: ({ mandates, counter }) => [
    counter === undefined ? (mandates?.service.split('/').at(-1) ?? '') : '',
  ],
  routes: [
    { method: 'GET', path: '/mandates', asks: 'mandates', isOwn: true, answer: forPeople(showAll) },
    {
      method: 'GET',
      path: '/mandates/for',
      asks: 'choices',
      isOwn: true,
      isEntrance: true,
      answer: withRegister(showChoices),
    },
    { method: 'POST', path: '/mandates/for', asks: 'acting', isOwn: true, answer: withRegister(choose) },
    { method: 'POST', path: '/mandates/finished', asks: 'ending', isOwn: true, answer: withRegister(finish) },
    { method: 'POST', path: '/mandates/give', asks: 'giving', isOwn: true, answer: forPeople(give) },
    { method: 'POST', path: '/mandates/end', asks: 'ending', isOwn: true, answer: forPeople(end) },
  ],
}

/**
 * The same of the one for whom somebody acts: a clerk for the person at the desk, a member of the board for
 * the company. The register decides by the role by which they act, and its record names both.
 */
export const theirMandates: Section = {
  name: 'theirMandates',
  href: THEIRS,
  services: () => [],
  isInMenu: ({ counter }) => counter !== undefined,
  routes: [
    { method: 'GET', path: THEIRS, asks: 'mandates', answer: forAnother(showAll) },
    { method: 'POST', path: `${THEIRS}/give`, asks: 'giving', answer: forAnother(give) },
    { method: 'POST', path: `${THEIRS}/end`, asks: 'ending', answer: forAnother(end) },
  ],
}

type Step = (
  visit: Visit,
  rooms: Rooms,
  register: MandateRegister,
  theirs?: Acting | undefined,
) => Promise<Answer>

const DONE: readonly string[] = ['given', 'ended', 'refused', 'away', 'open']
const DATE = /^\d{4}-\d\d-\d\d$/
const CHOOSE = '/mandates/for'
const NAME = /^[^\p{C}]{1,200}$/u

function withRegister(step: Step): Section['routes'][number]['answer'] {
  return async (visit, rooms) =>
    rooms.register === undefined ? { to: '/' } : step(visit, rooms, rooms.register)
}

/** A clerk at a counter has no mandates of their own here. */
function forPeople(step: Step): Section['routes'][number]['answer'] {
  return withRegister(async (visit, rooms, register) =>
    rooms.settings.counter === undefined ? step(visit, rooms, register) : { to: '/mandates/for' },
  )
}

/** The mandate by which somebody acts was confirmed just now. */
function forAnother(step: Step): Section['routes'][number]['answer'] {
  return withRegister(async (visit, rooms, register) => {
    const { acting } = visit.reader.session
    return acting === undefined ? { to: CHOOSE } : step(visit, rooms, register, acting)
  })
}

async function showAll(
  { reader, query, gone }: Visit,
  { place, clock }: Rooms,
  register: MandateRegister,
  theirs?: Acting,
): Promise<Answer> {
  const { session } = reader
  const [given, held, roles] = await Promise.all([
    register.given(session, { gone, theirs }),
    theirs === undefined ? register.held(session, { gone }) : undefined,
    register.roles(session, { gone }),
  ])
  const done = DONE.find((one) => one === query.get('done'))
  // An agency's page may lead here with who is to be named; the person reads it, and sends the form themself.
  const filled = Object.fromEntries(
    ['identifier', 'firstName', 'surname', 'role'].map((name) => [name, plain(query.get(name))]),
  )
  const page = mandatesPage(place, reader, {
    ...{ given, held, roles, filled, now: clock(), ...(done !== undefined && { done }) },
    ...{ givable: roles.filter((one) => isGivable(one, theirs)), ...(theirs !== undefined && { theirs }) },
  })
  return { page }
}

async function showChoices(
  { reader, gone }: Visit,
  rooms: Rooms,
  register: MandateRegister,
): Promise<Answer> {
  const people = await register.choices(reader.session, { gone })
  const isCounter = rooms.settings.counter !== undefined
  return {
    page: choosePage(rooms.place, reader, { people, isCounter, code: rooms.asking.ownCode(reader.session) }),
  }
}

async function choose(
  { reader, form, gone, chooseActing }: Visit,
  { place }: Rooms,
  register: MandateRegister,
): Promise<Answer> {
  const { session, words } = reader
  const code = form.get('person') ?? ''
  const acting = await chooseActing(async () =>
    code === '' ? 'none' : await register.confirm(session, { code, gone }),
  )
  if (code === '') return { to: '/' }
  if (acting === 'none' || acting === 'away') {
    const link = { href: '/mandates/for', text: words('acting.choose') }
    const [title, text] = [words(`acting.${acting}.title`), words(`acting.${acting}.text`)]
    return { page: messagePage(place, reader, { title, text, link }), status: acting === 'none' ? 403 : 502 }
  }
  return { to: '/' }
}

/** At a counter, when the person goes: nobody acts for them any more, and the mandate is given up. */
async function finish(
  { reader, gone, chooseActing }: Visit,
  { place }: Rooms,
  register: MandateRegister,
): Promise<Answer> {
  const { session, words } = reader
  const { acting } = session
  await chooseActing(async () => 'none')
  if (acting === undefined) return { to: '/mandates/for' }
  const done = await register.end(session, { gone, other: acting.code, id: acting.mandate, waive: true })
  if (done === 'done') return { to: '/mandates/for' }
  const link = { href: '/mandates/for', text: words('acting.choose') }
  const [title, text] = [words('counter.left.title'), words('counter.left.text')]
  return { page: messagePage(place, reader, { title, text, link }), status: 502 }
}

async function give(visit: Visit, rooms: Rooms, register: MandateRegister, theirs?: Acting): Promise<Answer> {
  const first = provenFirst(visit, rooms, CHOOSE)
  if (first !== undefined) return first
  const { reader, form, gone } = visit
  const field = (name: string): string => (form.get(name) ?? '').trim()
  const [identifier, firstName, surname, legalName] = ['identifier', 'firstName', 'surname', 'legalName'].map(
    field,
  ) as [string, string, string, string]
  const [role, through] = [field('role'), field('through')]
  const isCompany = legalName !== ''
  const names = isCompany ? [legalName] : [firstName, surname]
  const roles = await register.roles(reader.session, { gone })
  const isKnown = roles.some((one) => one.code === role && isGivable(one, theirs))
  const isDay = through === '' || (DATE.test(through) && !Number.isNaN(Date.parse(through)))
  if (!isCode(identifier) || !names.every((one) => NAME.test(one)) || !isKnown || !isDay)
    return told(theirs, 'refused')
  const delegate = isCompany
    ? { type: 'LEGAL_PERSON', identifier, legalName }
    : { type: 'NATURAL_PERSON', identifier, firstName, surname }
  const mandate = { role, ...(through !== '' && { validityPeriod: { through } }) }
  return told(theirs, await register.give(reader.session, { gone, delegate, mandate, theirs }), 'given')
}

async function end(
  { reader, form, gone }: Visit,
  _rooms: Rooms,
  register: MandateRegister,
  theirs?: Acting,
): Promise<Answer> {
  const [other, id, act] = [form.get('other') ?? '', form.get('id') ?? '', form.get('act')]
  if (!isCode(other) || !isMandateId(id)) return told(theirs, 'refused')
  // What somebody else holds is not given up for them.
  const waive = act === 'waive' && theirs === undefined
  return told(theirs, await register.end(reader.session, { gone, other, id, waive, theirs }), 'ended')
}

function told(theirs: Acting | undefined, done: Done, how = 'given'): Answer {
  return { to: `${theirs === undefined ? '/mandates' : THEIRS}?done=${done === 'done' ? how : done}` }
}

/** Whether it may be given here: by a natural person for themself, or by who acts for the giver. */
function isGivable({ addableBy, mustBeSigned, givers }: KnownRole, theirs: Acting | undefined): boolean {
  const { role, type } = theirs ?? { role: OWN_RIGHT, type: 'NATURAL_PERSON' }
  return addableBy.includes(role) && !mustBeSigned && givers.includes(type)
}

function plain(text: string | null): string {
  return text !== null && NAME.test(text) ? text : ''
}
