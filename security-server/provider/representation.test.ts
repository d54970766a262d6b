/**
 * A represented party on the provider's side, in both protocols: what each check of a contract lets pass, and
 * what the record proves.
 */
import { createHash, randomUUID } from 'node:crypto'
import type http from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import { writeSoap } from '#core/transport/write-soap.ts'
import type { Representation } from '#schemas/contract.ts'
import { Fault } from '#schemas/fault.ts'
import { memberOf } from '#schemas/identifiers.ts'
import { startMandateServices } from '#test/fakes/mandate-services.ts'
import { until } from '#test/until.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { soap } from '../message/soap.ts'
import { bodyOf, SS2, TAX } from '../peer/peer-fixture.ts'
import { createMessageSigner } from '../peer/sign-message.ts'
import { writeMessage } from '../peer/write-message.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import { createMandateServices } from './mandate-services/mandate-services.ts'
import type { Arrival } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'
import { createServicePlaces } from './service-places.ts'

const made = await createProviderWorld(t)
const fake = await startMandateServices(t)
const { world, log, system } = made
const ORACLE = 'EE/GOV/70006317/volitused/oraakel'
const mandateServices = await createMandateServices({
  settings: [
    { name: ORACLE, kind: 'paasuke', url: `${fake.url}/oraakel/`, country: 'EE', timeoutSeconds: 30 },
  ],
  ...{ server: SS2, clock: () => Date.now() },
})
t.teardown(() => mandateServices.close())
const asks = (more: object = {}): Representation => ({
  ...{ check: 'mandateService', service: ORACLE, delegate: 'user', roles: ['EMTA:FILER', 'STAT:*'] },
  ...more,
})
const under = (
  representation: Representation | undefined,
  more: Partial<ProviderRooms> = {},
): ProviderRooms => {
  const terms: RecordTerms = {
    contract: 'c0ffee/2',
    ...(representation !== undefined && { representation }),
  }
  const contracts = { contractFor: () => terms, termsOfRefused: () => terms }
  return { ...made.rooms, contracts, mandateServices, ...more }
}

const sign = createMessageSigner({ keys: world.consumer.keys, clock: world.clock })
/** A SOAP request; `change` changes its text before it is signed. */
async function asSoap(
  fields: { party?: string; userId?: string },
  change: (text: string) => string = (same) => same,
): Promise<Arrival> {
  const id = randomUUID()
  const [memberClass, memberCode = ''] = fields.party?.split('/') ?? []
  const representedParty =
    fields.party === undefined ? undefined : { memberClass: memberClass || undefined, memberCode }
  const text = writeSoap(
    { client: TAX, service: made.service.id, id, userId: fields.userId, representedParty },
    '<p:persons xmlns:p="urn:p">1</p:persons>',
  )
  const message = Buffer.from(change(text))
  const { signature } = await sign(memberOf(TAX), {
    messageSha512: createHash('sha512').update(message).digest(),
    body: undefined,
  })
  const { certificate, intermediates, ocspResponses } = world.consumer.keys.authenticationIdentity()
  const part = { contentType: 'text/xml; charset=UTF-8', headers: [] }
  const written = writeMessage({ codec: soap, part, ocspResponses, message, body: undefined, signature })
  const sent = written.content()
  return {
    headers: {
      'content-type': written.contentType,
      'x-hash-algorithm': 'SHA-512',
      'x-proxy-version': '7.8.1',
      'x-road-request-id': id,
      'x-original-content-type': 'text/xml; charset=UTF-8',
    },
    content: Buffer.isBuffer(sent) ? Readable.from([sent], { objectMode: false }) : sent,
    presented: [certificate, ...intermediates],
    protocol: 'TLSv1.3',
  }
}
const asRest = ({ party, userId }: { party?: string; userId?: string }): Promise<Arrival> =>
  made.ask({
    headers: [
      ...(party === undefined ? [] : ['X-Road-Represented-Party', party]),
      ...(userId === undefined ? [] : ['X-Road-UserId', userId]),
    ],
  })
const rest = { type: 'OPENAPI', ask: asRest } as const
const both = [rest, { type: 'WSDL', ask: asSoap }] as const

