/**
 * Serves the routes of all sections. Guarantees that only a person who is signed in reaches one, that a form
 * of another site or session does nothing, that nobody asks other systems too often, that a session which
 * ended meanwhile gets nothing, and that a request is for one person from its begin to its end, whatever
 * another tab chooses meanwhile.
 */
import { pipeline, Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../login/sessions.ts'
import { ENDED } from '../login/sign-in.ts'
import { choicesOf, hrefFor, type Reader, signInAt } from '../pages/frame.ts'
import { messagePage, welcomePage } from '../pages/welcome.ts'
import { FORM_BYTES, isOwnForm, readForm } from './form.ts'
import type { Reading } from './reading.ts'
import type { Answer, Rooms, Route, Section, Visit } from './section.ts'

type Serving = { rooms: Rooms; reading: Reading; count(what: string): void }

const HTML = 'text/html; charset=utf-8'
const MOST_ADDRESS = 600
const PACKING = { level: 5, flush: constants.Z_SYNC_FLUSH }

export function serveSections(app: FastifyInstance, sections: readonly Section[], q: Serving): void {
  for (const route of sections.flatMap(({ routes }) => routes))
    app.route({
      ...{ method: route.method, url: route.path, bodyLimit: FORM_BYTES },
      handler: async (request, reply) => send(request, reply, await answerTo(route, request, reply, q)),
    })
}

async function answerTo(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  { rooms, reading, count }: Serving,
): Promise<Answer> {
  const read = reading(request)
  if (read.session === undefined) return answerStranger(route, request, rooms, read)
  const kept = read.session
  // For whom one acts is read once: what is asked, shown and done is for this one.
  const session = { ...kept }
  const reader = { ...read, session }
  const form = readForm(request)
  if (route.method === 'POST' && !isOwnForm(form, session))
    return message(rooms, reader, { of: 'form.old', status: 403, link: ['/', 'message.back'] })
  const gone = goneOf(reply)
  if (route.asks !== undefined) {
    if (!rooms.asking.mayAsk(session, gone)) {
      reply.header('retry-after', 600)
      return message(rooms, reader, { of: 'often', status: 429, link: ['/', 'message.again'] })
    }
    count(route.asks)
  }
  const visit: Visit = {
    ...{
      reader,
      form,
      gone,
      chooseActing: (confirm) => chooseActing(kept, session, confirm),
      log: request.log as Visit['log'],
    },
    parameters: request.params as Record<string, string>,
    query: new URL(request.url, 'http://ignored').searchParams,
  }
  if (route.isOwn !== true) {
    const refused = await checkActing(visit, kept, rooms)
    if (refused === 'nobody') return { to: CHOOSE }
    if (refused !== undefined) return message(rooms, reader, refused)
  }
  const answer = await route.answer(visit, rooms)
  // A page in pieces sees to that itself.
  const isWhole = !('page' in answer) || typeof answer.page === 'string'
  return isWhole && session.ended.aborted ? { to: ENDED + choicesOf(reader.look) } : answer
}

function answerStranger(route: Route, request: FastifyRequest, rooms: Rooms, reader: Reader): Answer {
  if (route.method === 'POST') return { to: ENDED }
  if (route.path === '/') return { page: welcomePage(rooms.place, reader) }
  if (route.isEntrance !== true) return { to: hrefFor('/', reader) }
  const [at = '/'] = request.url.split('?')
  // The Strict cookie of a person who is signed in does not come with a link of another site, but with the
  // next step from here. A wallet puts its code behind the address.
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    const whole = request.url.length <= MOST_ADDRESS ? request.url : at
    return message(rooms, reader, { of: 'entrance', link: [whole, 'login.goOn'], next: whole })
  }
  const { hasWallets } = rooms.place
  const { look } = reader
  return message(rooms, reader, {
    ...{ of: 'entrance', link: [signInAt('/login', at, look), 'welcome.signIn'], at },
    ...(hasWallets && {
      other: [signInAt('/login/wallet', at, look), 'welcome.wallet'] as const,
    }),
  })
}

type Message = {
  of: string
  link: readonly [href: string, text: string]
  other?: readonly [href: string, text: string]
  status?: number
  next?: string
  at?: string
}

/** Where a person chooses for whom they act. */
const CHOOSE = '/mandates/for'

/**
 * Whoever acts for somebody does so by a mandate that holds at this moment. Who no longer has it is told so,
 * and acts for themself.
 */
async function checkActing(
  { reader: { session }, gone }: Visit,
  kept: Session,
  { register, settings }: Rooms,
): Promise<Message | 'nobody' | undefined> {
  const { acting } = session
  if (acting === undefined) return settings.counter === undefined ? undefined : 'nobody'
  const confirmed = await register?.confirm(session, { code: acting.code, gone })
  if (confirmed === 'away') return { of: 'acting.away', status: 502, link: ['/', 'message.again'] }
  const isChosen = kept.acting === acting
  session.acting = confirmed === 'none' ? undefined : confirmed
  // Another choice, which was made meanwhile, stays.
  if (isChosen) kept.acting = session.acting
  if (session.acting !== undefined) return undefined
  return { of: 'acting.over', status: 403, link: [CHOOSE, 'acting.choose'] }
}

/** The last choice of a session. */
const choices = new WeakMap<Session, object>()

async function chooseActing(
  kept: Session,
  session: Session,
  confirm: Parameters<Visit['chooseActing']>[0],
): ReturnType<Visit['chooseActing']> {
  const choice = {}
  choices.set(kept, choice)
  // Whatever comes of it, nobody acts for the one before.
  kept.acting = session.acting = undefined
  const confirmed = await confirm()
  if (typeof confirmed === 'object' && choices.get(kept) === choice) kept.acting = session.acting = confirmed
  return confirmed
}

function message(
  { place }: Rooms,
  reader: Reader,
  { of, link, other, status = 200, next, at }: Message,
): Answer {
  const { words } = reader
  const [href, text] = link
  const page = messagePage(place, reader, {
    ...{ title: words(`${of}.title`), text: words(`${of}.text`), link: { href, text: words(text) } },
    ...(other !== undefined && { other: { href: other[0], text: words(other[1]) } }),
    ...(next !== undefined && { next }),
    ...(at !== undefined && { at }),
  })
  return { page, status }
}

/** Ends when the browser has all, or went away. */
function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

function send(request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  if ('to' in answer) return reply.redirect(answer.to, 303)
  if ('file' in answer) {
    const { name, type, content } = answer.file
    return reply.header('content-disposition', `attachment; filename="${name}"`).type(type).send(content)
  }
  reply.code(answer.status ?? 200).type(HTML)
  return typeof answer.page === 'string'
    ? reply.send(answer.page)
    : sendAsItComes(request, reply, answer.page)
}

/** Each piece leaves at once, packed where the browser takes that. */
function sendAsItComes(
  request: FastifyRequest,
  reply: FastifyReply,
  page: AsyncGenerator<string>,
): FastifyReply {
  const text = Readable.from(page, { objectMode: false })
  reply.header('vary', 'accept-encoding, cookie')
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(text)
  // A browser that went away is no error.
  const packed = pipeline(text, createGzip(PACKING), () => undefined)
  return reply.header('content-encoding', 'gzip').send(packed)
}
