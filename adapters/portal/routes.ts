/**
 * The pages of a person who is signed in. Each asks the registers anew, within bounds of how often and how many at the same time, and
 * keeps nothing of what came: what a page shows is in the browser alone.
 */
import { pipeline, Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '#platform/clock.ts'
import { isPlainText } from '#platform/plain-text.ts'
import { asFault } from '#schemas/fault.ts'
import { askProof } from './asking/ask-proof.ts'
import { type Period, spanOf } from './asking/chosen-days.ts'
import type { FindSystems } from './asking/find-systems.ts'
import type { Asking } from './asking/in-turn.ts'
import type { OwnServer } from './asking/own-server.ts'
import { readVerifyPage } from './assets.ts'
import { exportUses } from './export-uses.ts'
import { gatherAll } from './joining/gathered.ts'
import type { Answered, Failed } from './joining/row.ts'
import type { OneCookie } from './login/cookie.ts'
import type { Look, Session, Sessions } from './login/sessions.ts'
import { ENDED } from './login/sign-in.ts'
import { type Place, type Reader, readerOf } from './pages/frame.ts'
import { usesPage } from './pages/uses.ts'
import { aboutPage, messagePage, welcomePage } from './pages/welcome.ts'
import { wrongPage } from './pages/wrong.ts'
import type { PortalSettings } from './settings.ts'
import { chooseLanguage } from './texts.ts'

type Rooms = {
  place: Place
  cookie: OneCookie
  sessions: Sessions
  systems: FindSystems
  asking: Asking
  server: Pick<OwnServer, 'service'>
  settings: Pick<PortalSettings, 'asking' | 'securityServer'>
  clock: Clock
  count(what: string): void
}

const HTML = 'text/html; charset=utf-8'
const DATE = /^\d{4}-\d\d-\d\d$/
const PACKING = { level: 5, flush: constants.Z_SYNC_FLUSH }

export function pageRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { place, asking, settings } = rooms
  const reading = createReading(rooms)

  app.get('/', async (request, reply) => {
    const reader = reading(request)
    const { session } = reader
    if (session === undefined) return reply.type(HTML).send(welcomePage(place, reader, false))
    const gone = goneOf(reply)
    if (!asking.mayAsk(session, gone)) return tooOften(reply, place, reader)
    rooms.count('uses')
    const period = periodOf(request)
    const page = usesPage({
      ...{ place, reader, period, own: settings.securityServer.client },
      ended: session.ended,
      systems: () => rooms.systems.current(),
      ask: (systems, span) => asking.answersFor(session, { systems, span, gone }),
      failed: (thrown) =>
        request.log.warn({ fault: asFault(thrown).code }, 'the registers could not be asked'),
    })
    return sendAsItComes(request, reply, page)
  })

  app.get('/everything.json', async (request, reply) => {
    const reader = reading(request)
    const { session } = reader
    if (session === undefined) return reply.redirect('/', 303)
    const gone = goneOf(reply)
    if (!asking.mayAsk(session, gone)) return tooOften(reply, place, reader)
    rooms.count('export')
    const systems = await rooms.systems.current()
    const span = spanOf(periodOf(request), place.timeZone)
    const results: (Answered | Failed)[] = []
    for await (const one of asking.answersFor(session, { systems, span, gone })) results.push(one)
    if (session.ended.aborted) return reply.redirect(ENDED, 303)
    const gathered = gatherAll(results, systems, { own: settings.securityServer.client, span })
    return reply
      .headers(asFile('my-data-uses.json'))
      .type('application/json; charset=utf-8')
      .send(JSON.stringify(exportUses(gathered, new Date(rooms.clock()).toISOString()), undefined, 1))
  })

  app.get('/proof', async (request, reply) => {
    const reader = reading(request)
    const { session, words } = reader
    if (session === undefined) return reply.redirect('/', 303)
    const gone = goneOf(reply)
    if (!asking.mayAsk(session, gone)) return tooOften(reply, place, reader)
    rooms.count('proof')
    const { asked } = await rooms.systems.current()
    const { system, record } = askedFor(request)
    const known = asked.find(({ id }) => id === system)
    const proof =
      known === undefined || record === undefined
        ? undefined
        : await asking.inTurn(() =>
            askProof(rooms.server, {
              ...{ system: known, record, userCode: asking.userCode(session), ...settings.asking },
              signal: AbortSignal.any([gone, session.ended]),
            }),
          )
    if (session.ended.aborted) return reply.redirect(ENDED, 303)
    if (proof !== undefined)
      return reply
        .headers(asFile(`proof-${record}.zip`))
        .type('application/zip')
        .send(proof)
    const link = { href: '/', text: words('message.back') }
    const page = messagePage(place, reader, { title: words('proof.none'), text: words('proof.why'), link })
    return reply.code(502).type(HTML).send(page)
  })
}

