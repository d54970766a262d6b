/**
 * The service by which people give, see and withdraw consents: whole ways of a person, a consumer and a
 * register, and hostile input.
 */
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { consentDigest } from '#core/consent/document.ts'
import type { Consent, ConsentDemand, ConsentGiven, ConsentRequestMade } from '#schemas/consents.ts'
import type { ContractContent } from '#schemas/contract.ts'
import { idText, parseSubsystemId } from '#schemas/identifiers.ts'
import { contentAt, inDays } from '#test/fakes/contracts.ts'
import { SERVER } from '../../message-log/fixture.ts'
import { createPeerQuota } from '../../peer/peer-quota.ts'
import { MANDATE, openConsents } from './consents-fixture.ts'
import { refuseKeptElsewhere } from './keeper.ts'
import { withdrawConsent } from './own-consents.ts'
import { documentOf } from './view-consent.ts'

const CLIENT = parseSubsystemId('DEV/GOV/5678/client')
const PORTAL = parseSubsystemId('DEV/GOV/9999/portal')
const OWN = parseSubsystemId('DEV/GOV/1234/other')
const TAX = 'DEV:GOV:5678:client'
const HASH = 'ab'.repeat(32)
const NOW = Date.now()
const now = { at: NOW }
const content = contentAt(NOW, {
  ...{ personalData: true, provider: 'DEV/GOV/1234/population' },
  consumers: { subsystems: ['DEV/GOV/5678/client'] },
  services: [
    {
      serviceCode: 'persons',
      endpoints: [{ method: 'GET', path: '/persons/*' }],
      dataSubject: { in: 'path', name: 'id' },
    },
  ],
  consent: {
    proof: 'login',
    kinds: ['once', 'standing'],
    maxDays: 30,
    dataLife: { unit: 'month', value: 6 },
  },
})
const contracts: { content: ContractContent; joined: string[] }[] = [{ content, joined: [] }]

/** Where the provider's subsystem is registered. */
const servers = [{ id: SERVER }]
const world = { now, contracts, servers }

const demandIn = ({ body }: { body: { demands: ConsentDemand[] } }): ConsentDemand => body.demands[0]!
const given = (demand: ConsentDemand, more: Partial<ConsentGiven> = {}): ConsentGiven => ({
  ...{ contract: content.contract, client: TAX, demand: demand.demand, kind: 'standing' },
  shown: { language: 'et', textHash: HASH },
  ...more,
})