system.answer = (request, response) => {
  request.resume()
  if (made.service.type !== 'WSDL') return response.end('an answer')
  response.setHeader('Content-Type', 'text/xml')
  const { id } = log.records.at(-1)!.ids
  return response.end(
    writeSoap({ client: TAX, service: made.service.id, id, ...said }, '<p:personsResponse xmlns:p="urn:p"/>'),
  )
}
/** What a SOAP answer has to repeat. */
let said: { userId?: string; representedParty?: { memberClass?: string; memberCode: string } } = {}

t.beforeEach(() => {
  log.records.length = 0
  system.calls.length = 0
  Object.assign(fake, { mandates: [], people: new Map(), asked: [], spoil: undefined })
})

/** The record of the request that was carried out. */
async function passed(arrival: Arrival, rooms: ProviderRooms): Promise<Record<string, string>> {
  const { content } = await exchange(arrival, rooms)
  if (!Buffer.isBuffer(content)) content.destroy()
  return log.records.find(({ kind, outcome }) => kind === 'request' && outcome === '')!.extra!
}
const refused = async (arrival: Arrival, rooms: ProviderRooms): Promise<Fault> => {
  const { length } = system.calls
  const { fault } = await refusalIn(made, exchange(arrival, rooms))
  if (system.calls.length !== length) throw new Error('the system heard of it')
  return fault
}
const PEOPLE = { party: 'COM/10391131', userId: 'EE38302250123' }
function grant(role: string, validityPeriod?: { from?: string | null; through?: string | null }): void {
  fake.people.set('EE10391131', 'LEGAL_PERSON').set('EE38302250123', 'NATURAL_PERSON')
  fake.mandates.push({
    ...{ representee: 'EE10391131', delegate: 'EE38302250123', role },
    ...(validityPeriod && { validityPeriod }),
  })
}

