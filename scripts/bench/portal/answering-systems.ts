/**
 * A security server and twenty systems behind it, each of which tells its side of a person's uses after a
 * fixed time. They answer as schemas/find-usage.yaml says; nothing is signed here, because the portal alone
 * is measured.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Usage } from '#schemas/find-usage.ts'

type System = { id: string; name: string; owner: string; told: Usage[] }

const HOUR_MS = 3_600_000
/** Three months, in which all uses lie. */
const SPAN_HOURS = 2_200

const colon = (id: string): string => id.replaceAll('/', ':')

function systemsWith(q: { systems: number; uses: number; now: number }): System[] {
  const systems = Array.from({ length: q.systems }, (_, at): System => {
    const code = `${1001 + at}`
    return { id: `DEV/GOV/${code}/register`, name: `Register ${at + 1}`, owner: `Agency ${at + 1}`, told: [] }
  })
  for (let at = 0; at < q.uses; at++) {
    const provider = systems[at % q.systems]!
    const client = systems[(at * 7 + 3 + Math.floor(at / q.systems)) % q.systems]!
    // Nobody asks themself.
    const asking = client === provider ? systems[(at + 1) % q.systems]! : client
    const use = (role: Usage['role']): Usage => ({
      ...{ messageId: `bench-${at}`, requestId: `request-${at}`, role },
      time: new Date(q.now - ((at + 1) / q.uses) * SPAN_HOURS * HOUR_MS).toISOString(),
      client: { id: colon(asking.id), name: asking.owner },
      service: { id: `${colon(provider.id)}:persons`, name: provider.owner },
      endpoint: 'GET /persons/*',
      purposes: { en: `Purpose ${at % 13} of ${asking.owner}` },
      legalBasis: `Act on matters of ${asking.owner}, section ${at % 13}`,
      contract: {
        id: `00000000-0000-4000-8000-${`${at % 40}`.padStart(12, '0')}`,
        version: 1,
        title: 'Persons',
        retentionDays: 365,
      },
      fields: { response: ['/code', '/givenName', '/familyName', '/address/town'] },
      ...{ outcome: 'ok', record: { index: at, leaf: 'bGVhZg==' } },
    })
    provider.told.push(use('provider'))
    asking.told.push(use('consumer'))
  }
  return systems
}

export type AnsweringSystems = {
  url: string
  /** What the portal asks each system for one list, asked here without it. */
  paths: string[]
  close(): void
}

export async function startSystems(q: {
  address: string
  systems: number
  uses: number
  answerMs: number
}): Promise<AnsweringSystems> {
  const systems = systemsWith({ ...q, now: Date.now() })
  const byId = new Map(systems.map((one) => [one.id, one]))
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server')
    const send = (json: unknown): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    if (pathname === '/listClients') return send(listOf(systems))
    const [, , instance, memberClass, code, subsystem, service = '', ...rest] = pathname.split('/')
    const system = byId.get([instance, memberClass, code, subsystem].join('/'))
    if (system === undefined) return response.writeHead(404).end()
    for (const name of ['x-road-id', 'x-road-client'])
      response.setHeader(name, String(request.headers[name] ?? ''))
    response.setHeader('x-road-service', `${system.id}/${service}`)
    response.setHeader('x-road-request-hash', 'aGFzaA==')
    if (service === 'allowedMethods') return send({ service: [{ service_code: 'findUsage' }] })
    await wait(q.answerMs)
    return send(answerOf(system, `/${rest.join('/')}`, searchParams))
  })
  await new Promise<void>((resolve) => void server.listen(0, q.address, resolve))
  return {
    url: `http://${q.address}:${(server.address() as AddressInfo).port}`,
    paths: systems.flatMap(({ id }) =>
      ['usages?userCode=P1&limit=500', 'coverage', 'complaints?userCode=P1'].map(
        (what) => `/r1/${id}/findUsage/concordat/v1/${what}`,
      ),
    ),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answerOf({ id, told }: System, path: string, query: URLSearchParams): object {
  const who = { subsystem: colon(id), server: `${colon(id)}-server` }
  if (path === '/concordat/v1/coverage')
    return {
      ...{ ...who, periodStart: new Date(Date.now() - SPAN_HOURS * HOUR_MS).toISOString(), behind: 0 },
      ...{ periodEnd: new Date().toISOString(), isAll: true, undeclared: [], withheld: [] },
    }
  if (path === '/concordat/v1/complaints') return { complaints: [] }
  const from = Number(query.get('cursor') ?? 0)
  const end = from + Number(query.get('limit') ?? 100)
  return {
    ...{ ...who, totalUsages: told.length, usages: told.slice(from, end), massUses: [], looks: [] },
    ...(end < told.length && { next: String(end) }),
  }
}

/** As `GET /listClients` names them. */
function listOf(systems: readonly System[]): object {
  return {
    member: systems.flatMap(({ id, name, owner }) => {
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
    }),
  }
}
