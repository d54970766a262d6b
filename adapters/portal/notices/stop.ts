/**
 * Stops messages by the link of one, for whoever has it: no login, no session. Guarantees that reading the page stops nothing, and that
 * the token goes to the one system that the link means and does nothing else there.
 */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { STOP_PATH, systemTag } from '#schemas/notices.ts'
import type { FindSystems } from '../asking/find-systems.ts'
import type { OwnServer } from '../asking/own-server.ts'
import { frameOf, type Place, type Reader, wholePage } from '../pages/frame.ts'
import { html } from '../pages/html.ts'
import { messagePage } from '../pages/welcome.ts'
import { FORM_BYTES } from '../routing/form.ts'
import type { Reading } from '../routing/reading.ts'
import type { PortalSettings } from '../settings.ts'

const HTML = 'text/html; charset=utf-8'
const AT = '/notices/stop'
const TAG = /^[0-9a-f]{16}$/
const TOKEN = /^[A-Za-z0-9_-]{43}$/

type Rooms = {
  place: Place
  reading: Reading
  systems: Pick<FindSystems, 'offering'>
  server: Pick<OwnServer, 'service'>
  asking: Pick<PortalSettings['asking'], 'serviceCode' | 'answerMs' | 'answerBytes'>
}

export function stopRoutes(app: FastifyInstance, rooms: Rooms): void {
  const { place, reading } = rooms
  const say = (reply: FastifyReply, reader: Reader, of: string, status: number): FastifyReply => {
    const { words } = reader
    const link = { href: '/', text: words('message.back') }
    const page = messagePage(place, reader, { title: words(`${of}.title`), text: words(of), link })
    return reply.code(status).type(HTML).send(page)
  }

  app.get(AT, async (request, reply) => {
    const reader = reading(request)
    const meant = meantBy(request)
    if (meant === undefined) return say(reply, reader, 'notices.noLink', 400)
    const { words } = reader
    const at = `${AT}?${new URLSearchParams(meant)}`
    const content = html`<div class="message"><h1>${words('notices.stop.title')}</h1><p class="lead">${words('notices.stop')}</p>
<form method="post" action="${at}"><button type="submit" class="button">${words('notices.stopNow')}</button></form></div>`
    return reply
      .type(HTML)
      .send(wholePage(frameOf(place, reader, { title: words('notices.stop.title'), at }), content))
  })

  // Also what a mail program sends by itself when its reader wants no more (RFC 8058).
  app.post(AT, { bodyLimit: FORM_BYTES }, async (request, reply) => {
    const reader = reading(request)
    const meant = meantBy(request)
    if (meant === undefined) return say(reply, reader, 'notices.noLink', 400)
    const status = await pass(meant, rooms)
    if (status === 200) return say(reply, reader, 'notices.stopped', 200)
    return status === 400
      ? say(reply, reader, 'notices.noLink', 400)
      : say(reply, reader, 'notices.away', 502)
  })
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
