/**
 * "What I agreed to": the consents of all systems, taking one back, and answering an office that asks for
 * one.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import {
  ASKED,
  ASKED_AT,
  addressOf,
  LIST,
  ONE,
  PAPER,
  POSSIBLE,
  PROOF,
  RECEIPT,
  UNASKED,
  WALLET_BACK,
  WALLET_NUMBER,
  WALLET_WAIT,
  WITHDRAW,
} from './addresses.ts'
import { comeBack, showWaiting, takeNumber } from './agree-by-wallet.ts'
import { showAsked, takeAnswer } from './answer-asked.ts'
import { askConsents } from './ask-consents.ts'
import { callAt, consentOf, findConsent, placeOf, usesOf } from './ask-one.ts'
import { showPossible, showUnasked, takeUnasked } from './give-unasked.ts'
import { consentsPage, groupOf } from './list-page.ts'
import { consentPage, withdrawPage } from './one-page.ts'
import { paperPage } from './paper-page.ts'
import { notAnsweredPage, plainPage } from './problem.ts'

export const consents: Section = {
  name: 'consents',
  href: LIST,
  services: () => [CONSENTS],
  routes: [
    { method: 'GET', path: LIST, asks: 'consents', answer: showAll },
    { method: 'GET', path: ONE, asks: 'consent', answer: showOne },
    { method: 'GET', path: RECEIPT, asks: 'receipt', answer: saveReceipt },
    { method: 'GET', path: PAPER, asks: 'receipt', answer: showPaper },
    { method: 'GET', path: PROOF, asks: 'proof', answer: saveProof },
    // Nobody is kept from taking back a consent by having asked too often.
    { method: 'GET', path: WITHDRAW, answer: confirmWithdrawal },
    { method: 'POST', path: WITHDRAW, answer: withdraw },
    { method: 'GET', path: ASKED, asks: 'asked', isEntrance: true, answer: showAsked },
    { method: 'POST', path: ASKED, asks: 'answered', answer: takeAnswer },
    { method: 'GET', path: ASKED_AT, asks: 'asked', isEntrance: true, answer: showAsked },
    { method: 'POST', path: ASKED_AT, asks: 'answered', answer: takeAnswer },
    { method: 'GET', path: POSSIBLE, asks: 'possible', answer: showPossible },
    { method: 'GET', path: UNASKED, asks: 'unasked', answer: showUnasked },
    { method: 'POST', path: UNASKED, asks: 'answered', answer: takeUnasked },
    { method: 'GET', path: WALLET_WAIT, answer: showWaiting },
    { method: 'GET', path: WALLET_BACK, asks: 'answered', isEntrance: true, answer: comeBack },
    { method: 'POST', path: WALLET_NUMBER, asks: 'answered', answer: takeNumber },
  ],
}

async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await askConsents(visit, rooms)
  return { page: consentsPage(rooms.place, visit.reader, { found, now: rooms.clock() }) }
}

async function showOne(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findConsent(visit, rooms, visit.query)
  if (!('consent' in found)) return found
  const { consent, at } = found
  const uses = await usesOf(at, visit, rooms)
  return { page: consentPage(rooms.place, visit.reader, { consent, uses, now: rooms.clock() }) }
}

async function saveReceipt(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit.query, rooms)
  if (at === undefined) return plainPage(rooms, visit.reader, { of: 'consent.none', status: 404 })
  const answer = await callAt(at, visit, rooms, { method: 'GET', path: '/receipt' })
  if (!('status' in answer) || answer.status !== 200 || answer.json === undefined)
    return notAnsweredPage(rooms, visit.reader, { answer, isAct: false })
  const content = JSON.stringify(answer.json, undefined, 1)
  return { file: { name: `consent-${at.number}.jsonld`, type: 'application/ld+json', content } }
}

async function showPaper(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findConsent(visit, rooms, visit.query)
  if (!('consent' in found)) return found
  return { page: paperPage(rooms, visit.reader, found.consent) }
}

/** What `concordat verify` judges. */
async function saveProof(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit.query, rooms)
  if (at === undefined) return plainPage(rooms, visit.reader, { of: 'consent.none', status: 404 })
  const answer = await callAt(at, visit, rooms, { method: 'GET', path: '/proof' })
  if ('status' in answer && answer.status === 404)
    return plainPage(rooms, visit.reader, { of: 'consent.none', status: 404 })
  if (!('status' in answer) || answer.status !== 200 || answer.json === undefined)
    return notAnsweredPage(rooms, visit.reader, { answer, isAct: false })
  const content = JSON.stringify(answer.json, undefined, 1)
  return { file: { name: `consent-${at.number}.json`, type: 'application/json', content } }
}

async function confirmWithdrawal(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findConsent(visit, rooms, visit.query)
  if (!('consent' in found)) return found
  const { consent } = found
  if (groupOf(consent, rooms.clock()) !== 'active') return { to: addressOf(ONE, consent) }
  return { page: withdrawPage(rooms.place, visit.reader, consent) }
}

async function withdraw(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit.form, rooms)
  if (at === undefined) return plainPage(rooms, visit.reader, { of: 'consent.none', status: 404 })
  const answer = await callAt(at, visit, rooms, { method: 'POST', path: '/withdraw' })
  const done = consentOf(answer, at, visit, rooms, true)
  // The page of the consent says who confirmed it, and when.
  return 'consent' in done ? { to: addressOf(ONE, done.consent) } : done
}