t.test('a person sees what is asked, agrees, sees it used, and withdraws', async (t) => {
  const { ask, taking, nameOf, store } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands', { userId: '' }))
  t.match(demand, {
    provider: { id: 'DEV:GOV:1234:population', name: 'A member' },
    clients: [{ id: TAX }],
    purpose: content.purpose,
    rule: content.consent!,
    services: [{ serviceCode: 'persons' }],
  })
  const made = await ask('POST /v1/consents', { body: given(demand) })
  t.equal(made.status, 201)
  const consent = made.body as Consent
  t.match(consent, { state: 'ACTIVE', client: { id: TAX }, proof: 'login', records: { given: 101 } })
  t.equal(consent.validUntil, new Date(now.at + 30 * 86_400_000).toISOString())
  const row = (await store.byNumber(consent.number))!
  t.equal(consentDigest(documentOf(row)), consent.digest)
  t.notMatch(JSON.stringify(row), /"(?:EE)?P1\\?"/, 'no code of a person is kept')
  const person = { type: 'personal-code', identifier: 'P1' }
  t.equal(row.person, await nameOf(person))
  const terms = { contract: content.contract, demand: demand.demand, rule: content.consent! }
  const call = { person, client: 'DEV/GOV/5678/client', service: 'DEV/GOV/1234/population/persons', terms }
  const taken = await taking.take({ ...call, ids: { id: 'Q1', requestId: 'R1' } })
  t.match(taken, { number: consent.number, digest: consent.digest })
  const at = `/v1/consents/${consent.number}`
  t.match((await ask(`GET ${at}`)).body, { uses: { count: 1 } })
  t.match((await ask(`GET ${at}/uses`)).body, {
    uses: [{ messageId: 'Q1', requestId: 'R1', service: { id: 'DEV:GOV:1234:population:persons' } }],
  })
  const receipt = await ask(`GET ${at}/receipt`)
  t.match(receipt.headers[0], ['Content-Type', /ld\+json/])
  t.match(receipt.body, {
    '@type': 'dpv:ConsentReceipt',
    'dct:conformsTo': 'https://w3id.org/dpv/schema/dpv-27560#receipt',
    'dpv:hasRecordOfActivity': {
      '@type': 'dpv:ConsentRecord',
      'dct:identifier': consent.number,
      'dpv:hasDataController': { 'dct:identifier': TAX },
      'dpv:hasProcess': { 'dpv:hasStorageCondition': { 'dpv:hasDuration': 'P6M' } },
      'dpv:hasNotice': { 'dct:language': 'et' },
    },
  })
  for (const line of [`GET ${at}`, `GET ${at}/uses`, `GET ${at}/receipt`, `POST ${at}/withdraw`])
    t.equal((await ask(line, { userId: 'EEP2' })).status, 404, `${line} of another person`)
  t.match((await ask(`POST ${at}/withdraw`)).body, { state: 'WITHDRAWN', records: { withdrawn: 109 } })
  await t.rejects(taking.take({ ...call, ids: { id: 'Q2', requestId: 'R2' } }), { code: 'consent_ended' })
  t.match(
    (await ask(`POST ${at}/withdraw`)).body,
    { records: { withdrawn: 109 } },
    'once more changes nothing',
  )
})

t.test('a consent is withdrawn whatever else is asked through the portal', async (t) => {
  const { ask, rooms } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands'))
  const { number } = (await ask('POST /v1/consents', { body: given(demand) })).body as Consent
  rooms.quota = createPeerQuota({ perSecond: 0, burst: 1, underWay: 1, clock: () => now.at })
  rooms.quota.enter(PORTAL)
  t.equal((await ask(`GET /v1/consents/${number}`)).status, 429)
  t.match(await ask(`POST /v1/consents/${number}/withdraw`), { status: 200, body: { state: 'WITHDRAWN' } })
})

t.test('pages of consents; who acts for somebody', async (t) => {
  const { ask } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands'))
  for (let i = 0; i < 52; i++) {
    now.at += 1
    await ask('POST /v1/consents', { body: given(demand) })
  }
  const first = (await ask('GET /v1/consents')).body as { consents: Consent[]; next: string }
  const second = (await ask(`GET /v1/consents?cursor=${first.next}`)).body as { consents: Consent[] }
  t.equal(new Set([...first.consents, ...second.consents].map(({ number }) => number)).size, 52)
  t.equal(first.consents.filter(({ state }) => state === 'ACTIVE').length, 1, 'the newest alone')
  t.equal((await ask('GET /v1/consents?userCode=EEP2')).status, 403)
})

