/**
 * The operations with a consumer's half that a test plays, and descriptions that anybody may have written.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import type { OperationInput } from '#platform/http-service/openapi.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { describe } from './describe.ts'
import { tryOutHandlers } from './handlers.ts'
import type { SentAnswer, SentRequest } from './needs.ts'

const CLIENT = 'DEV:GOV:1002:tax'
const PROVIDER = 'DEV:GOV:1001:population'
const caller = { kind: 'person', id: '17', name: 'Mari', roles: [] } as const

let sent: SentRequest[] = []
let kept: object[] = []
let answer: (request: SentRequest) => SentAnswer
let isBeforeFirstCall = false
const own = new Map([['DEV/GOV/1002/archive', {}]])
const handlers = tryOutHandlers({
  server: parseServerId('DEV/GOV/1002/ss'),
  clock: () => 0,
  settings: { tryOuts: { clients: ['DEV/GOV/1002/tax'] } },
  globalConfiguration: {
    current: () =>
      ({ indexes: () => [], indexFor: () => ({ memberName: () => 'Population Agency' }) }) as never,
  },
  contracts: { view: () => ({ asOf: undefined, required: true, refused: [], contracts: kept }) as never },
  localSystems: { view: () => ({ clients: own }) as never },
  isBeforeFirstCall: async () => isBeforeFirstCall,
  sendForOperator: async (request) => {
    sent.push(request)
    return answer(request)
  },
})
const ask = (id: string, body: object = {}) =>
  handlers[id]!({ params: {}, query: {}, body, caller: { ...caller, roles: [] } } satisfies OperationInput)

const answered = (text: string | Buffer, type = 'application/json', status = 200): SentAnswer => {
  const bytes = Buffer.from(text)
  const body = { size: bytes.length, bytes, open: () => assert() }
  return { status, headers: [['Content-Type', type]], body, index: 42 }
}
const assert = (): never => {
  throw new Error('bytes in memory are not opened')
}
const call = {
  client: CLIENT,
  provider: PROVIDER,
  serviceCode: 'persons',
  method: 'GET',
  protocol: 'REST',
  path: '/persons/P1',
  case: 'case 5',
}

t.beforeEach(() => {
  sent = []
  kept = []
  answer = () => answered('{"code":"P1"}')
})

t.test('only as a client that the settings name', async (t) => {
  t.strictSame(await ask('getTryOuts'), { clients: [CLIENT], providers: [] })
  const other = { ...call, client: 'DEV:GOV:1002:other', type: 'OPENAPI' }
  for (const id of ['tryService', 'findTryOutServices', 'describeTryOut'])
    await t.rejects(ask(id, other), { code: 'no_try_outs', status: 403 }, id)
  t.strictSame(sent, [], 'nothing left')
})

t.test('before the first answered call, a server may be tried with itself', async (t) => {
  const itself = { ...call, client: 'DEV:GOV:1002:archive', provider: 'DEV:GOV:1002:archive' }
  await t.rejects(ask('tryService', itself), { code: 'no_try_outs' }, 'not after it')
  isBeforeFirstCall = true
  t.teardown(() => {
    isBeforeFirstCall = false
  })
  t.match(await ask('tryService', itself), { outcome: 'ANSWERED' })
  for (const one of [
    { ...itself, provider: PROVIDER },
    { ...itself, client: 'DEV:GOV:1002:other' },
  ])
    await t.rejects(ask('tryService', one), { code: 'no_try_outs' }, 'no service of others, as nobody else')
  t.equal(sent.length, 1)
})

t.test('a call names its caller and its case', async (t) => {
  const headers = [{ name: 'Accept', value: 'text/plain' }]
  const query = [
    { name: 'a b', value: 'ü&=' },
    { name: 'a b', value: '2' },
  ]
  const shown = await ask('tryService', { ...call, query, headers })
  t.match(shown, {
    outcome: 'ANSWERED',
    ...{ status: 200, record: 42, id: /^DEV-try-out-/ },
    body: { size: 13, text: '{"code":"P1"}', encoding: 'text', isCut: false },
  })
  t.equal(sent[0]?.url, '/r1/DEV/GOV/1001/population/persons/persons/P1?a%20b=%C3%BC%26%3D&a%20b=2')
  t.strictSame(Object.fromEntries(sent[0]!.headers), {
    'X-Road-Client': 'DEV/GOV/1002/tax',
    'X-Road-Id': (shown as { id: string }).id,
    'X-Road-UserId': 'person:17',
    'X-Road-Issue': 'case 5',
    Accept: 'text/plain',
  })
  for (const name of [
    'X-Road-UserId',
    'x-road-client',
    'Content-Length',
    'Transfer-Encoding',
    'Host',
    'X-Concordat-A',
  ])
    await t.rejects(
      ask('tryService', { ...call, headers: [{ name, value: 'x' }] }),
      { code: 'invalid_input' },
      name,
    )
  await ask('tryService', {
    ...call,
    method: 'POST',
    content: '{}',
    contentType: 'application/merge-patch+json',
  })
  t.match(sent.at(-1)?.headers.at(-1), ['Content-Type', 'application/merge-patch+json'])
  t.equal(sent.at(-1)?.body?.toString(), '{}')
})

t.test('a refusal is shown as a system would get it; our own mistake is none', async (t) => {
  answer = () => {
    throw new Fault('unknown_member', { what: 'x' })
  }
  const refused = await ask('tryService', call)
  t.match(refused, {
    outcome: 'REFUSED',
    fault: { type: /unknown_member$/, message: /./, detail: /./ },
    id: /try-out/,
  })
  answer = () => {
    throw new TypeError('no fault')
  }
  await t.rejects(ask('tryService', call), { code: 'internal_error' })
})

t.test('an answer is shown up to a bound, as text or in base64', async (t) => {
  type Shown = { body: { text: string; encoding: string; isCut: boolean; size: number } }
  answer = () => answered(`${'a'.repeat(256 * 1024 - 1)}üü`, 'text/plain')
  const { body } = (await ask('tryService', call)) as Shown
  t.match(body, { encoding: 'text', isCut: true, size: 256 * 1024 + 3 })
  t.equal(body.text.length, 256 * 1024 - 1, 'no half character')
  answer = () => answered(Buffer.from([0xff, 0xfe, 0]), 'image/png')
  t.match(await ask('tryService', call), { body: { encoding: 'base64', text: '//4A', isCut: false } })
  answer = () => ({ status: 204, headers: [], body: undefined, index: 1 })
  t.match(await ask('tryService', call), { status: 204, body: { size: 0, text: '', encoding: 'text' } })
})

t.test('a SOAP call has its element in a document of ours', async (t) => {
  const element = '<p:getPerson xmlns:p="urn:p"><p:code>P1</p:code></p:getPerson>'
  await ask('tryService', {
    ...call,
    protocol: 'SOAP',
    method: 'POST',
    serviceVersion: 'v1',
    content: element,
  })
  const text = sent[0]!.body!.toString()
  t.match(text, /<xrd:userId>person:17<\/xrd:userId><xrd:issue>case 5<\/xrd:issue>/)
  t.match(text, `<SOAP-ENV:Body>${element}</SOAP-ENV:Body>`)
  t.match(text, /<id:serviceCode>persons<\/id:serviceCode><id:serviceVersion>v1</)
})

const soapAnswer = (content: string) =>
  `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><r>${content}</r></e:Body></e:Envelope>`

t.test('what a provider offers, of both protocols', async (t) => {
  const listed = '<service><serviceCode>getPerson</serviceCode><serviceVersion>v1</serviceVersion></service>'
  const persons = { service_code: 'persons', service_type: 'OPENAPI' }
  const other = '<service><serviceCode>persons</serviceCode></service>'
  answer = ({ protocol, url, body }) => {
    const isAll = protocol === 'SOAP' ? body?.includes('<xrd:listMethods ') : url.endsWith('/listMethods')
    if (protocol === 'SOAP') return answered(soapAnswer(isAll ? listed + other : listed), 'text/xml')
    return answered(JSON.stringify({ service: isAll ? [{ service_code: 'plain' }, persons] : [persons] }))
  }
  const found = (await ask('findTryOutServices', call)) as { services: object[] }
  t.strictSame(found.services, [
    { serviceCode: 'persons', type: 'OPENAPI', allowed: true },
    { serviceCode: 'getPerson', serviceVersion: 'v1', type: 'WSDL', allowed: true },
    { serviceCode: 'plain', type: 'REST', allowed: false },
    { serviceCode: 'persons', type: 'WSDL', allowed: false },
  ])
  t.strictSame(
    sent.map(({ url }) => url),
    ['/r1/DEV/GOV/1001/population/allowedMethods', '/', '/r1/DEV/GOV/1001/population/listMethods', '/'],
  )
  for (const [text, status] of [
    ['{}', 200],
    ['[', 200],
    ['{"service":[{}]}', 200],
    ['{"service":[]}', 404],
  ] as const) {
    answer = ({ protocol }) =>
      protocol === 'SOAP' ? answered(soapAnswer('')) : answered(text, 'a/b', status)
    await t.rejects(ask('findTryOutServices', call), { code: 'unreadable_metadata', status: 502 }, text)
  }
})

t.test('who can be asked for what is missing, without what is secret', async (t) => {
  answer = ({ protocol }) => (protocol === 'SOAP' ? answered(soapAnswer('')) : answered('{"service":[]}'))
  const contract = (name: string, state: string, more: object = {}) => ({
    listed: { state },
    joined: [],
    content: {
      ...{ contract: name, title: name, provider: 'DEV/GOV/1001/population' },
      ...{ consumers: { subsystems: ['DEV/GOV/1002/tax'] }, services: [{ serviceCode: 'persons' }] },
      contacts: [
        { member: 'DEV/GOV/1001', name: 'Mari', email: 'mari@population.example' },
        { member: 'DEV/GOV/1002', name: 'Toomas', email: 'toomas@tax.example' },
      ],
      ...more,
    },
  })
  kept = [
    contract('one', 'PROPOSED'),
    contract('ended', 'TERMINATED'),
    contract('of others', 'ACTIVE', { consumers: { subsystems: ['DEV/COM/1/other'] } }),
    contract('secret', 'ACTIVE', {
      secret: { visibleTo: [] },
      contacts: [{ member: 'DEV/GOV/1001', name: 'Nobody', email: 'nobody@population.example' }],
    }),
    {
      ...contract('of a group', 'ACTIVE', { consumers: { globalGroup: 'all' } }),
      joined: ['DEV/GOV/1002/tax'],
    },
  ]
  const { access } = (await ask('findTryOutServices', call)) as { access: object }
  t.strictSame(access, {
    contractsRequired: true,
    provider: { id: 'DEV:GOV:1001', name: 'Population Agency' },
    contacts: [{ name: 'Mari', email: 'mari@population.example' }],
    contracts: [
      { contract: 'one', title: 'one', state: 'PROPOSED', services: ['persons'] },
      { contract: 'of a group', title: 'of a group', state: 'ACTIVE', services: ['persons'] },
    ],
  })
})

t.test('a description becomes forms', async (t) => {
  const person = {
    type: 'object',
    required: ['code'],
    properties: {
      code: { type: 'string', pattern: '^P\\d{8}$', description: 'The code' },
      born: { type: 'string', format: 'date' },
      state: { enum: ['alive', 'dead', 1] },
      id: { type: 'integer', readOnly: true },
      parents: { type: 'array', items: { $ref: '#/components/schemas/Person' } },
    },
  }
  const document = {
    openapi: '3.0.3',
    info: { title: 'Persons', version: '1', description: 'About **persons**'.padEnd(30_000, 'x') },
    paths: {
      '/persons/{code}': {
        parameters: [
          { name: 'code', in: 'path', required: true, schema: { type: 'string' }, description: 'Whose' },
        ],
        get: {
          summary: 'One person',
          parameters: [{ name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 9 } }],
          responses: { 200: { description: 'The person' }, 404: { $ref: '#/components/responses/None' } },
        },
        put: {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Person' } } },
          },
          responses: {},
        },
      },
    },
    components: { schemas: { Person: person }, responses: { None: { description: 'Nobody' } } },
  }
  answer = () => answered(stringify(document), 'application/yaml')
  const { about, operations } = (await ask('describeTryOut', { ...call, type: 'OPENAPI' })) as Awaited<
    ReturnType<typeof describe>
  >
  t.match(about, { title: 'Persons', version: '1', description: /^About \*\*persons\*\*x/ })
  t.equal(about.description.length, 20_000, 'up to a bound')
  t.equal(sent[0]?.url, '/r1/DEV/GOV/1001/population/getOpenAPI?serviceCode=persons')
  const [get, put] = operations
  t.match(get, {
    ...{ method: 'GET', path: '/persons/{code}', summary: 'One person' },
    parameters: [
      { name: 'code', in: 'path', required: true, type: 'string', description: 'Whose' },
      { name: 'limit', in: 'query', required: false, type: 'integer', minimum: 1, maximum: 9 },
    ],
    answers: [
      { status: '200', description: 'The person' },
      { status: '404', description: 'Nobody' },
    ],
  })
  t.match(put?.body, { required: true, contentType: 'application/json' })
  const fields = put?.body?.field?.fields ?? []
  t.strictSame(
    fields.map(({ name }) => name),
    ['code', 'born', 'state', 'parents'],
    'not what is only read',
  )
  t.match(fields, [
    { type: 'string', required: true, pattern: '^P\\d{8}$', description: 'The code' },
    { type: 'string', format: 'date' },
    { type: 'string', values: ['alive', 'dead', '1'] },
    { type: 'array', items: { type: 'object' } },
  ])
  t.match(JSON.parse(put!.body!.sample), { code: /^P\d{8}$/, born: /^20/ })
  t.strictSame(
    await ask('describeTryOut', { ...call, type: 'REST' }),
    { about: null, operations: [] },
    'there is no document',
  )
})

t.test('a WSDL comes as the attachment of its answer', async (t) => {
  const examples = path.join(import.meta.dirname, '../../../docs/examples')
  const read = (name: string) => readFileSync(path.join(examples, name), 'utf8')
  const [, types = ''] = /<xs:schema[^>]*>([\s\S]*)<\/xs:schema>/.exec(read('owners.xsd')) ?? []
  const wsdl = read('owners.wsdl').replace(
    '<xs:include schemaLocation="owners.xsd"/>',
    types.replaceAll('"t:', '"tns:'),
  )
  const parts = [
    '',
    '\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n',
    `\r\nContent-Type: text/xml\r\n\r\n${wsdl}\r\n`,
    '--\r\n',
  ]
  answer = () => answered(parts.join('--b'), 'multipart/related; boundary=b')
  const asked = { ...call, serviceCode: 'findOwners', type: 'WSDL' }
  const documented = wsdl.replace(
    '<wsdl:operation name="findOwners">',
    '$&<wsdl:documentation xmlns:xrd="http://x-road.eu/xsd/xroad.xsd">Who owns what<xrd:title>Owners</xrd:title></wsdl:documentation>',
  )
  parts[2] = `\r\nContent-Type: text/xml\r\n\r\n${documented}\r\n`
  const { operations } = (await ask('describeTryOut', asked)) as Awaited<ReturnType<typeof describe>>
  t.match(operations[0], {
    ...{ method: 'POST', summary: 'Owners', description: 'Who owns what' },
    body: { contentType: 'text/xml', sample: /^<n0:findOwners xmlns:n0="http:\/\/land.example\/owners"/ },
  })
  for (const text of ['--b', '--b\r\n\r\n\r\n--b--\r\n', 'nothing']) {
    answer = () => answered(text, 'multipart/related; boundary=b')
    await t.rejects(ask('describeTryOut', asked), { code: 'unreadable_metadata' }, text)
  }
})

t.test('a document that would harm ends its own thread alone', async (t) => {
  const open = (document: object | string) =>
    describe({
      type: 'OPENAPI',
      text: typeof document === 'string' ? document : JSON.stringify(document),
      serviceCode: 'a',
    })
  const paths = { '/a': { get: { parameters: [{ $ref: 'https://example.org/a' }], responses: {} } } }
  await t.rejects(open({ openapi: '3.1.0', info: {}, paths }), {
    code: 'untryable_description',
    what: /only a place of the same/,
  })
  await t.rejects(open('{"swagger":"2.0"}'), { code: 'untryable_description', what: /Swagger/ })
  await t.rejects(open('a: ['), { code: 'untryable_description' })
  const wide = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`p${index}`, { $ref: '#/components/schemas/a' }]),
  )
  const schema = { type: 'object', properties: wide }
  const body = { content: { 'application/json': { schema: { $ref: '#/components/schemas/a' } } } }
  const many = Object.fromEntries(
    Array.from({ length: 600 }, (_, index) => [`/p${index}`, { post: { requestBody: body, responses: {} } }]),
  )
  const shown = await open({
    openapi: '3.1.0',
    info: {},
    paths: many,
    components: { schemas: { a: schema } },
  }).catch((cause: Fault) => cause)
  t.notOk(shown instanceof Fault, 'forms up to a bound')
  t.ok(JSON.stringify(shown).length < 4 * 1024 * 1024)
  await t.rejects(
    describe({ type: 'OPENAPI', text: '{}', serviceCode: 'a' }, { timeMs: 1, oldGenerationMb: 64 }),
    { code: 'untryable_description' },
  )
})