t.test('each check in both protocols', async (t) => {
  for (const { type, ask } of both) {
    Object.assign(made.service, { type })
    said = { representedParty: { memberClass: 'COM', memberCode: '10391131' }, userId: PEOPLE.userId }
    const named = { representedParty: PEOPLE.party, userId: PEOPLE.userId }
    for (const rule of [undefined, { check: 'asserted' }] as const) {
      log.records.length = 0
      const extra = await passed(await ask(PEOPLE), under(rule))
      t.match(extra, { ...named, representation: 'asserted' }, `${type}, nothing asked`)
      t.equal(extra['representationBy'], undefined)
    }
    t.match(await refused(await ask(PEOPLE), under({ check: 'none' })), {
      ...{ code: 'representation_refused', what: /c0ffee\/2/ },
    })
    t.strictSame(log.told().slice(-2), ['request:representation_refused', 'refusal:representation_refused'])

    const listedAt = '2026-11-29T05:00:00.000Z'
    const questions: object[] = []
    const hostingMandateFor: ProviderRooms['hostingMandateFor'] = (q) => {
      questions.push(q)
      return q.client === 'DEV/COM/10391131' ? { id: 12, listedAt } : undefined
    }
    const hosted = under({ check: 'hostingMandate' }, { hostingMandateFor })
    log.records.length = 0
    t.match(await passed(await ask(PEOPLE), hosted), {
      ...{ ...named, representation: 'checked', representationBy: 'hosting mandate' },
      ...{ representationId: '12', representationAt: listedAt },
    })
    t.match(questions[0], { host: 'DEV/GOV/1000', client: 'DEV/COM/10391131' })
    for (const party of ['COM/10391132', 'GOV/10391131', '/10391131'])
      t.match(
        await refused(await ask({ party: type === 'OPENAPI' ? party.replace(/^\//, '') : party }), hosted),
        { code: 'representation_refused' },
        party,
      )
    const outdated = (): never => {
      throw new Fault('contracts_outdated')
    }
    const silent = under({ check: 'hostingMandate' }, { hostingMandateFor: outdated })
    t.equal((await refused(await ask(PEOPLE), silent)).code, 'contracts_outdated')

    fake.mandates.length = 0
    t.match(await refused(await ask(PEOPLE), under(asks())), {
      code: 'representation_refused',
      what: /volitused/,
    })
    grant('EMTA:FILER')
    log.records.length = 0
    const extra = await passed(await ask(PEOPLE), under(asks()))
    t.match(extra, { ...named, representation: 'checked', representationBy: ORACLE })
    t.match(extra['representationId'], /^[0-9a-f-]{36}$/)
    const answer = JSON.stringify({
      representee: { type: 'LEGAL_PERSON', legalName: 'Väikefirma OÜ', identifier: 'EE10391131' },
      delegate: {
        ...{ type: 'NATURAL_PERSON', firstName: 'Mari', surname: 'Maasikas', identifier: 'EE38302250123' },
      },
      mandates: [{ role: 'EMTA:FILER', links: { origin: 'https://paasuke.example/' } }],
    })
    t.equal(extra['representationAnswer'], createHash('sha256').update(answer).digest('base64'))
    t.equal(new Date(extra['representationAt']!).toISOString(), extra['representationAt'])

    said = {}
    const before = fake.asked.length
    for (const rule of [{ check: 'none' }, { check: 'hostingMandate' }, asks()] as const) {
      log.records.length = 0
      t.notOk('representation' in (await passed(await ask({}), under(rule))), 'nobody is represented')
    }
    t.equal(fake.asked.length, before)
  }
})

t.test(
  'a service for people hears of a represented person, and of no organisation with the same code',
  async (t) => {
    const { url } = made.service
    Object.assign(made.service, { type: 'OPENAPI', url: 'tracker:' })
    t.teardown(() => Object.assign(made.service, { url }))
    grant('EMTA:FILER')
    const heard: unknown[] = []
    const tracker: ProviderRooms['tracker'] = {
      take: async ({ represented }) => {
        heard.push(represented)
        throw new Fault('too_many_requests')
      },
    }
    const rooms = under(asks(), { tracker })
    for (const party of ['10391131', 'COM/10391131']) await refused(await asRest({ ...PEOPLE, party }), rooms)
    t.strictSame(heard, ['10391131', undefined])
    Object.assign(made.service, { url: 'consents:' })
    const consentService: ProviderRooms['consentService'] = {
      take: async ({ mandate }) => {
        heard.push(mandate)
        throw new Fault('too_many_requests')
      },
    }
    for (const party of ['10391131', 'COM/10391131'])
      await refused(await asRest({ ...PEOPLE, party }), under(asks(), { consentService }))
    t.match(heard.slice(2), [
      { represented: '10391131', service: String, question: String, answer: String, at: String },
      undefined,
    ])
    for (const through of ['9999-12-31', '9999-12-31T23:59:59-12:00']) {
      fake.mandates.length = 0
      grant('EMTA:FILER', { through })
      await refused(await asRest({ ...PEOPLE, party: '10391131' }), under(asks(), { consentService }))
      t.match(heard.at(-1), { until: '9999-12-31T23:59:59.999Z' }, 'no year has five digits')
    }
  },
)

t.test('hostile requests', async (t) => {
  Object.assign(made.service, { type: 'OPENAPI' })
  grant('EMTA:FILER')
  const rooms = under(asks())
  t.match(
    await refused(await asRest({ party: PEOPLE.party }), rooms),
    { code: 'representation_refused' },
    'no user',
  )
  const { people, mandates } = fake
  for (const [party, userId] of [
    ['COM/..%2Fdelegates', PEOPLE.userId],
    ['COM/10391131%3Frole=X', PEOPLE.userId],
    ['COM/EE', PEOPLE.userId],
    [`COM/${'1'.repeat(65)}`, PEOPLE.userId],
    ['COM/10391131', '../../representees/EE1'],
    ['COM/10391131', 'EE38302250123/mandates?ns=X#'],
    ['COM/10391131', 'EE'],
    ['COM/10391131', ' '],
    ['COM/10391131', 'Mari Maasikas'],
  ] as const) {
    const fault = await asRest({ party, userId })
      .then((arrival) => refused(arrival, rooms))
      .catch((thrown: Fault) => thrown)
    t.match(
      fault.code,
      /^(?:representation_refused|invalid_client_identifier|invalid_header)$/,
      `${party} ${userId}`,
    )
    t.notMatch(fault.what, /Maasikas|38302250123/, 'and nobody is named')
  }
  t.equal(fake.asked.length, 0, 'none of which was asked')
  t.match(await passed(await asRest({ ...PEOPLE, userId: '38302250123' }), rooms), {
    representation: 'checked',
  })
  Object.assign(fake, { people, mandates })

  Object.assign(made.service, { type: 'WSDL' })
  const elsewhere = (namespace: string, name: string) => (text: string) =>
    text.replace(
      '<xrd:id>',
      `<x:${name} xmlns:x="${namespace}"><x:partyCode>10391131</x:partyCode></x:${name}><xrd:id>`,
    )
  for (const rule of [{ check: 'none' }, { check: 'hostingMandate' }, asks()] as const)
    for (const [namespace, name] of [
      ['http://x-road.eu/xsd/xroad.xsd', 'representedParty'],
      ['urn:other', 'representedParty'],
      ['http://x-road.eu/xsd/representation.xsd', 'RepresentedParty'],
    ] as const)
      t.equal(
        (await refused(await asSoap({ userId: PEOPLE.userId }, elsewhere(namespace, name)), under(rule)))
          .code,
        'representation_refused',
        `${rule.check} ${namespace} ${name}`,
      )
  const twice = (text: string) => text.replace(/<rep:representedParty>.*<\/rep:representedParty>/, '$&$&')
  t.equal((await refused(await asSoap(PEOPLE, twice), rooms)).code, 'duplicate_header_field')
  const nobody = (text: string) => text.replace(/<rep:partyCode>[^<]*/, '<rep:partyCode>')
  t.equal((await refused(await asSoap(PEOPLE, nobody), rooms)).code, 'invalid_client_identifier')
})

t.test('a call that waited for its place asks again', async (t) => {
  Object.assign(made.service, { type: 'OPENAPI' })
  const service = { ...made.service }
  const { answer } = system
  made.service = { ...service, maxConcurrentCalls: 1 }
  t.teardown(() => Object.assign(made, { service }) && Object.assign(system, { answer }))
  grant('EMTA:FILER')
  const held: http.ServerResponse[] = []
  system.answer = (request, response) => {
    request.resume()
    held.push(response)
  }
  // It does not give up, however busy the machine is.
  const servicePlaces = createServicePlaces({ waitMs: 60_000 })
  const rooms = under(asks(), { servicePlaces })
  const first = exchange(await asRest({}), rooms)
  await until('the first call', (saw) => saw(held.length) === 1)
  let taken = 0
  const contractQuotas = { take: () => Promise.resolve(() => void taken--) }
  const body = await bodyOf(world, Buffer.from('x'))
  const headers = ['X-Road-Represented-Party', PEOPLE.party, 'X-Road-UserId', PEOPLE.userId]
  const second = refusalIn(
    made,
    exchange(await made.ask({ method: 'POST', headers, body }), { ...rooms, contractQuotas }),
  )
  await until('one that waits', (saw) => saw(servicePlaces.waiting()) === 1)
  fake.mandates.length = 0
  held[0]!.end()
  t.equal((await second).fault.code, 'representation_refused', 'its mandate was withdrawn while it waited')
  t.equal(taken, -1, 'and its quota is given back')
  const { content } = await first
  if (!Buffer.isBuffer(content)) content.destroy()
  t.equal(held.length, 1)
})

t.test('a mandate service that cannot be asked', async (t) => {
  Object.assign(made.service, { type: 'OPENAPI' })
  grant('EMTA:FILER')
  fake.spoil = (response) => void response.socket?.destroy()
  const fault = await refused(await asRest(PEOPLE), under(asks()))
  t.match(fault, {
    code: 'mandate_service_unavailable',
    status: 503,
    what: /^EE\/GOV\/70006317\/volitused\/oraakel: /,
  })
  t.match(fault.message, /nothing was carried out/)
  t.strictSame(log.told(), ['request:mandate_service_unavailable', 'refusal:mandate_service_unavailable'])
  t.notOk('representation' in log.records[0]!.extra!, 'nobody judged it')
  fake.spoil = undefined
  t.match(await passed(await asRest(PEOPLE), under(asks())), { representation: 'checked' }, 'and then it can')
  const none = under(asks({ service: 'nobody/knows' }))
  t.match(await refused(await asRest(PEOPLE), none), {
    code: 'mandate_service_unavailable',
    what: /settings/,
  })
})
