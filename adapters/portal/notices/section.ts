/**
 * "Tell me when my data is used": where the person is told by each system, one form for many of them, and the
 * end of all.
 */
import { asFault } from '#schemas/fault.ts'
import {
  CONFIRMATION_PATH,
  NOTICE_LANGUAGES,
  NOTICE_MODES,
  NOTICE_SUBJECTS,
  NOTICES_PATH,
} from '#schemas/notices.ts'
import type { System } from '../asking/find-systems.ts'
import { messagePage } from '../pages/welcome.ts'
import { provenFirst } from '../passkeys/proven-first.ts'
import type { Answer, Rooms, Section, Visit } from '../routing/section.ts'
import { actPage } from './act-page.ts'
import { askAll } from './ask-notices.ts'
import { listPage } from './list-page.ts'
import { askOneFirst } from './one-first.ts'
import { isChannel, isNoticeId } from './read-notices.ts'

const NOTICES = '/notices'

export const notices: Section = {
  name: 'notices',
  services: () => [],
  routes: [
    { method: 'GET', path: NOTICES, asks: 'notices', answer: show },
    { method: 'POST', path: NOTICES, asks: 'notice', answer: ask },
    { method: 'POST', path: `${NOTICES}/confirmation`, asks: 'notice', answer: confirm },
    { method: 'POST', path: `${NOTICES}/end`, asks: 'notice', answer: end },
  ],
}

const MOST_ADDRESS = 500
const MOST_CODE = 40

async function show(visit: Visit, rooms: Rooms): Promise<Answer> {
  const { asked, silent } = await rooms.systems.offering(rooms.settings.asking.serviceCode)
  return {
    page: listPage({
      ...pageOf(visit, rooms),
      systems: asked,
      silent,
      answers: askAll(asked, visit, rooms, { method: 'GET' }),
    }),
  }
}

async function ask(visit: Visit, rooms: Rooms): Promise<Answer> {
  // Messages go on after the passkey is over.
  const first = provenFirst(visit, rooms)
  if (first !== undefined) return first
  const { form, reader } = visit
  const address = (form.get('address') ?? '').trim()
  const channel = form.get('channel')
  const mode = NOTICE_MODES.find((one) => one === form.get('mode'))
  const about = NOTICE_SUBJECTS.filter((one) => form.getAll('about').includes(one))
  const chosen = new Set(form.getAll('system'))
  const { asked } = await rooms.systems.offering(rooms.settings.asking.serviceCode)
  const systems = asked.filter(({ id }) => chosen.has(id))
  if (
    !isChannel(channel) ||
    mode === undefined ||
    about.length === 0 ||
    systems.length === 0 ||
    address === '' ||
    address.length > MOST_ADDRESS
  )
    return plain(visit, rooms, 'notices.incomplete')
  const language = NOTICE_LANGUAGES.find((one) => one === reader.look.language) ?? 'en'
  // Servers of earlier versions know uses alone, and no `about`.
  const more = about.includes('complaints') ? { about } : {}
  const json = { channel, address, mode, language, ...more }
  const answers = askOneFirst(systems, {
    // Under way it is as one question.
    mayAsk: () => rooms.asking.mayAsk(reader.session, AbortSignal.abort()),
    each: (some) => askAll(some, visit, rooms, { method: 'POST', json }),
  })
  return { page: actPage({ ...pageOf(visit, rooms), kind: 'asked', all: systems.length, answers }) }
}

/** The code that came to the address, for the system that sent it. */
async function confirm(visit: Visit, rooms: Rooms): Promise<Answer> {
  const at = await placeOf(visit, rooms)
  const code = (visit.form.get('code') ?? '').slice(0, MOST_CODE)
  if (at === undefined) return plain(visit, rooms, 'notices.incomplete')
  const answer = await call(at.system, visit, rooms, { path: CONFIRMATION_PATH, json: { id: at.id, code } })
  if (!('status' in answer)) return plain(visit, rooms, 'notices.away')
  return answer.status === 200 ? { to: NOTICES } : plain(visit, rooms, 'notices.wrongCode')
}

/** One wish, or all at all systems. */
async function end(visit: Visit, rooms: Rooms): Promise<Answer> {
  if (visit.form.get('system') === null) {
    const { asked } = await rooms.systems.offering(rooms.settings.asking.serviceCode)
    const answers = askAll(asked, visit, rooms, { method: 'DELETE' })
    return { page: actPage({ ...pageOf(visit, rooms), kind: 'ended', all: asked.length, answers }) }
  }
  const at = await placeOf(visit, rooms)
  if (at === undefined) return plain(visit, rooms, 'notices.incomplete')
  const answer = await call(at.system, visit, rooms, { path: NOTICES_PATH, method: 'DELETE', id: at.id })
  return 'status' in answer && answer.status === 200 ? { to: NOTICES } : plain(visit, rooms, 'notices.away')
}

function pageOf({ reader, log }: Visit, { place }: Rooms) {
  return {
    ...{ place, reader },
    failed: (thrown: unknown) => log.warn({ fault: asFault(thrown).code }, 'the systems could not be asked'),
  }
}

function call(
  { id }: System,
  { reader, gone }: Visit,
  { calls, asking, settings }: Rooms,
  q: { path: string; method?: 'DELETE'; id?: string; json?: unknown },
) {
  return calls.call(reader.session, gone, {
    ...{ service: `${id}/${settings.asking.serviceCode}`, method: q.method ?? 'POST', path: q.path },
    query: { userCode: asking.userCode(reader.session), ...(q.id !== undefined && { id: q.id }) },
    ...(q.json !== undefined && { json: q.json }),
  })
}

/** Of a form about one wish. */
async function placeOf({ form }: Visit, rooms: Rooms): Promise<{ system: System; id: string } | undefined> {
  const { asked } = await rooms.systems.offering(rooms.settings.asking.serviceCode)
  const system = asked.find(({ id }) => id === form.get('system'))
  const id = form.get('id') ?? ''
  return system === undefined || !isNoticeId(id) ? undefined : { system, id }
}

function plain({ reader }: Visit, { place }: Rooms, of: string): Answer {
  const { words } = reader
  const link = { href: NOTICES, text: words('notices.back') }
  const page = messagePage(place, reader, { title: words(`${of}.title`), text: words(of), link })
  return { page, status: 400 }
}
