/**
 * The consent of the person whom a call is about, on the provider's side: whom a request names, what is
 * refused, recorded and given back.
 */
import { randomUUID } from 'node:crypto'
import t from 'tap'
import type { SubjectPlace } from '#core/subject/place.ts'
import { writeSoap } from '#core/transport/write-soap.ts'
import { Fault } from '#schemas/fault.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import type { ConsentQuestion } from '../peer/consents.ts'
import { bodyOf, TAX } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'
import type { Arrival } from './receive.ts'
import type { ProviderRooms } from './rooms.ts'
import { inSoap } from './soap-fixture.ts'

const made = await createProviderWorld(t)
const { world, log, system } = made
const asked: ConsentQuestion[] = []
let back = 0
let fails: Fault | undefined
const consents: ProviderRooms['consents'] = {
  take: async (q) => {
    asked.push(q)
    if (fails !== undefined) throw fails
    return { number: 'n-1', digest: 'd-1', giveBack: async () => void back++ }
  },
}
const place = (more: Partial<SubjectPlace>): SubjectPlace => ({
  ...{ method: '*', path: '**', in: 'path', name: 'id', type: 'personal-code' },
  ...more,
})
const ID = { path: '/persons/{id}' }
const under = (places: SubjectPlace[], more: Partial<ProviderRooms> = {}): ProviderRooms => {
  const rule = {
    proof: 'login',
    kinds: ['standing'],
    maxDays: 1,
    dataLife: { unit: 'day', value: 1 },
  } as const
  const consent = { contract: 'c0ffee', demand: 'dd', rule: { ...rule, kinds: [...rule.kinds] }, places }
  const terms: RecordTerms = { contract: 'c0ffee/2', consent }
  return {
    ...made.rooms,
    contracts: { contractFor: () => terms, termsOfRefused: () => terms },
    consents,
    ...more,
  }
}
const at = (path: string, more: object = {}) =>
  made.ask({ target: `/r1/DEV/GOV/2000/population/persons${path}`, ...more })

t.beforeEach(() => {
  log.records.length = 0
  system.calls.length = 0
  asked.length = 0
  back = 0
  fails = undefined
})

async function passed(arrival: Arrival, rooms: ProviderRooms): Promise<Record<string, string>> {
  const { content } = await exchange(arrival, rooms)
  if (!Buffer.isBuffer(content)) content.destroy()
  return log.records.find(({ kind, outcome }) => kind === 'request' && outcome === '')!.extra!
}
async function refused(arrival: Arrival, rooms: ProviderRooms): Promise<string> {
  const { length } = system.calls
  const { fault } = await refusalIn(made, exchange(arrival, rooms))
  if (system.calls.length !== length) throw new Error('the system heard of it')
  return fault.code
}

/** SOAP, with one element of the body. */
const soapOf = (content: string, userId?: string): Promise<Arrival> =>
  inSoap(made, { client: TAX, service: made.service.id, content, userId })

t.test('the consent is asked for of the person in the request, and stands in its record', async (t) => {
  const cases: [SubjectPlace, () => Promise<Arrival>][] = [
    [place({ in: 'path', ...ID }), () => at('/persons/p-1')],
    [place({ in: 'query' }), () => at('/persons?id=P1&x=2')],
    [place({ in: 'header', name: 'x-person' }), () => at('/persons', { headers: ['X-Person', 'P1'] })],
    [
      place({ in: 'body', name: '/person/code' }),
      async () =>
        at('/persons', { method: 'POST', body: await bodyOf(world, '{"person":{"code":"P1"},"code":"x"}') }),
    ],
  ]
  for (const [one, arrival] of cases) {
    t.match(await passed(await arrival(), under([one])), { consent: 'n-1', consentDigest: 'd-1' }, one.in)
    const { person, client, terms } = asked.at(-1)!
    t.same(person, { type: 'personal-code', identifier: 'P1' }, one.in)
    t.match({ client, terms }, { client: 'DEV/GOV/1000/tax', terms: { demand: 'dd' } })
    log.records.length = 0
  }
  t.equal(back, 0)
})

t.test('SOAP', async (t) => {
  Object.assign(made.service, { type: 'WSDL' })
  t.teardown(() => Object.assign(made.service, { type: 'OPENAPI' }))
  const answers = system.answer
  t.teardown(() => {
    system.answer = answers
  })
  system.answer = (request, response) => {
    request.resume()
    const { id } = log.records.at(-1)!.ids
    response.setHeader('Content-Type', 'text/xml')
    response.end(
      writeSoap({ client: TAX, service: made.service.id, id }, '<p:personsResponse xmlns:p="urn:p"/>'),
    )
  }
  const rooms = under([place({ in: 'body', name: '/persons/code' })])
  const body = (text: string) => soapOf(`<p:persons xmlns:p="urn:p">${text}</p:persons>`)
  t.match(await passed(await body('<p:code>P1</p:code>'), rooms), { consent: 'n-1' })
  t.equal(asked.at(-1)!.person.identifier, 'P1')
  for (const text of [
    '',
    '<p:code>P1</p:code><p:code>P2</p:code>',
    '<p:code>P1</p:code><p:Code>P2</p:Code>',
    '<p:code>P1</p:code><x:code xmlns:x="u">P2</x:code>',
  ])
    t.equal(await refused(await body(text), rooms), 'consent_missing', text)
})

