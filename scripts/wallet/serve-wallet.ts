/** Serves the wallet of one person on a loopback address: pages to look at requests and to answer them. */
import { createHash } from 'node:crypto'
import { createHttpService } from '#platform/http-service/create-http-service.ts'
import { toFault } from '#platform/http-service/fault-answer.ts'
import type { Log } from '#platform/logging/create-log.ts'
import { answerRequest, fetchRequest } from './answer-request.ts'
import type { Held, Issuer } from './held.ts'
import { newPair } from './keys.ts'
import { cborFlag, issueMdoc } from './mdoc.ts'
import { homePage, requestPage, STYLES, saidPage } from './pages.ts'
import { PID } from './pid.ts'
import { issueSdJwt } from './sd-jwt.ts'

/** `born`: a day; with it the wallet can show whether they are of age. */
export type WalletPerson = { code: string; givenName: string; familyName: string; born?: string }

const HOUR_MS = 3_600_000
const VALID_MS = 30 * 24 * HOUR_MS
const HTML = 'text/html; charset=utf-8'
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLES).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`

export async function serveWallet(q: {
  person: WalletPerson
  issuer: Issuer
  listen: { address: string; port: number }
  log: Log
}): Promise<{ close(): Promise<void> }> {
  const { givenName, familyName } = q.person
  const held = issueTo(q.issuer, q.person)
  const headers = { 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' }
  const app = createHttpService({
    ...{ name: 'wallet', log: q.log },
    answerFailure: (thrown, _request, reply) => {
      const { what, message, status } = toFault(thrown)
      return reply
        .code(status)
        .headers(headers)
        .type(HTML)
        .send(saidPage('This did not work', what === undefined ? message : String(what)))
    },
  })
  app.addHook('onRequest', async (_request, reply) => void reply.headers(headers))
  const look = async (text: string): Promise<string> => requestPage(text, await fetchRequest(text, held))

  app.get('/', (_request, reply) => reply.type(HTML).send(homePage(`${givenName} ${familyName}`, held)))
  // A link of this device has the request in the address; the text of a QR code is pasted.
  app.get('/present', async (request, reply) => reply.type(HTML).send(await look(request.url)))
  app.get('/paste', async (request, reply) => {
    const { text } = request.query as Record<string, unknown>
    return reply.type(HTML).send(await look(typeof text === 'string' ? text.trim() : ''))
  })
  app.post('/answer', async ({ body }, reply) => {
    const form = new URLSearchParams(Buffer.isBuffer(body) ? body.toString() : '')
    const next = await answerRequest(
      await fetchRequest(form.get('text') ?? '', held),
      form.get('agrees') === 'yes',
    )
    if (next !== undefined) return reply.redirect(next, 303)
    return reply.type(HTML).send(saidPage('Declined', 'The verifier was told that you did not agree.'))
  })
  await app.listen({ host: q.listen.address, port: q.listen.port })
  return { close: () => app.close() }
}

/** The same person in both forms, from an hour ago. */
function issueTo(issuer: Issuer, { code, givenName, familyName, born }: WalletPerson): Held[] {
  const holder = newPair()
  const claims = { [PID.code]: code, given_name: givenName, family_name: familyName }
  const age = born === undefined ? undefined : isOfAge(born)
  const sdJwtClaims = { ...claims, ...(age !== undefined && { [PID.ageOver]: { [PID.ofAge]: age } }) }
  const elements = { ...claims, ...(age !== undefined && { [`age_over_${PID.ofAge}`]: cborFlag(age) }) }
  const times = { from: Date.now() - HOUR_MS, until: Date.now() + VALID_MS }
  return [
    issueSdJwt({ issuer, holder, type: PID.sdJwt, claims: sdJwtClaims, ...times }),
    issueMdoc({ issuer, holder, type: PID.mdoc, nameSpace: PID.mdoc, elements, ...times }),
  ]
}

function isOfAge(born: string): boolean {
  const day = new Date(born)
  day.setUTCFullYear(day.getUTCFullYear() + Number(PID.ofAge))
  return day.getTime() <= Date.now()
}
