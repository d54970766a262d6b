/**
 * "My services": what agencies offer because something happened, the form that registers fill, and what
 * became of it.
 */
import { csrfField } from '../pages/form.ts'
import { provenFirst } from '../passkeys/proven-first.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { addressOf, DECLINE, LIST, ONE, OPEN, SUBMIT } from './addresses.ts'
import { askOffers } from './ask-offers.ts'
import type { Door } from './door.ts'
import { servicesPage } from './list-page.ts'
import { declineOffer, openOffer, showOffer, submitOffer } from './one-offer.ts'
import { OFFERS } from './read-offers.ts'

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
      answer: (visit, rooms) => showOffer(visit.query, doorOf(visit, rooms)),
    },
    { method: 'POST', path: OPEN, asks: 'service', answer: giving(openOffer) },
    { method: 'POST', path: SUBMIT, asks: 'submission', answer: giving(submitOffer) },
    {
      ...{ method: 'POST', path: DECLINE, asks: 'service' },
      answer: (visit, rooms) => declineOffer(doorOf(visit, rooms)),
    },
  ],
}

async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  return { page: servicesPage(rooms.place, visit.reader, await askOffers(visit, rooms)) }
}

/** Calls about the person are made, or what they filled is sent: what `act` gives away takes a login. */
function giving(act: (door: Door) => Promise<Answer>): Section['routes'][number]['answer'] {
  return async (visit, rooms) => provenFirst(visit, rooms, LIST) ?? act(doorOf(visit, rooms))
}

/** For the person who is signed in, or for whom they act. */
function doorOf({ reader, form, gone }: Visit, { place, systems, calls }: Rooms): Door {
  const { session, words } = reader
  return {
    ...{ place, reader, form, systems, ask: (q) => calls.call(session, gone, q) },
    ways: { open: OPEN, submit: SUBMIT, decline: DECLINE, at: addressOf },
    hidden: csrfField(session),
    back: { href: LIST, text: words('services.back') },
    none: 'service.none',
    // So that nobody sends the form twice.
    after: async (at) => ({ to: addressOf(at) }),
  }
}