t.test(
  'who acts for a child or a company: named with their mandate, which ends the consent with it',
  async (t) => {
    const { ask, store, nameOf } = await openConsents(t, world)
    const demand = demandIn(await ask('GET /v1/demands'))
    const give = (more: object, body: object = {}, code = 'EEP9') =>
      ask(`POST /v1/consents?userCode=${code}`, {
        represented: 'P9',
        ...more,
        body: { ...given(demand), ...body },
      })
    const byParent = await give({})
    t.match(byParent, { status: 201, body: { byRepresentative: true, mandate: MANDATE } })
    const { number, validUntil } = byParent.body as Consent
    t.equal(Date.parse(validUntil), now.at + 30 * 86_400_000, 'as long as the contract allows')
    const { representative, ...document } = documentOf((await store.byNumber(number))!)
    t.match(representative, { mandate: MANDATE })
    t.not(representative?.person, document.person)
    t.notMatch(JSON.stringify({ representative, document }), /"(EE)?P[19]"/, 'no code is in it')
    const receipt = JSON.stringify((await ask(`GET /v1/consents/${number}/receipt`, { userId: 'EEP9' })).body)
    t.match(receipt, /dpv:Representative","concordat:mandate":\{[^}]*"service":"register"/)
    t.equal((await give({ represented: 'P8' })).status, 403, 'a mandate of another')
    t.equal((await give({ represented: undefined })).status, 403, 'none')

    // Both see it, and both can take it back.
    t.match((await ask('GET /v1/consents', { userId: 'EEP9' })).body, { consents: [{ number }] })
    t.match((await ask('GET /v1/consents?userCode=EEP9', { represented: 'P9' })).body, {
      consents: [{ number }],
    })
    t.equal((await ask(`POST /v1/consents/${number}/withdraw`, { userId: 'EEP9' })).status, 200)
    const own = (await ask(`GET /v1/consents/${number}`, { userId: 'EEP9' })).body as Consent
    t.match(own, { state: 'WITHDRAWN' })
    t.notOk(own.withdrawnByRepresentative)
    const second = (await give({})).body as Consent
    t.equal((await ask(`POST /v1/consents/${second.number}/withdraw?userCode=EEP9`)).status, 403)
    const back = { represented: 'P9', userId: 'EEP2' }
    t.match((await ask(`POST /v1/consents/${second.number}/withdraw?userCode=EEP9`, back)).body, {
      ...{ state: 'WITHDRAWN', withdrawnByRepresentative: true },
    })
    const { withdrawn_by: by } = (await store.byNumber(second.number))!
    t.equal(by, await nameOf({ type: 'personal-code', identifier: 'P2' }), 'another who may act')

    const ends = { mandateUntil: inDays(now.at, 3) }
    t.match((await give(ends)).body, { validUntil: ends.mandateUntil, mandate: { until: ends.mandateUntil } })
    t.match((await give(ends, { validUntil: inDays(now.at, 2) })).body, { validUntil: inDays(now.at, 2) })
    t.match(await give(ends, { validUntil: inDays(now.at, 4) }), {
      status: 400,
      body: { message: /mandate ends/ },
    })
    const ends30 = Date.parse(inDays(now.at, 30))
    await fc.assert(
      fc.asyncProperty(
        fc.date({ noInvalidDate: true, min: new Date(now.at + 1), max: new Date('+012000-01-01T00:00:00Z') }),
        async (until) => {
          const { body } = await give({ mandateUntil: until.toISOString() })
          const end = new Date(Math.min(until.getTime(), ends30)).toISOString()
          t.equal((body as Consent).validUntil, end, until.toISOString())
        },
      ),
      { numRuns: 20, examples: [[new Date('+010000-01-01T00:00:00Z')], [new Date(now.at + 1)]] },
    )
    const company = await give({ represented: '10391131', userId: 'EEP1' }, {}, 'EE10391131')
    t.match(company, { status: 201, body: { byRepresentative: true, mandate: { service: 'register' } } })
    const clerk = await give({ userId: 'clerk-7' })
    t.equal(clerk.status, 201, 'who has no code with the letters of the country')
  },
)

t.test('what is not agreed to as asked is not taken', async (t) => {
  const { ask, rooms } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands'))
  const late = new Date(now.at + 31 * 86_400_000).toISOString()
  const cases: [string, unknown, number][] = [
    ['no body', undefined, 400],
    ['no JSON', '{', 400],
    ['a list', [], 400],
    ['a name twice', `{"kind":"once",${JSON.stringify(given(demand)).slice(1)}`, 400],
    ['too large', { ...given(demand), client: 'x'.repeat(70_000) }, 400],
    ['more', { ...given(demand), more: 1 }, 400],
    ['a prototype', `{"__proto__":{},${JSON.stringify(given(demand)).slice(1)}`, 400],
    ['no kind', { ...given(demand), kind: 'twice' }, 400],
    ['no contract', { ...given(demand), contract: '../x' }, 400],
    ['no client', { ...given(demand), client: 'DEV' }, 400],
    ['a client with control characters', { ...given(demand), client: 'DEV:GOV:5678:\u0000' }, 400],
    ['no text', { ...given(demand), shown: { language: 'et' } }, 400],
    ['no language', { ...given(demand), shown: { language: '<b>', textHash: HASH } }, 400],
    ['for too long', { ...given(demand), validUntil: late }, 400],
    ['for the past', { ...given(demand), validUntil: inDays(now.at, -1) }, 400],
    ['a day that is none', { ...given(demand), validUntil: '2026-13-45T00:00:00Z' }, 400],
    ['another contract', { ...given(demand), contract: randomUUID() }, 404],
    ['another client', { ...given(demand), client: 'DEV:GOV:5678:other' }, 404],
    ['another demand', { ...given(demand), demand: HASH }, 409],
    ['a token that is none', { ...given(demand), token: 'x' }, 400],
    ['a token of nobody', { ...given(demand), token: 'x'.repeat(43) }, 404],
    ['a proof that is none', { ...given(demand), proof: 'x' }, 400],
    [
      'a proof that nobody asked for',
      { ...given(demand), proof: { askedAt: inDays(now.at, 0), presentation: {} } },
      400,
    ],
  ]
  for (const [what, body, status] of cases)
    t.equal((await ask('POST /v1/consents', { body })).status, status, what)
  t.equal((await ask('POST /v1/consents', { body: given(demand), userId: '' })).status, 400, 'nobody')
  t.equal((await ask('POST /v1/consents', { body: given(demand), userId: 'LVP1' })).status, 400)
  const itself = { body: given(demand), client: { ...CLIENT, subsystemCode: 'x' } }
  t.equal((await ask('POST /v1/consents', itself)).status, 403, 'the member that gets the data')
  for (const line of [
    'DELETE /v1/consents',
    'GET /v1',
    'GET /v1/consents/x',
    'GET /constructor',
    'GET /v1/asked/x',
  ])
    t.equal((await ask(line)).status, 404, line)
  t.equal((await ask('GET /v1/consents?cursor=x')).status, 400)
  t.equal((await ask('GET /v1/consents?userCode=EEP1&userCode=EEP1')).status, 400)
  const wallet = { ...content, consent: { ...content.consent!, proof: 'wallet' as const } }
  contracts[0] = { content: wallet, joined: [] }
  const byWallet = demandIn(await ask('GET /v1/demands'))
  t.equal((await ask('POST /v1/consents', { body: given(byWallet) })).status, 403, 'a login is no wallet')
  contracts.length = 0
  t.equal((await ask('POST /v1/consents', { body: given(demand) })).status, 404, 'the contract has ended')
  contracts[0] = { content, joined: [] }
  t.equal((await rooms.store.counts('DEV/GOV/1234/population', '')).length, 0)
})

t.test('a consumer asks; the url serves the one person, once', async (t) => {
  const { ask } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands'))
  const asking = { contract: content.contract, userCode: 'EEP1', returnUrl: 'https://tax.example/back' }
  const made = await ask('POST /v1/requests', { body: asking, client: CLIENT, userId: '' })
  t.equal(made.status, 201)
  const { request, url, state } = made.body as ConsentRequestMade
  t.equal(state, 'REQUESTED')
  const token = url.replace('https://portal.example/asked/DEV/GOV/1234/population/', '')
  t.match(token, /^[\w-]{43}$/)
  t.equal((await ask(`GET /v1/asked/${token}`, { userId: 'EEP2' })).status, 404, 'another person')
  t.match((await ask(`GET /v1/asked/${token}`)).body, {
    client: { id: TAX },
    returnUrl: asking.returnUrl,
    demand,
  })
  t.equal((await ask(`GET /v1/requests/${request}`)).status, 404, 'another client')
  t.equal((await ask('POST /v1/consents', { body: given(demand, { token }) })).status, 201)
  t.equal((await ask('POST /v1/consents', { body: given(demand, { token }) })).status, 409, 'once')
  t.equal((await ask(`GET /v1/asked/${token}`)).status, 409)
  const told = await ask(`GET /v1/requests/${request}`, { client: CLIENT, userId: '' })
  t.match(told.body, { state: 'GIVEN', consent: { state: 'ACTIVE' } })
  const other = (await ask('POST /v1/requests', { body: asking, client: CLIENT })).body as ConsentRequestMade
  const second = other.url.slice(-43)
  t.match((await ask(`POST /v1/asked/${second}/decline`)).body, { state: 'DECLINED' })
  const third = (await ask('POST /v1/requests', { body: asking, client: CLIENT })).body as ConsentRequestMade
  now.at += 8 * 86_400_000
  t.match((await ask(`GET /v1/requests/${third.request}`, { client: CLIENT })).body, { state: 'EXPIRED' })
  t.equal((await ask('POST /v1/requests', { body: asking, client: OWN })).status, 404, 'no party')
  for (const bad of [
    { userCode: 'LV1' },
    { returnUrl: 'http://tax.example' },
    { returnUrl: 'https://u:p@tax.example' },
    { returnUrl: 'javascript:alert(1)' },
  ])
    t.equal((await ask('POST /v1/requests', { body: { ...asking, ...bad }, client: CLIENT })).status, 400)
})

t.test('at two servers: none is asked for where the contract does not say who keeps them', async (t) => {
  const { ask, rooms } = await openConsents(t, world)
  const demand = demandIn(await ask('GET /v1/demands'))
  const { number } = (await ask('POST /v1/consents', { body: given(demand) })).body as Consent
  const second = { ...SERVER, serverCode: 'second' }
  servers.push({ id: second })
  t.teardown(() => servers.pop())
  t.same((await ask('GET /v1/demands')).body, { demands: [] })
  t.equal((await ask('POST /v1/consents', { body: given(demand) })).status, 404)
  const place = { subsystem: 'DEV/GOV/1234/population', rule: content.consent! }
  const refuse = (keptAt?: string) => () =>
    refuseKeptElsewhere({ ...place, rule: keptAt === undefined ? {} : { keptAt } }, rooms, 'consent_unknown')
  t.throws(refuse(), { code: 'consent_unknown', what: /several security servers.*second/ })
  t.throws(refuse('DEV/GOV/1/third'), { code: 'consent_unknown', what: /none is DEV\/GOV\/1\/third/ })
  t.throws(refuse(idText(second)), { code: 'consent_unknown', what: /kept at .*second/ })
  t.doesNotThrow(refuse(idText(SERVER)))
  t.equal((await ask(`GET /v1/consents/${number}`)).status, 200)
  t.equal((await ask(`POST /v1/consents/${number}/withdraw`)).status, 200, 'what there is can be withdrawn')
  contracts[0] = {
    content: { ...content, consent: { ...content.consent!, keptAt: idText(second) } },
    joined: [],
  }
  t.teardown(() => {
    contracts[0] = { content, joined: [] }
  })
  const there = demandIn(await ask('GET /v1/demands'))
  t.not(there.demand, demand.demand, 'where they are kept is part of what is asked')
  const refusal = { status: 409, body: { message: /second: name it in X-Road-Security-Server/ } }
  t.match(await ask('POST /v1/consents', { body: given(there) }), refusal)
  const asking = { contract: content.contract, userCode: 'EEP1', returnUrl: 'https://tax.example/back' }
  t.match(await ask('POST /v1/requests', { body: asking, client: CLIENT }), refusal)
  t.match((await ask('GET /v1/consents')).body, { elsewhere: [idText(second)] })
})

t.test('what was withdrawn is held no more, also when the answer of the database is lost', async (t) => {
  const own = { person: 'person', subsystem: 'DEV/GOV/1234/population', representative: undefined }
  const ended: string[][] = []
  const rooms = {
    clock: () => NOW,
    store: { byNumber: async () => own, withdraw: () => Promise.reject(new Error('connection lost')) },
    taking: { changed: (numbers: string[]) => ended.push(numbers) },
  }
  await t.rejects(withdrawConsent(own, 'C-1', 1, rooms as never), { message: 'connection lost' })
  t.same(ended, [['C-1']])
})
