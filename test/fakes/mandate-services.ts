/**
 * Two mandate services on one listener, each as its real interface is: Estonia's Pääsuke below `/oraakel`
 * (e-gov/PH) and the query between systems of Finland's Suomi.fi below `/service` (its Web API). A test puts
 * mandates in and may spoil the next answers.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Mandate = {
  representee: string
  delegate: string
  role: string
  validityPeriod?: { from?: string | null; through?: string | null }
}

export type MandateServicesFake = {
  url: string
  suomiFi: { clientId: string; apiKey: string }
  /** By the identifiers of the service that is asked: EE38001010000 there, 010101-123N here. */
  mandates: Mandate[]
  /** Of Pääsuke: all others are unknown to it. */
  people: Map<string, 'NATURAL_PERSON' | 'LEGAL_PERSON'>
  /** What was asked, in order. */
  asked: { target: string; headers: http.IncomingHttpHeaders }[]
  /** Answers instead, for as long as it is set. */
  spoil: ((response: http.ServerResponse, honest: unknown) => void) | undefined
}

const CHECKSUM_MS = 5 * 60_000
const PAASUKE = /^\/oraakel\/representees\/([^/]+)\/delegates\/([^/]+)\/mandates$/
const SUOMI_FI = /^\/service\/rest\/hpa\/authorization\/([^/]+)\/([^/]+)\/([^/]+)$/

export async function startMandateServices(t: Test): Promise<MandateServicesFake> {
  const server = http.createServer((request, response) => {
    const target = request.url ?? ''
    fake.asked.push({ target, headers: request.headers })
    const { status, body } = answerTo(fake, target, request.headers)
    if (fake.spoil !== undefined) return fake.spoil(response, body)
    return sendJson(response, body, status)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const fake: MandateServicesFake = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    suomiFi: { clientId: 'ab12cd34', apiKey: 'a key of Suomi.fi' },
    ...{ mandates: [], people: new Map(), asked: [], spoil: undefined },
  }
  return fake
}

export function sendJson(response: http.ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

type Reply = { status: number; body: unknown }

function answerTo(fake: MandateServicesFake, target: string, headers: http.IncomingHttpHeaders): Reply {
  const url = new URL(target, fake.url)
  const paasuke = PAASUKE.exec(url.pathname)?.slice(1).map(decodeURIComponent)
  if (paasuke !== undefined) return oracle(fake, paasuke[0]!, paasuke[1]!, url.searchParams)
  const suomiFi = SUOMI_FI.exec(url.pathname)?.slice(1).map(decodeURIComponent)
  if (suomiFi === undefined) return { status: 404, body: { title: 'Not Found' } }
  const [clientId, delegate, principal] = suomiFi
  const isKnown = clientId === fake.suomiFi.clientId && isSigned(fake, target, headers)
  if (!isKnown) return { status: 401, body: { title: 'Unauthorized' } }
  return authorization(fake, delegate!, principal!, url.searchParams)
}

/** Only what one of the filters names; at least one of them has to be there. */
function oracle(
  fake: MandateServicesFake,
  representee: string,
  delegate: string,
  query: URLSearchParams,
): Reply {
  const [namespaces, roles] = [query.getAll('ns'), query.getAll('role')]
  if (namespaces.length + roles.length === 0)
    return { status: 400, body: { type: 'about:blank', title: 'ns or role is needed' } }
  const isAsked = ({ role }: Mandate): boolean =>
    (namespaces.length === 0 || namespaces.includes(role.split(':')[0]!)) &&
    (roles.length === 0 || roles.includes(role))
  const mandates = fake.mandates
    .filter((one) => one.representee === representee && one.delegate === delegate && isAsked(one))
    .map(({ role, validityPeriod }) => ({
      role,
      ...(validityPeriod && { validityPeriod }),
      links: { origin: 'https://paasuke.example/' },
    }))
  return {
    status: 200,
    body: { representee: personOf(fake, representee), delegate: personOf(fake, delegate), mandates },
  }
}

function personOf({ people }: MandateServicesFake, identifier: string): object {
  const type = people.get(identifier)
  if (type === undefined) return { type: 'UNKNOWN', identifier }
  return type === 'LEGAL_PERSON'
    ? { type, legalName: 'Väikefirma OÜ', identifier }
    : { type, firstName: 'Mari', surname: 'Maasikas', identifier }
}

function isSigned(fake: MandateServicesFake, target: string, headers: http.IncomingHttpHeaders): boolean {
  const [clientId, time = '', checksum = ''] = String(headers['x-asiointivaltuudetauthorization']).split(' ')
  if (clientId !== fake.suomiFi.clientId || Math.abs(Date.parse(time) - Date.now()) > CHECKSUM_MS)
    return false
  const own = createHmac('sha256', fake.suomiFi.apiKey).update(`${target} ${time}`).digest()
  const given = Buffer.from(checksum, 'base64')
  return given.length === own.length && timingSafeEqual(given, own)
}

function authorization(
  fake: MandateServicesFake,
  delegate: string,
  principal: string,
  query: URLSearchParams,
): Reply {
  if (query.get('requestId') === null) return { status: 400, body: { title: 'requestId is missing' } }
  const issues = query.getAll('issues')
  const isAllowed = issues.every((issue) =>
    fake.mandates.some(
      (one) => one.representee === principal && one.delegate === delegate && one.role === issue,
    ),
  )
  return { status: 200, body: { result: isAllowed ? 'ALLOWED' : 'DISALLOWED', reasons: [] } }
}