/** Pages that ask nobody about the person. */
export function otherRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { place } = rooms
  const reading = createReading(rooms)

  app.get('/wrong', async (request, reply) => {
    const reader = reading(request)
    if (reader.session === undefined) return reply.redirect('/', 303)
    const { asked } = await rooms.systems.current()
    const { system, number } = askedFor(request)
    const known = asked.find(({ id }) => id === system)
    return reply.type(HTML).send(wrongPage(place, reader, { system: known, number }))
  })

  /** Keeps a session that its person still reads by. */
  app.get('/stay', async (request, reply) => {
    const { session } = reading(request)
    return reply.code(session === undefined ? 401 : 204).send()
  })

  app.get(ENDED, async (request, reply) => {
    const reader = readerOf(place, lookOf(request, place.languages), undefined)
    return reply.type(HTML).send(welcomePage(place, reader, true))
  })

  app.get('/about', async (request, reply) => reply.type(HTML).send(aboutPage(place, reading(request))))

  app.get('/verify.html', async (request, reply) => {
    const page = await readVerifyPage()
    // It has scripts of its own, which may run where a person keeps it, and not here.
    if (page !== undefined)
      return reply.headers(asFile('verify.html')).type('application/octet-stream').send(page)
    const reader = reading(request)
    const { words } = reader
    const link = { href: '/', text: words('message.back') }
    return reply
      .code(404)
      .type(HTML)
      .send(messagePage(place, reader, { title: words('verify.none'), text: words('verify.why'), link }))
  })
}

type Reading = (request: FastifyRequest) => Reader

/** Who reads, and how. What an address says about that is kept with the session. */
function createReading({ place, cookie, sessions }: Pick<Rooms, 'place' | 'cookie' | 'sessions'>): Reading {
  return (request) => {
    const session = sessionOf(request, { cookie, sessions })
    const look = lookOf(request, place.languages, session?.look)
    if (session !== undefined) session.look = look
    return readerOf(place, look, session)
  }
}

/** Ends when the browser has all, or went away. */
function goneOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}

function tooOften(reply: FastifyReply, place: Place, reader: Reader): FastifyReply {
  const { words } = reader
  const link = { href: '/', text: words('message.again') }
  const page = messagePage(place, reader, { title: words('often.title'), text: words('often.text'), link })
  return reply.code(429).header('retry-after', 600).type(HTML).send(page)
}

export function sessionOf(
  request: FastifyRequest,
  q: { cookie: OneCookie; sessions: Sessions },
): Session | undefined {
  const held = q.cookie.read(request.headers.cookie)
  return held !== undefined && 'session' in held ? q.sessions.find(held.session) : undefined
}

/** What the address says, else what the person chose before, else what the browser asks for. */
export function lookOf(request: FastifyRequest, languages: readonly string[], before?: Look): Look {
  const { language, large, easy } = request.query as Record<string, unknown>
  const offered = languages.find((one) => one === language)
  return {
    language: offered ?? before?.language ?? chooseLanguage(request.headers['accept-language'], languages),
    large: large === undefined ? before?.large === true : large === 'yes',
    easy: easy === undefined ? before?.easy === true : easy === 'yes',
  }
}

/** Days, of which the last is included. */
function periodOf(request: FastifyRequest): Period {
  const { from, until } = request.query as Record<string, unknown>
  const day = (value: unknown): value is string =>
    typeof value === 'string' && DATE.test(value) && !Number.isNaN(Date.parse(value))
  return { ...(day(from) && { from }), ...(day(until) && { until }) }
}

/** Of an entry of the list: which system told it, its record there, and the number of the exchange. */
function askedFor(request: FastifyRequest): { system: unknown; record: number | undefined; number: string } {
  const { system, record, number } = request.query as Record<string, unknown>
  const index = typeof record === 'string' && /^\d{1,15}$/.test(record) ? Number(record) : undefined
  return { system, record: index, number: isPlainText(number, 255) ? number : '' }
}

function asFile(name: string): Record<string, string> {
  return { 'content-disposition': `attachment; filename="${name}"` }
}

/** Each piece leaves at once, packed where the browser takes that. */
function sendAsItComes(
  request: FastifyRequest,
  reply: FastifyReply,
  page: AsyncGenerator<string>,
): FastifyReply {
  const text = Readable.from(page, { objectMode: false })
  reply.type(HTML).header('vary', 'accept-encoding, cookie')
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(text)
  // A browser that went away is no error.
  const packed = pipeline(text, createGzip(PACKING), () => undefined)
  return reply.header('content-encoding', 'gzip').send(packed)
}
