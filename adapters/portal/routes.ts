/** Pages that are no part of a section: they ask nobody about the person, and most are for everybody. */
import type { FastifyInstance } from 'fastify'
import { readVerifyPage } from './assets.ts'
import { ENDED } from './login/sign-in.ts'
import { hrefFor, type Place, readerOf } from './pages/frame.ts'
import { aboutPage, endedPage, messagePage } from './pages/welcome.ts'
import { lookOf, type Reading } from './routing/reading.ts'

const HTML = 'text/html; charset=utf-8'

export function otherRoutes(
  app: FastifyInstance,
  { place, reading }: { place: Place; reading: Reading },
): void {
  /** Keeps a session that its person still reads by. */
  app.get('/stay', async (request, reply) => {
    const { session } = reading(request)
    return reply.code(session === undefined ? 401 : 204).send()
  })

  app.get(ENDED, async (request, reply) => {
    const reader = readerOf(place, lookOf(request, place.languages), undefined)
    return reply.type(HTML).send(endedPage(place, reader))
  })

  app.get('/about', async (request, reply) => reply.type(HTML).send(aboutPage(place, reading(request))))

  app.get('/verify.html', async (request, reply) => {
    const page = await readVerifyPage()
    // It has scripts of its own, which may run where a person keeps it, and not here.
    if (page !== undefined)
      return reply
        .header('content-disposition', 'attachment; filename="verify.html"')
        .type('application/octet-stream')
        .send(page)
    const reader = reading(request)
    const { words } = reader
    const link = { href: hrefFor('/', reader), text: words('message.back') }
    return reply
      .code(404)
      .type(HTML)
      .send(messagePage(place, reader, { title: words('verify.none'), text: words('verify.why'), link }))
  })
}
