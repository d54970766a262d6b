/**
 * Answers the offer of a letter without a login: no session, no cookie. Guarantees that only who has the code
 * and knows the person's own reaches the offer, that all who do not are told the same, that one network tries
 * few codes, and that nothing is kept here: what opens the offer for an hour is a ticket in the page, which
 * no address, no log and no agency holds.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Clock } from '#platform/clock.ts'
import { createCounter } from '#platform/http-service/rate-limit.ts'
import { Fault } from '#schemas/fault.ts'
import { callService } from '../asking/call-service.ts'
import type { FindSystems } from '../asking/find-systems.ts'
import type { OwnServer } from '../asking/own-server.ts'
import { choicesOf, hrefFor, type Place, type Reader } from '../pages/frame.ts'
import { html, NOTHING } from '../pages/html.ts'
import { FORM_BYTES, readForm } from '../routing/form.ts'
import type { Reading } from '../routing/reading.ts'
import type { Answer } from '../routing/section.ts'
import type { PortalSettings } from '../settings.ts'
import type { Door } from './door.ts'
import { giveIn } from './give-in.ts'
import { LETTER, letterPage } from './letter-page.ts'
import { createTickets, nameOf } from './letter-tickets.ts'
import { declineOffer, openOffer, showOffer, submitOffer } from './one-offer.ts'
import { OFFERS } from './read-offers.ts'

const HTML = 'text/html; charset=utf-8'
/** Codes of one network; and what is done by one with an offer. */
const TRIES = { perSecond: 2, perMinute: 5 }
const ACTS = { perSecond: 6, perMinute: 30 }
const AT_ONCE = { running: 4, waiting: 16 }

type Rooms = {
  clock: Clock
  addressOf(request: FastifyRequest): string
  place: Place
  reading: Reading
  systems: Pick<FindSystems, 'offering'>
  server: Pick<OwnServer, 'service'>
  asking: Pick<PortalSettings['asking'], 'answerMs' | 'answerBytes'>
  /** What the registers know somebody by, of what they typed. */
  personOf(typed: string): string
  count(what: string): void
}

export function letterRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { place, reading, addressOf, asking } = rooms
  const tickets = createTickets()
  const tries = createCounter(TRIES, rooms.clock)
  const acts = createCounter(ACTS, rooms.clock)
  const turns = limitCalls({ ...AT_ONCE, waitMs: asking.answerMs })
  const bounded = (
    count: (address: string) => number,
    act: (request: FastifyRequest, form: URLSearchParams) => Promise<Answer>,
  ) => ({
    bodyLimit: FORM_BYTES,
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const waitSeconds = count(addressOf(request))
      if (waitSeconds > 0) {
        reply.header('retry-after', waitSeconds)
        throw new Fault('too_many_requests')
      }
      const answer = await turns.run(() => act(request, readForm(request)))
      if (!('page' in answer)) return reply.redirect(hrefFor(LETTER, strangerOf(request)), 303)
      return reply
        .code(answer.status ?? 200)
        .type(HTML)
        .send(answer.page)
    },
  })
  const shown = async (reader: Reader, more: { problem?: string; written?: URLSearchParams } = {}) => {
    const { asked: systems } = await rooms.systems.offering(OFFERS)
    const action = `${LETTER}${choicesOf(reader.look)}`
    return letterPage(place, reader, { systems, action, hidden: NOTHING, isCounter: false, ...more })
  }
  app.get(LETTER, async (request, reply) => reply.type(HTML).send(await shown(strangerOf(request))))

  app.post(
    LETTER,
    bounded(tries.take, async (request, form) => {
      const reader = strangerOf(request)
      rooms.count('letter')
      const door = doorOf(reader, form, tickets.make())
      const given = await giveIn(door, { person: rooms.personOf(form.get('person') ?? '') })
      if ('named' in given) return showOffer(given.named, door)
      return { page: await shown(reader, { problem: given.problem, written: form }), status: given.status }
    }),
  )
  for (const [way, act] of Object.entries({ open: openOffer, submit: submitOffer, decline: declineOffer }))
    app.post(
      `${LETTER}/${way}`,
      bounded(acts.take, async (request, form) => {
        const ticket = form.get('ticket') ?? ''
        if (!tickets.isOurs(ticket)) return { to: LETTER }
        rooms.count('letter')
        return act(doorOf(strangerOf(request), form, ticket))
      }),
    )

  /** Whoever is signed in in this browser has nothing to do with the letter. */
  function strangerOf(request: FastifyRequest): Reader {
    return { ...reading(request), session: undefined }
  }

  function doorOf(reader: Reader, form: URLSearchParams, ticket: string): Door {
    const { words, look } = reader
    const choices = choicesOf(look)
    const door: Door = {
      ...{ place, reader, form, systems: rooms.systems },
      // An act that has begun ends, also when the browser goes away: it has an end in time.
      ask: ({ asOneself: _own, ...q }) =>
        callService(
          rooms.server,
          { ...q, person: nameOf(ticket), signal: new AbortController().signal },
          asking,
        ),
      ways: {
        open: `${LETTER}/open${choices}`,
        submit: `${LETTER}/submit${choices}`,
        decline: `${LETTER}/decline${choices}`,
        at: () => LETTER,
      },
      hidden: html`<input type="hidden" name="ticket" value="${ticket}">`,
      back: { href: `${LETTER}${choices}`, text: words('letter.back') },
      none: 'letter.over',
      after: ({ system, id }) => showOffer(new URLSearchParams({ system: system.id, offer: id }), door),
    }
    return door
  }
}
