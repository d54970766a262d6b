/**
 * Fetches the request that a link or the text of a QR code names, and posts the answer. On this machine
 * alone: it is a tool for trying.
 */
import { request as send } from 'undici'
import { parseCertificate } from '#core/certificate/certificate.ts'
import { readableName } from '#core/certificate/name.ts'
import type { Asked } from '#core/presentation/asked.ts'
import { readJws } from '#core/presentation/jws.ts'
import { readX5c } from '#core/presentation/trusted-issuers.ts'
import { verifyRequest } from '#core/presentation/verify-request.ts'
import { isLoopback } from '#platform/sessions/settings.ts'
import { Fault } from '#schemas/fault.ts'
import { chooseCredentials, type Held, pathsOf } from './held.ts'
import { sealAnswer } from './seal-answer.ts'

/** Who asks, and for what. */
export type Request = { asked: Asked; by: string; answers: ReturnType<typeof chooseCredentials> }

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const WAIT_MS = 10_000
const MOST_BYTES = 256 * 1024

/** Throws `invalid_input` for what is no request on this machine, or is not signed by whom it names. */
export async function fetchRequest(text: string, held: Held[]): Promise<Request> {
  const address = new URLSearchParams(text.slice(text.indexOf('?') + 1)).get('request_uri')
  const token = await post(hereOnly(address ?? ''), new URLSearchParams())
  try {
    const asked = verifyRequest(token, undefined)
    const [leaf] = readX5c(readJws(token, 'record_malformed').header.x5c)
    const by = readableName(parseCertificate(leaf!).subject)
    return { asked, by, answers: chooseCredentials(asked.query, held) }
  } catch (cause) {
    throw new Fault('invalid_input', { what: 'this is no request that a verifier signed', cause })
  }
}

/** Shows what is asked for, or says no; returns where the person goes then, if anywhere. */
export async function answerRequest(
  { asked, answers }: Request,
  agrees: boolean,
): Promise<string | undefined> {
  const responseUri = hereOnly(asked.responseUri)
  const form = agrees ? formOf(asked, answers ?? []) : new URLSearchParams({ error: 'access_denied' })
  if (!agrees && asked.state !== undefined) form.set('state', asked.state)
  const said = JSON.parse(await post(responseUri, form)) as { redirect_uri?: unknown }
  return typeof said.redirect_uri === 'string' ? hereOnly(said.redirect_uri) : undefined
}

function formOf(asked: Asked, answers: NonNullable<Request['answers']>): URLSearchParams {
  const shown = answers.map(({ query, held }) => [
    query.id,
    [held.present({ asked, id: query.id, paths: pathsOf(query) })],
  ])
  const answer = { vp_token: Object.fromEntries(shown) as object, state: asked.state }
  if (asked.encryption !== undefined)
    return new URLSearchParams({ response: sealAnswer(answer, asked.encryption) })
  const form = new URLSearchParams({ vp_token: JSON.stringify(answer.vp_token) })
  if (asked.state !== undefined) form.set('state', asked.state)
  return form
}

async function post(address: string, form: URLSearchParams): Promise<string> {
  const signal = AbortSignal.timeout(WAIT_MS)
  const reply = await send(address, { method: 'POST', headers: FORM, body: form.toString(), signal })
  let text = ''
  for await (const chunk of reply.body.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > MOST_BYTES)
      throw new Fault('invalid_input', { what: 'the answer of the verifier is too large' })
  }
  if (reply.statusCode !== 200)
    throw new Fault('invalid_input', {
      what: `the verifier answered ${reply.statusCode}: ${text.slice(0, 200)}`,
    })
  return text
}

function hereOnly(address: string): string {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol) || !isLoopback(url.hostname))
    throw new Fault('invalid_input', { what: 'a sandbox wallet answers verifiers on this machine alone' })
  return url.href
}
