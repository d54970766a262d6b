/**
 * "My complaints": a person complains of a use that looks wrong to the auditors of the system that told it,
 * sees the course of it and the answer, adds to it, takes it back. Nothing of it is kept here.
 */
import { isPlainText } from '#platform/plain-text.ts'
import { COMPLAINT_REASONS, COMPLAINT_TEXT, type NewComplaint } from '#schemas/find-usage.ts'
import { notAnsweredPage } from '../consents/problem.ts'
import { messagePage } from '../pages/welcome.ts'
import { wrongPage } from '../pages/wrong.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { addressOf, LIST, ONE, REPLY, WITHDRAW, WRONG } from './addresses.ts'
import { askComplaints, askKeeper, complaintIn, type Keeper, keeperOf, tellKeeper } from './ask-complaints.ts'
import type { Complaint } from './complaint.ts'
import { type Draft, EMPTY, formPage, type Meant } from './form-page.ts'
import { complaintsPage } from './list-page.ts'
import { complaintPage } from './one-page.ts'
import { isNumber } from './read-complaints.ts'

export const complaints: Section = {
  name: 'complaints',
  href: LIST,
  services: ({ asking }) => [asking.serviceCode],
  routes: [
    { method: 'GET', path: WRONG, answer: showForm },
    { method: 'POST', path: LIST, asks: 'complaint', answer: complain },
    { method: 'GET', path: LIST, asks: 'complaints', answer: showAll },
    { method: 'GET', path: ONE, asks: 'complaints', answer: showOne },
    { method: 'POST', path: REPLY, asks: 'complaint', answer: add },
    { method: 'POST', path: WITHDRAW, asks: 'complaint', answer: withdraw },
  ],
}

/** A use without a record is of a system that takes no complaints: it is said whom to ask. */
async function showForm({ reader, query }: Visit, rooms: Rooms): Promise<Answer> {
  const keeper = await keeperOf(query.get('system'), rooms)
  const meant = meantIn(query, keeper)
  if (meant !== undefined) return { page: formPage(rooms.place, reader, meant, EMPTY) }
  return { page: wrongPage(rooms.place, reader, { system: keeper?.system, number: numberIn(query) }) }
}

async function complain(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { form, reader } = visit
  const keeper = await keeperOf(form.get('system'), rooms)
  const meant = meantIn(form, keeper)
  if (keeper === undefined || meant === undefined) return nothing(visit, rooms)
  const draft = draftIn(form)
  const reason = COMPLAINT_REASONS.find((one) => one === draft.reason)
  if (reason === undefined || draft.problem !== undefined) {
    const wrong = { ...draft, problem: draft.problem ?? ('reason' as const) }
    return { page: formPage(rooms.place, reader, meant, wrong), status: 400 }
  }
  const { text, wantsAnswer } = draft
  const json: NewComplaint = { record: meant.record, reason, text, wantsAnswer }
  const answer = await tellKeeper(keeper, { act: '', json }, visit, rooms)
  const complaint = complaintIn(keeper, answer)
  if (complaint !== undefined) return { to: `${addressOf(complaint)}&sent=yes` }
  if (!('status' in answer)) return notAnsweredPage(rooms, reader, { answer, isAct: true, href: LIST })
  // Of this use a case is open: the form was sent twice, or earlier.
  if (answer.status === 409) return { to: LIST }
  if (answer.status === 404)
    return {
      page: wrongPage(rooms.place, reader, { system: keeper.system, number: meant.number, isRefused: true }),
      status: 404,
    }
  return notAnsweredPage(rooms, reader, { answer, isAct: true, href: LIST })
}

async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  return { page: complaintsPage(rooms.place, visit.reader, await askComplaints(visit, rooms)) }
}

async function showOne(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { query, reader } = visit
  const found = await findOne(visit, rooms, query)
  if ('complaint' in found)
    return {
      page: complaintPage(rooms.place, reader, found.complaint, { isSent: query.get('sent') === 'yes' }),
    }
  return found
}

async function add(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { form, reader } = visit
  const { text, problem = text === '' ? 'text' : undefined } = draftIn(form)
  if (problem === 'text' || problem === 'long') {
    const found = await findOne(visit, rooms, form)
    if (!('complaint' in found)) return found
    return {
      page: complaintPage(rooms.place, reader, found.complaint, { isSent: false, problem }),
      status: 400,
    }
  }
  return tell(visit, rooms, { act: '/reply', more: { text } })
}

async function withdraw(visit: Visit, rooms: Rooms): Promise<Answer> {
  return tell(visit, rooms, { act: '/withdraw', more: {} })
}

async function tell(
  visit: Visit,
  rooms: Rooms,
  { act, more }: { act: '/reply' | '/withdraw'; more: object },
): Promise<Answer> {
  const keeper = await keeperOf(visit.form.get('system'), rooms)
  const number = visit.form.get('number')
  if (keeper === undefined || !isNumber(number)) return nothing(visit, rooms)
  const answer = await tellKeeper(keeper, { act, json: { number, ...more } }, visit, rooms)
  const complaint = complaintIn(keeper, answer)
  if (complaint !== undefined) return { to: addressOf(complaint) }
  // It was closed meanwhile: the page of it says so.
  if ('status' in answer && answer.status === 409) return { to: addressOf({ told: keeper.system, number }) }
  if ('status' in answer && answer.status === 404) return nothing(visit, rooms)
  return notAnsweredPage(rooms, visit.reader, { answer, isAct: true, href: LIST })
}

async function findOne(
  visit: Visit,
  rooms: Rooms,
  named: URLSearchParams,
): Promise<{ complaint: Complaint } | Answer> {
  const keeper = await keeperOf(named.get('system'), rooms)
  if (keeper === undefined) return nothing(visit, rooms)
  const told = await askKeeper(keeper, visit, rooms)
  if ('why' in told) {
    const answer = { why: told.why, code: '', isOpen: false }
    return notAnsweredPage(rooms, visit.reader, { answer, isAct: false, href: LIST })
  }
  const complaint = told.complaints.find(({ number }) => number === named.get('number'))
  return complaint === undefined ? nothing(visit, rooms) : { complaint }
}

function nothing({ reader }: Visit, { place }: Rooms): Answer {
  const { words } = reader
  const link = { href: LIST, text: words('complaints.back') }
  const page = messagePage(place, reader, {
    title: words('complaint.none.title'),
    text: words('complaint.none'),
    link,
  })
  return { page, status: 404 }
}

function meantIn(given: URLSearchParams, keeper: Keeper | undefined): Meant | undefined {
  const record = given.get('record') ?? ''
  if (keeper === undefined || !/^\d{1,15}$/.test(record)) return undefined
  return { system: keeper.system, record: Number(record), number: numberIn(given) }
}

/** Of the exchange; it is shown alone. */
function numberIn(given: URLSearchParams): string {
  const number = given.get('number')
  return isPlainText(number, 255) ? number : ''
}

function draftIn(form: URLSearchParams): Draft {
  const text = (form.get('text') ?? '').replace(/\r\n?/g, '\n').trim()
  const draft = { reason: form.get('reason') ?? '', text, wantsAnswer: form.get('wantsAnswer') === 'yes' }
  if (text.length > COMPLAINT_TEXT) return { ...draft, problem: 'long' }
  return draft.reason === 'other' && text === '' ? { ...draft, problem: 'text' } : draft
}
