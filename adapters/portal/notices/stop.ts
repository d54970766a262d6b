/**
 * Stops messages by the link of one, for whoever has it: no login, no session. Guarantees that reading the
 * page stops nothing, that the token goes to the one system that the link means and does nothing else there,
 * and that strangers cannot make the portal ask systems for long or often.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { limitCalls } from '#adapters/kit/limit-calls.ts'
import type { Clock } from '#platform/clock.ts'
import { createCounter } from '#platform/http-service/rate-limit.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { STOP_PATH, systemTag } from '#schemas/notices.ts'
import type { FindSystems } from '../asking/find-systems.ts'
import type { OwnServer } from '../asking/own-server.ts'
import { choicesOf, frameOf, hrefFor, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { html } from '../pages/html.ts'
import { messagePage } from '../pages/welcome.ts'
import { FORM_BYTES } from '../routing/form.ts'
import type { Reading } from '../routing/reading.ts'
import type { PortalSettings } from '../settings.ts'

const HTML = 'text/html; charset=utf-8'
const AT = '/notices/stop'
const TAG = /^[0-9a-f]{16}$/
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** Of one network, and of everybody. */
const OF_ONE = { perSecond: 6, perMinute: 6 }
const OF_ALL = { perSecond: 2, perMinute: 120 }
const AT_ONCE = { running: 2, waiting: 8 }

type Rooms = {
  clock: Clock
  /** Of whoever asks. */
  addressOf(request: FastifyRequest): string
  place: Place
  reading: Reading
  systems: Pick<FindSystems, 'offering'>
  server: Pick<OwnServer, 'service'>
  asking: Pick<PortalSettings['asking'], 'serviceCode' | 'answerMs' | 'answerBytes'>
}

export function stopRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { place, reading, addressOf } = rooms
  const wait = createStopBound(rooms.clock)
  const turns = limitCalls({ ...AT_ONCE, waitMs: rooms.asking.answerMs })
  const say = (reply: FastifyReply, reader: Reader, of: string, status: number): FastifyReply => {
    const { words } = reader
    const link = { href: hrefFor('/', reader), text: words('message.back') }
    const page = messagePage(place, reader, { title: words(`${of}.title`), text: words(of), link })
    return reply.code(status).type(HTML).send(page)
  }

  app.get(AT, async (request, reply) => {
    const reader = reading(request)
    const meant = meantBy(request)
    if (meant === undefined) return say(reply, reader, 'notices.noLink', 400)
    const { words, look } = reader
    const at = `${AT}?${new URLSearchParams(meant)}`
    const content = html`<div class="message"><h1>${words('notices.stop.title')}</h1><p class="lead">${words('notices.stop')}</p>
<form method="post" action="${`${at}&${choicesOf(look).slice(1)}`}"><button type="submit" class="button">${words('notices.stopNow')}</button></form></div>`
    return reply
      .type(HTML)
      .send(wholePage(frameOf(place, reader, { title: words('notices.stop.title'), at }), content))
  })

  // Also what a mail program sends by itself when its reader wants no more (RFC 8058).
  app.post(AT, { bodyLimit: FORM_BYTES }, async (request, reply) => {
    const reader = reading(request)
    const meant = meantBy(request)
    if (meant === undefined) return say(reply, reader, 'notices.noLink', 400)
    const waitSeconds = wait(addressOf(request))
    if (waitSeconds > 0) {
      reply.header('retry-after', waitSeconds)
      throw new Fault('too_many_requests')
    }
    // 0 also where too many others wait.
    const status = await turns.run(() => pass(meant, rooms)).catch(() => 0)
    if (status === 200) return say(reply, reader, 'notices.stopped', 200)
    return status === 400
      ? say(reply, reader, 'notices.noLink', 400)
      : say(reply, reader, 'notices.away', 502)
  })
}

/** Seconds to wait, or 0. What one network sends beyond its own bound takes nothing from others. */
export function createStopBound(clock: Clock): (address: string) => number {
  const ofOne = createCounter(OF_ONE, clock)
  const ofAll = createCounter(OF_ALL, clock)
  return (address) => ofOne.take(address) || ofAll.take('all')
}

function meantBy(request: FastifyRequest): { system: string; token: string } | undefined {
  const { system, token } = request.query as Record<string, unknown>
  const isWhole =
    typeof system === 'string' && typeof token === 'string' && TAG.test(system) && TOKEN.test(token)
  return isWhole ? { system, token } : undefined
}

/** The status of the system's answer; 400 where no system is meant, 0 where it cannot be reached. */
async function pass(
  { system: tag, token }: { system: string; token: string },
  rooms: Rooms,
): Promise<number> {
  const { serviceCode, answerMs, answerBytes } = rooms.asking
  try {
    const { asked } = await rooms.systems.offering(serviceCode)
    const meant = asked.find(
      ({ id }) => systemTag(createHash('sha256').update(colonForm(id)).digest('hex')) === tag,
    )
    if (meant === undefined) return 400
    const answer = await rooms.server.service(`${meant.id}/${serviceCode}`).call('POST', STOP_PATH, {
      ...{ json: { token }, deadlineMs: answerMs, maxAnswerBytes: answerBytes, retries: 0 },
    })
    await answer.bytes()
    return answer.status
  } catch {
    return 0
  }
}