t.test('nobody is asked of whom nobody knows for sure', async (t) => {
  const inBody = under([place({ in: 'body', name: '/id' })])
  const post = async (text: string | Buffer, headers: string[] = []) =>
    at('/persons', { method: 'POST', headers, body: await bodyOf(world, text) })
  const cases: [string, Arrival, ProviderRooms][] = [
    ['another path', await at('/people/P1'), under([place(ID)])],
    ['an empty segment', await at('/persons/%20'), under([place(ID)])],
    ['no query', await at('/persons'), under([place({ in: 'query' })])],
    ['two in the query', await at('/persons?id=P1&id=P2'), under([place({ in: 'query' })])],
    ...(await Promise.all(
      [
        'ID=P2&id=P1',
        'x=1;id=P2&id=P1',
        'id[]=P2&id=P1',
        'id[0]=P2&id=P1',
        '+id=P2&id=P1',
        'id%00=P2&id=P1',
      ].map(
        async (query): Promise<[string, Arrival, ProviderRooms]> => [
          ...([query, await at(`/persons?${query}`), under([place({ in: 'query' })])] as const),
        ],
      ),
    )),
    [
      'a parameter that some read alike',
      await at('/persons?person_code=P2&person.code=P1'),
      under([place({ in: 'query', name: 'person.code' })]),
    ],
    [
      'a header that some read alike',
      await at('/persons', { headers: ['X-Person', 'P1', 'X_Person', 'P2'] }),
      under([place({ in: 'header', name: 'x-person' })]),
    ],
    [
      'a header twice',
      await at('/persons', { headers: ['Id', 'P1', 'Id', 'P2'] }),
      under([place({ in: 'header' })]),
    ],
    ['no body', await at('/persons'), inBody],
    ['no JSON', await post('id=P1'), inBody],
    ['not UTF-8', await post(Buffer.from([0x7b, 0xff, 0x7d])), inBody],
    ['another field', await post('{"ID":"P1"}'), inBody],
    ['no text', await post('{"id":{"a":"P1"}}'), inBody],
    ['many people', await post('{"id":["P1","P2"]}'), inBody],
    ['a name twice', await post('{"id":"P2","id":"P1"}'), inBody],
    ['a name twice, one with an escape', await post('{"\\u0069d":"P2","id":"P1"}'), inBody],
    ['a name that some read alike', await post('{"id":"P1","ID":"P2"}'), inBody],
    ['a letter that some read alike', await post('{"id":"P1","\uff49d":"P2"}'), inBody],
    ...(await Promise.all(
      [
        '{"p":{"id":"P1"},"P":{"id":"P2"}}',
        '{"p":{"id":"P1","Id":"P2"}}',
        '{"p":{"id":"P1"},"p_id":"P2"}',
        '{"p":[{"id":"P1"},{"ID":"P2"}]}',
        '{"p":[{"id":"P1","id[]":"P2"}]}',
      ].map(
        async (text): Promise<[string, Arrival, ProviderRooms]> => [
          ...([text, await post(text), under([place({ in: 'body', name: '/p/id' })])] as const),
        ],
      ),
    )),
    ['too deep', await post(`{"id":"P1","x":${'['.repeat(9999)}${']'.repeat(9999)}}`), inBody],
    ['another coding', await post('{"id":"P1"}', ['Content-Encoding', 'zstd']), inBody],
    [
      'two codings',
      await post('{"id":"P1"}', ['Content-Encoding', 'gzip', 'Content-Encoding', 'identity']),
      inBody,
    ],
  ]
  for (const [what, arrival, rooms] of cases) t.equal(await refused(arrival, rooms), 'consent_missing', what)
  t.same(asked, [])
  t.equal(log.told().filter((one) => one === 'refusal:consent_missing').length, cases.length, 'all on record')
})

t.test('what was not carried out gives the consent back; what may have been does not', async (t) => {
  const rooms = under([place(ID)])
  for (const code of ['consent_missing', 'consent_ended', 'consent_used_up', 'consent_unknown'] as const) {
    fails = new Fault(code)
    t.equal(await refused(await at('/persons/P1'), rooms), code)
  }
  fails = undefined
  t.equal(back, 0, 'nothing was taken')
  const requestId = randomUUID()
  await passed(await at('/persons/P1', { requestId }), rooms)
  t.equal(await refused(await at('/persons/P1', { requestId }), rooms), 'replayed_request')
  t.equal(back, 1, 'a replay uses up nothing')
  log.fail = () => new Fault('logging_failed')
  t.equal(await refused(await at('/persons/P1'), rooms), 'logging_failed')
  log.fail = undefined
  t.equal(back, 2)
  const { url } = made.service
  Object.assign(made.service, { url: 'http://127.0.0.1:1/' })
  t.equal(await refused(await at('/persons/P1'), rooms), 'service_failed')
  Object.assign(made.service, { url })
  t.equal(back, 3, 'the system was not reached')
  const answers = system.answer
  system.answer = (request) => request.destroy()
  const { fault } = await refusalIn(made, exchange(await at('/persons/P1'), rooms))
  system.answer = answers
  t.equal(fault.code, 'service_failed')
  t.equal(back, 3, 'the system was reached')
})
