/**
 * A security server that lists systems and passes questions on to them, and the systems that answer who used
 * a person's data: honest ones as schemas/find-usage.yaml says, ones that know Estonia's protocol alone, and
 * ones that break or lie.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { Usage, UsageCoverage, Usages } from '#schemas/find-usage.ts'

type Asked = {
  method: string
  path: string
  query: URLSearchParams
  userId: string | undefined
  /** The security server that has to answer, where the question names one. */
  securityServer?: string
  /** What a POST brought, as JSON. */
  body: unknown
}
/** Answers one question, or never. */
export type Answering = (asked: Asked, response: http.ServerResponse) => void

export type FakeSystem = {
  /** "DEV/GOV/1001/population" */
  id: string
  name: string
  owner: string
  /** Undefined: it does not offer the service. */
  answers?: Answering
  /** Other services, by their codes. */
  services?: Readonly<Record<string, Answering>>
  /** It does not even say what it offers. */
  isSilent?: true
}

type UsageServer = { url: string; asked: (Asked & { system: string })[]; systems: FakeSystem[] }

/** `configuration`: as `GET /verificationconf` gives it. */
export async function startUsageServer(
  t: Test,
  systems: FakeSystem[],
  configuration: Uint8Array = Buffer.alloc(0),
): Promise<UsageServer> {
  const asked: UsageServer['asked'] = []
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server')
    if (pathname === '/listClients') {
      const listed = systems.filter(({ id }) =>
        id.startsWith(`${searchParams.get('xRoadInstance') ?? 'DEV'}/`),
      )
      return listed.length === 0 ? response.destroy() : send(response, clientsOf(listed))
    }
    if (pathname === '/verificationconf') return void response.end(configuration)
    const [, , instance, memberClass, code, subsystem, service = '', ...rest] = pathname.split('/')
    const id = [instance, memberClass, code, subsystem].join('/')
    const system = systems.find((one) => one.id === id)
    const header = (name: string): string => String(request.headers[name] ?? '')
    for (const name of ['x-road-id', 'x-road-client']) response.setHeader(name, header(name))
    response.setHeader('x-road-service', `${id}/${service}`)
    response.setHeader('x-road-request-hash', 'aGFzaA==')
    if (system === undefined || system.isSilent) return response.destroy()
    const { answers, services = {} } = system
    const offered: Record<string, Answering> = { ...services, ...(answers && { findUsage: answers }) }
    if (service === 'allowedMethods')
      return send(response, { service: Object.keys(offered).map((code) => ({ service_code: code })) })
    const text = await readText(request)
    const question = {
      ...{ method: request.method ?? '', path: `/${rest.join('/')}`, query: searchParams },
      ...{ userId: header('x-road-userid'), body: text === '' ? undefined : JSON.parse(text) },
      ...(request.headers['x-road-security-server'] !== undefined && {
        securityServer: header('x-road-security-server'),
      }),
    }
    asked.push({ ...question, system: id })
    offered[service]?.(question, response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, systems }
}

/** As `GET /listClients` names them. */
export function clientsOf(systems: readonly FakeSystem[]): object {
  const member = systems.flatMap(({ id, name, owner }) => {
    const [instance, memberClass, code, subsystem] = id.split('/')
    const ids = { xroad_instance: instance, member_class: memberClass, member_code: code }
    return [
      { id: { ...ids, object_type: 'MEMBER' }, name: owner },
      {
        id: { ...ids, object_type: 'SUBSYSTEM', subsystem_code: subsystem },
        name: owner,
        subsystem_name: name,
      },
    ]
  })
  return { member }
}

/** Answers with JSON. */
export function send(response: http.ServerResponse, json: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
}

const LEAF = Buffer.alloc(32, 'leaf').toString('base64')

const colon = (id: string): string => id.replaceAll('/', ':')

/** One exchange about a person, as each side tells it. */
export function exchange(q: {
  number: number
  time: string
  client: FakeSystem
  provider: FakeSystem
  purpose: string
  more?: Partial<Usage>
}): { provider: Usage; consumer: Usage } {
  const row = (role: Usage['role']): Usage => ({
    ...{ messageId: `DEV-${q.number}`, requestId: `request-${q.number}`, time: q.time, role },
    client: { id: colon(q.client.id), name: q.client.owner },
    service: { id: `${colon(q.provider.id)}:persons`, name: q.provider.owner },
    endpoint: 'GET /persons/*',
    purposes: { en: q.purpose },
    ...{ outcome: 'ok', record: { index: q.number, leaf: LEAF } },
    ...q.more,
  })
  return { provider: row('provider'), consumer: row('consumer') }
}

