/** The service `consents` of one system, as schemas/consents.yaml says, for one person and in memory. */
import { randomUUID } from 'node:crypto'
import type {
  AskedConsent,
  Consent,
  ConsentDemand,
  ConsentGiven,
  ConsentRequestState,
  ConsentUse,
} from '#schemas/consents.ts'
import { type Answering, type FakeSystem, send } from './usage-systems.ts'

const DAY_MS = 86_400_000
const colon = (id: string): string => id.replaceAll('/', ':')
const refused = (type: string, message = type): object => ({ type, message, detail: 'a-detail' })

type ConsentKeeper = {
  answers: Answering
  consents: Consent[]
  /** What portals sent, as they sent it. */
  given: ConsentGiven[]
  /** Refuses every agreement with this status. */
  refuse(status: number | undefined, message?: string): void
  /** A request of `client`, which a url with this secret leads to. */
  ask(token: string, more?: Partial<AskedConsent>): AskedConsent
  state(token: string): ConsentRequestState | undefined
}

/** `person`: as X-Road-UserId has them; of anybody else nothing is there. */
export function keepConsents(q: {
  provider: FakeSystem
  client: FakeSystem
  person: string
  now: number
  rule?: Partial<ConsentDemand['rule']>
}): ConsentKeeper {
  const { provider, client, person, now } = q
  const after = (days: number): string => new Date(now + days * DAY_MS).toISOString()
  const party = ({ id, owner }: FakeSystem): { id: string; name: string } => ({ id: colon(id), name: owner })
  const demand: ConsentDemand = {
    demand: 'd'.repeat(64),
    contract: {
      ...{ id: '5b0f0d3c-1111-4222-8333-444455556666', version: 1, title: 'Income for a loan' },
      validUntil: after(900),
    },
    ...{
      provider: party(provider),
      clients: [party(client)],
      purpose: 'To check whether you can repay a loan',
    },
    legalBasis: 'Your consent (Regulation 2016/679, Article 6(1)(a))',
    services: [
      {
        ...{ serviceCode: 'incomes', endpoints: [{ method: 'GET', path: '/incomes/*' }] },
        responseFields: ['/income', '/year', '/employer/businessRegisterCode'],
      },
    ],
    rule: {
      ...{ proof: 'login', kinds: ['once', 'standing'], maxDays: 90, dataLife: { unit: 'month', value: 6 } },
      ...{ frequency: { times: 2, per: 'month' }, range: { unit: 'year', value: 1 } },
      ...q.rule,
    },
  }
  const consents: Consent[] = []
  const requests = new Map<string, AskedConsent>()
  const taken: ConsentGiven[] = []
  let refusal: number | undefined
  let why: string | undefined

  const give = ({ kind, shown }: ConsentGiven): Consent => ({
    keptAt: 'DEV/GOV/1/server',
    ...{ number: randomUUID(), state: 'ACTIVE', digest: 'c'.repeat(64), client: party(client) },
    ...{ agreed: demand, kind, shown, givenAt: after(0), validUntil: after(90), proof: demand.rule.proof },
    ...(demand.rule.proof === 'wallet' && {
      checked: {
        ...{ judgedAt: after(0), askedBy: 'x509_hash:portal', boundBy: 'transaction data' as const },
        credentials: [{ type: 'urn:person', issuer: 'The State', hasStatus: true }],
        ...(demand.rule.attributes && {
          attested: demand.rule.attributes.map(({ name }) => ({
            name,
            type: 'urn:person',
            issuer: 'The State',
          })),
        }),
      },
    }),
    ...{ records: { given: 12 }, uses: { count: 0 } },
  })
  const uses: ConsentUse[] = [
    {
      // When DEV-1 of usage-sample.ts was: the link to it is to its day.
      ...{ time: after(-0.1 / 24), messageId: 'DEV-1', requestId: 'request-1' },
      service: { id: `${colon(provider.id)}:persons` },
    },
  ]
  consents.push({
    ...give({ kind: 'standing', shown: { language: 'en', textHash: 'e'.repeat(64) } } as ConsentGiven),
    ...{
      givenAt: after(-200),
      validUntil: after(-110),
      state: 'EXPIRED',
      uses: { count: 3, last: after(-120) },
    },
  })

  const answers: Answering = ({ method, path, userId, body }, response) => {
    const [, , what, name = '', act] = path.split('/')
    if (what === 'demands') return send(response, { demands: [demand] })
    if (userId !== person)
      return send(
        response,
        path === '/v1/consents' ? { consents: [] } : refused('not_found'),
        path === '/v1/consents' ? 200 : 404,
      )
    if (what === 'asked') {
      const request = requests.get(name)
      if (request === undefined) return send(response, refused('not_found'), 404)
      if (act === 'decline') request.state = 'DECLINED'
      return send(response, request)
    }
    if (what === 'consents' && name === '' && method === 'POST') {
      const given = body as ConsentGiven
      taken.push(given)
      if (refusal !== undefined) return send(response, refused('consent_unproven', why), refusal)
      if (given.demand !== demand.demand) return send(response, refused('consent_demand_changed'), 409)
      const consent = give(given)
      consents.unshift(consent)
      const request = requests.get(given.token ?? '')
      if (request !== undefined) request.state = 'GIVEN'
      return send(response, consent, 201)
    }
    if (what === 'consents' && name === '') return send(response, { consents })
    const consent = consents.find(({ number }) => number === name)
    if (consent === undefined) return send(response, refused('not_found'), 404)
    if (act === 'proof') return send(response, refused('not_found'), 404)
    if (act === 'uses') return send(response, { number: name, uses: consent.uses.count > 0 ? uses : [] })
    if (act === 'receipt') return send(response, { '@context': 'https://w3id.org/dpv', identifier: name })
    if (act === 'withdraw') Object.assign(consent, { state: 'WITHDRAWN', withdrawnAt: after(0) })
    send(response, consent)
  }

  return {
    ...{ answers, consents, given: taken },
    refuse(status, message) {
      refusal = status
      why = message
    },
    ask(token, more = {}) {
      const request: AskedConsent = {
        ...{ request: randomUUID(), state: 'REQUESTED', validUntil: after(1), client: party(client), demand },
        ...{ returnUrl: 'https://bank.example/loan?step=2', ...more },
      }
      requests.set(token, request)
      return request
    },
    state: (token) => requests.get(token)?.state,
  }
}
