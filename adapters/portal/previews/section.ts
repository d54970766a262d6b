/** "Before it is sent": what an office would get about the person, which they see first, and release or stop. */
import { CONSENTS } from '#schemas/consents.ts'
import type { PreviewReleased } from '#schemas/previews.ts'
import { whyOfStatus } from '../asking/call-service.ts'
import type { Call } from '../asking/calls.ts'
import type { System } from '../asking/find-systems.ts'
import { namesOf } from '../asking/names.ts'
import { isObject, listOf } from '../asking/read-usages.ts'
import { notAnsweredPage, plainPage } from '../consents/problem.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { LANGUAGES, wordsOf } from '../texts.ts'
import { decide, findAsked, findPreview } from './ask-preview.ts'
import { type FoundPreviews, previewPage, previewsPage } from './pages.ts'
import { ASKED, addressOf, FILE, LIST, ONE } from './preview.ts'
import { readPreview } from './read-preview.ts'
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
    // Nobody is kept from stopping an answer by having asked too often.
    { method: 'POST', path: ONE, answer: takeDecision },
  ],
}

async function showAll({ reader, gone }: Visit, rooms: Rooms): Promise<Answer> {
  const systems = await rooms.systems.offering(CONSENTS)
  const names = namesOf(systems)
  const found: FoundPreviews = {
    previews: [],
    notTold: systems.silent.map((system) => ({ system, why: 'silent' as const })),
    asked: systems.asked.length + systems.silent.length,
  }
  const ask = async (system: System, call: Call) => {
    const service = `${system.id}/${CONSENTS}`
    return { system, answer: await call({ service, method: 'GET', path: '/v1/previews' }) }
  }
  for await (const { system, answer } of rooms.calls.each(reader.session, gone, {
    systems: systems.asked,
    ask,
  })) {
    const json = 'status' in answer && answer.status === 200 ? answer.json : undefined
    if (isObject(json)) {
      for (const one of listOf(json['previews']).slice(0, 50))
        found.previews.push(...[readPreview(system, one, names)].filter((read) => read !== undefined))
    } else {
      const why =
        'why' in answer ? answer.why : answer.status < 400 ? 'unreadable' : whyOfStatus(answer.status)
      found.notTold.push({ system, why })
    }
  }
  found.previews.sort((a, b) => (a.askedAt < b.askedAt ? 1 : -1))
  return { page: previewsPage(rooms.place, reader, found) }
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

/** Only what stood on the page of the form is released: the text and the answer are compared again. */
async function takeDecision(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { form, reader } = visit
  const found = await findPreview(visit, rooms, form)
  if (!('preview' in found)) return found
  const { preview } = found
  const href = addressOf(ONE, preview)
  const act = form.get('act') === 'release' ? 'release' : 'stop'
  const [language, text] = [form.get('language') ?? '', form.get('text') ?? '']
  let json: PreviewReleased | undefined
  if (act === 'release') {
    const { answer } = preview
    const { timeZone } = rooms.place
    const isShown =
      answer?.digest === form.get('answer') &&
      LANGUAGES.includes(language) &&
      text === textHash(preview, wordsOf(language, { easy: reader.look.easy, timeZone }))
    if (!isShown) return plainPage(rooms, reader, { of: 'preview.changed', status: 409, href })
    json = { answer: answer!.digest, shown: { language, textHash: text } }
  }
  const answer = await decide(preview, { visit, rooms, act, ...(json !== undefined && { json }) })
  if ('status' in answer && answer.status === 409)
    return plainPage(rooms, reader, { of: 'preview.changed', status: 409, href })
  if (!('status' in answer) || answer.status !== 200)
    return notAnsweredPage(rooms, reader, { answer, isAct: true, href })
  return { to: href }
}