const SPAN = { periodStart: '2026-09-01T06:00:00Z', periodEnd: '2026-11-29T14:00:00Z' }
const PROOF = Buffer.from('PK\u0003\u0004 a proof', 'latin1')

/** Answers as the description says, a page at a time. */
export function tells(
  system: FakeSystem,
  usages: Usage[],
  more: { coverage?: Partial<UsageCoverage>; answer?: Partial<Usages>; proof?: Buffer } = {},
): Answering {
  const who = { subsystem: colon(system.id), server: 'DEV:GOV:1001:SS' }
  return ({ path, query }, response) => {
    if (path === '/concordat/v1/coverage') {
      const all = { ...who, ...SPAN, behind: 0, isAll: true, undeclared: [], withheld: [] }
      return send(response, { ...all, ...more.coverage })
    }
    if (path === '/concordat/v1/proof') {
      response
        .writeHead(200, { 'content-type': 'application/vnd.concordat.evidence+zip' })
        .end(more.proof ?? PROOF)
      return
    }
    if (path !== '/concordat/v1/usages') return send(response, { type: 'not_found' }, 404)
    const from = Number(query.get('cursor') ?? 0)
    const limit = Number(query.get('limit'))
    const start = query.get('periodStart') ?? ''
    const fitting = usages.filter((one) => start === '' || one.time >= start)
    const page = { ...who, totalUsages: fitting.length, usages: fitting.slice(from, from + limit) }
    const next = from + limit < fitting.length ? { next: String(from + limit) } : {}
    send(response, { ...page, massUses: [], looks: [], ...more.answer, ...next })
  }
}

/** Knows Estonia's protocol and nothing else. */
export function tellsPlainly(usages: object[]): Answering {
  return ({ path, query }, response) => {
    if (path === '/v2/usagePeriod') return send(response, SPAN)
    if (path !== '/v2/findUsage') return send(response, {}, 400)
    const offset = Number(query.get('offset'))
    send(response, {
      totalUsages: usages.length,
      usages: usages.slice(offset, offset + Number(query.get('limit'))),
    })
  }
}

/** Pages of rows that never end. */
function rowsWithoutEnd(q: { perPage: number; subsystem: string; purpose?: string }): Answering {
  return ({ path, query }, response) => {
    if (path !== '/concordat/v1/usages') return send(response, {}, 500)
    const from = Number(query.get('cursor') ?? 0)
    const service = { id: `DEV:GOV:6666:${q.subsystem}:s` }
    const { purpose = 'a' } = q
    const usages = Array.from({ length: q.perPage }, (_, at) => ({
      ...{ messageId: `m-${from + at}`, requestId: `r-${from + at}`, time: '2026-11-01T00:00:00Z' },
      ...{ role: 'provider', client: { id: 'DEV:GOV:1002:tax' }, service },
      ...{ purposes: { en: purpose, et: purpose, uk: purpose, ko: purpose, fi: purpose } },
      ...{ outcome: 'ok', record: { index: from + at, leaf: '' } },
    }))
    const next = String(from + q.perPage)
    send(response, { totalUsages: 1_000_000, usages, next, massUses: [], looks: [] })
  }
}

export const HOSTILE: Record<string, Answering> = {
  never: () => undefined,
  cut: (_asked, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
      .write('{"usages":[')
    response.destroy()
  },
  endless: (_asked, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const more = (): void => {
      while (response.write(`{"a":"${'x'.repeat(65_536)}"},`));
    }
    response.on('drain', more).write('{"usages":[')
    more()
  },
  million: rowsWithoutEnd({ perPage: 500, subsystem: 'liar' }),
  drops: rowsWithoutEnd({ perPage: 1, subsystem: 'drops' }),
  heavy: rowsWithoutEnd({ perPage: 100, subsystem: 'heavy', purpose: 'x'.repeat(1000) }),
  wrongJson: (_asked, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end('{"usages":'),
  deep: (_asked, response) => void response.writeHead(200).end('['.repeat(100_000)),
  array: (_asked, response) => send(response, []),
  busy: (_asked, response) => send(response, { type: 'too_many_requests' }, 429),
  failing: (_asked, response) => send(response, {}, 502),
  refusing: (_asked, response) => send(response, { type: 'access_denied' }, 403),
  sameAgain: ({ path }, response) => {
    if (path !== '/concordat/v1/usages') return send(response, {}, 500)
    send(response, { totalUsages: 5, usages: [], next: 'again', massUses: [], looks: [] })
  },
}
