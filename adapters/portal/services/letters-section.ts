/**
 * At a counter: the clerk gives in the code of the letter that somebody brought, and answers its offer for
 * them, by their own login.
 */
import { csrfField } from '../pages/form.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import type { Door } from './door.ts'
import { giveIn } from './give-in.ts'
import { LETTER, letterPage } from './letter-page.ts'
import { declineOffer, openOffer, showOffer, submitOffer } from './one-offer.ts'
import { OFFERS } from './read-offers.ts'

const ONE = `${LETTER}/one`
const OWN = { asks: 'letter', isOwn: true } as const

export const letters: Section = {
  name: 'letters',
  href: LETTER,
  services: () => [OFFERS],
  isServed: ({ counter, letters: isOn }) => counter !== undefined && isOn,
  routes: [
    { method: 'GET', path: LETTER, ...OWN, answer: (visit, rooms) => show(visit, rooms) },
    { method: 'POST', path: LETTER, ...OWN, answer: useCode },
    {
      ...{ method: 'GET', path: ONE, ...OWN },
      answer: (visit, rooms) => showOffer(visit.query, doorOf(visit, rooms)),
    },
    { method: 'POST', path: `${LETTER}/open`, ...OWN, answer: by(openOffer) },
    { method: 'POST', path: `${LETTER}/submit`, ...OWN, answer: by(submitOffer) },
    { method: 'POST', path: `${LETTER}/decline`, ...OWN, answer: by(declineOffer) },
  ],
}

async function show(
  { reader }: Visit,
  { place, systems }: Rooms,
  more: { problem?: string; written?: URLSearchParams; status?: number } = {},
): Promise<Answer> {
  const { asked } = await systems.offering(OFFERS)
  const { status = 200, ...said } = more
  const form = { systems: asked, action: LETTER, hidden: csrfField(reader.session), isCounter: true }
  return { page: letterPage(place, reader, { ...form, ...said }), status }
}

async function useCode(visit: Visit, rooms: Rooms): Promise<Answer> {
  const given = await giveIn(doorOf(visit, rooms))
  if ('named' in given) return { to: `${ONE}?${given.named}` }
  return show(visit, rooms, { ...given, written: visit.form })
}

function by(act: (door: Door) => Promise<Answer>): Section['routes'][number]['answer'] {
  return (visit, rooms) => act(doorOf(visit, rooms))
}

/** Each question names the clerk alone: the letter says for whom it is, whomever they act for besides. */
function doorOf({ reader, form, gone }: Visit, { place, systems, calls }: Rooms): Door {
  const { session, words } = reader
  const at: Door['ways']['at'] = ({ system, id }) =>
    `${ONE}?${new URLSearchParams({ system: system.id, offer: id })}`
  return {
    ...{ place, reader, form, systems, ask: (q) => calls.call(session, gone, { ...q, asOneself: true }) },
    ways: { open: `${LETTER}/open`, submit: `${LETTER}/submit`, decline: `${LETTER}/decline`, at },
    hidden: csrfField(session),
    back: { href: LETTER, text: words('letter.back') },
    none: 'letter.over',
    after: async (one) => ({ to: at(one) }),
  }
}
