/**
 * "Before it is sent": what an office would get about the person, which they see first, and release or stop.
 */
import { CONSENTS } from '#schemas/consents.ts'
import type { PreviewReleased } from '#schemas/previews.ts'
import { notAnsweredPage, plainPage } from '../consents/problem.ts'
import { provenFirst } from '../passkeys/proven-first.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { LANGUAGES, wordsOf } from '../texts.ts'
import { type Decision, decide, findAsked, findPreview, nothing } from './ask-preview.ts'
import { askPreviews } from './ask-previews.ts'
import { previewPage, previewsPage } from './pages.ts'
import { ASKED, ASKED_AT, addressOf, FILE, LIST, ONE, type Preview } from './preview.ts'
import { textHash } from './terms.ts'

export const previews: Section = {
  name: 'previews',
  href: LIST,
  services: () => [CONSENTS],
  routes: [
    { method: 'GET', path: LIST, asks: 'previews', answer: showAll },
    { method: 'GET', path: ONE, asks: 'preview', answer: showOne },
    { method: 'GET', path: FILE, asks: 'preview', answer: saveAnswer },
    { method: 'GET', path: ASKED, asks: 'preview', isEntrance: true, answer: showAsked },
    { method: 'GET', path: ASKED_AT, asks: 'preview', isEntrance: true, answer: showAsked },
    // Nobody is kept from stopping an answer by having asked too often.
    { method: 'POST', path: ONE, answer: takeDecision },
  ],
}

async function showAll(visit: Visit, rooms: Rooms): Promise<Answer> {
  return { page: previewsPage(rooms.place, visit.reader, await askPreviews(visit, rooms)) }
}

async function showOne(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findPreview(visit, rooms, visit.query)
  return 'preview' in found ? { page: previewPage(rooms.place, visit.reader, found.preview) } : found
}

async function showAsked(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findAsked(visit, rooms)
  return 'preview' in found ? { page: previewPage(rooms.place, visit.reader, found.preview) } : found
}

/** Exactly what the office would get; the browser runs nothing of it. */
async function saveAnswer(visit: Visit, rooms: Rooms): Promise<Answer> {
  const found = await findPreview(visit, rooms, visit.query)
  if (!('preview' in found)) return found
  const { answer, number } = found.preview
  if (answer === undefined) return { to: addressOf(ONE, found.preview) }
  const isJson = /\bjson\b/i.test(answer.contentType)
  const name = `answer-${number}.${isJson ? 'json' : 'bin'}`
  return { file: { name, type: 'application/octet-stream', content: answer.bytes } }
}

/** Nobody waits for an answer to be shown again before it is stopped. */
async function takeDecision(visit: Visit, rooms: Rooms): Promise<Answer> {
  if (visit.form.get('act') !== 'release') return tell(visit, rooms, { act: 'stop' })
  const first = provenFirst(visit, rooms)
  if (first !== undefined) return first
  const found = await findPreview(visit, rooms, visit.form)
  if (!('preview' in found)) return found
  const json = releasedBy(visit, rooms, found.preview)
  return json === undefined
    ? changed(visit, rooms, addressOf(ONE, found.preview))
    : tell(visit, rooms, { act: 'release', json })
}

/**
 * Only what stood on the page of the form: the text and the answer are compared again. Undefined for anything
 * else.
 */
function releasedBy(
  { form, reader }: Visit,
  { place }: Rooms,
  preview: Preview,
): PreviewReleased | undefined {
  const [language, textHashed] = [form.get('language') ?? '', form.get('text') ?? '']
  const { answer } = preview
  if (answer === undefined || answer.digest !== form.get('answer') || !LANGUAGES.includes(language))
    return undefined
  const words = wordsOf(language, { easy: reader.look.easy, timeZone: place.timeZone })
  if (textHashed !== textHash(preview, words)) return undefined
  return { answer: answer.digest, shown: { language, textHash: textHashed } }
}

async function tell(visit: Visit, rooms: Rooms, decision: Decision): Promise<Answer> {
  const told = await decide(visit, rooms, decision)
  if (told === undefined) return nothing(visit, rooms)
  const { at, answer } = told
  const href = addressOf(ONE, at)
  if ('status' in answer && answer.status === 200) return { to: href }
  if ('status' in answer && answer.status === 404) return nothing(visit, rooms)
  if ('status' in answer && answer.status === 409) return changed(visit, rooms, href)
  // The one thing that is forbidden to whoever may look at it: the office that asks runs this portal.
  if ('status' in answer && answer.status === 403 && decision.act === 'release')
    return plainPage(rooms, visit.reader, { of: 'preview.own', status: 403, href })
  return notAnsweredPage(rooms, visit.reader, { answer, isAct: true, href })
}

function changed({ reader }: Visit, rooms: Rooms, href: string): Answer {
  return plainPage(rooms, reader, { of: 'preview.changed', status: 409, href })
}
