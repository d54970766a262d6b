/** A REST system as a SOAP service of X-Road: asked by the client of others, and by hostile messages. */
import t from 'tap'
import { headersOf, messageOf, soapClient, startRestAsSoap } from './rest-as-soap-fixture.ts'

const PARCEL =
  '{"number":"001-0001","area":9007199254740993,"use":"forest","value":{"@currency":"EUR","#text":1.250e1},"owner":["P1","P2"],"surveyed":null}'

t.test('a client of the library soap asks', async (t) => {
  const seen: { line: string; headers: Record<string, unknown>; body: string }[] = []
  const { url, ask, system, lines, monitor } = await startRestAsSoap(
    t,
    (app) => {
      app.removeAllContentTypeParsers()
      app.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, body: string) => body)
      app.all('/api/*', async ({ method, url: target, headers, body }, reply) => {
        seen.push({ line: `${method} ${target}`, headers, body: String(body ?? '') })
        reply.type('application/json; charset=utf-8')
        if (target.includes('none')) return reply.code(404).send('{"detail":"no such parcel"}')
        if (method === 'PUT') return '{"entry":18446744073709551615}'
        return /parcels(\?|$)/.test(target) ? `[${PARCEL},${PARCEL}]` : PARCEL
      })
    },
    {},
    '/soap/parcels',
  )
  const wsdl = await ask('/soap/parcels?wsdl')
  t.match(wsdl, { status: 200, headers: { 'content-type': 'text/xml; charset=utf-8' } })
  t.equal((await ask('/openapi.json')).status, 404)
  const client = await soapClient(t, `${url}/soap/parcels`, wsdl.text)
  const call = async (operation: string, request: object) => {
    client.clearSoapHeaders()
    client.addSoapHeader(headersOf(operation, { issue: 'case 7', representedParty: { memberCode: '77' } }))
    const act = client[`${operation}Async`] as (request: object) => Promise<unknown[]>
    const [result, text] = await act(request)
    return { result, text: String(text) }
  }

  const one = await call('getParcel', { number: '001/ 0001' })
  t.match(seen[0], {
    line: 'GET /api/parcels/001%2F%200001',
    headers: {
      ...{ 'x-road-client': 'DEV/GOV/1002/tax', 'x-road-id': 'ID-1', 'x-road-userid': 'EE1' },
      ...{ 'x-road-issue': 'case 7', 'x-road-represented-party': '77', accept: 'application/json' },
    },
  })
  t.match(
    one.text,
    /<n0:getParcelResponse xmlns:n0="http:\/\/land.example\/parcels" xmlns:n1="[^"]*"><n0:parcel><n0:number>001-0001<\/n0:number><n0:area>9007199254740993<\/n0:area><n0:use>forest<\/n0:use><n0:value currency="EUR">12.5<\/n0:value><n0:owner>P1<\/n0:owner><n0:owner>P2<\/n0:owner><n0:surveyed n1:nil="true"\/>/,
    'in the order of the schema, with all digits',
  )
  t.match(one.result, { parcel: { number: '001-0001', owner: ['P1', 'P2'] } }, 'as the library reads it')
  t.match(
    one.text,
    /<xrd:client id:objectType="SUBSYSTEM">.*<xrd:service id:objectType="SERVICE">.*<id:serviceVersion>v1<.*<rep:representedParty><rep:partyCode>77<.*<xrd:userId>EE1<\/xrd:userId><xrd:issue>case 7<\/xrd:issue><xrd:id>ID-1<\/xrd:id><xrd:protocolVersion>4.0</,
    'with the headers of the request',
  )

  t.match(
    (await call('getParcel', { number: 'none' })).text,
    /<n0:getParcelResponse[^>]*><\/n0:getParcelResponse>/,
  )
  const found = await call('findParcels', {
    attributes: { on: '2026-01-01' },
    use: ['forest', 'arable'],
    leastArea: '9007199254740993',
  })
  t.equal(seen[2]?.line, 'GET /api/parcels?use=forest&use=arable&leastArea=9007199254740993&date=2026-01-01')
  t.equal(found.text.match(/<n0:parcel>/g)?.length, 2)
  t.match(await call('findParcels', {}), { result: { parcel: [{}, {}] } })
  t.equal(seen[3]?.line, 'GET /api/parcels')
  const changed = await call('changeOwners', {
    ...{ number: '7', owner: ['P1', 'Mari & <Sons>'] },
    price: { attributes: { currency: 'EUR' }, $value: '0012345678901234567890.10' },
    remark: { attributes: { 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:nil': 'true' } },
  })
  t.match(seen[4], {
    line: 'PUT /api/parcels/7/owners',
    body: '{"owner":["P1","Mari & <Sons>"],"price":{"@currency":"EUR","#text":12345678901234567890.10},"remark":null}',
    headers: { 'content-type': 'application/json' },
  })
  t.match(changed.text, /<n0:entry>18446744073709551615<\/n0:entry>/)
  t.equal(system.seen.length, 5)
  t.match(await monitor('/health/ready'), { status: 200 })
  t.match(
    lines.join(''),
    /"route":"\/soap\/parcels","status":200,.*"operation":"getParcel","xRoadId":"ID-1","client":"DEV\/GOV\/1002\/tax"/,
  )
  t.notMatch(lines.join(''), /EE1|Mari|001-0001/)
})

t.test('what the REST system answers, and what becomes of it', async (t) => {
  let said: { status?: number; type?: string; body: string; headers?: Record<string, string> } = {
    body: '{}',
  }
  const routes = (app: import('fastify').FastifyInstance) =>
    app.all('/api/*', async (_request, reply) =>
      reply
        .code(said.status ?? 200)
        .headers(said.headers ?? {})
        .type(said.type ?? 'application/json')
        .send(said.body),
    )
  const { post, lines } = await startRestAsSoap(t, routes, { limits: { answerBytes: 100_000 } })
  const telling = await startRestAsSoap(t, routes, { faultText: '/why/text', unknown: 'leave-out' })
  const get = async (body: typeof said | string, by = post) => {
    said = typeof body === 'string' ? { body } : body
    return by(messageOf('getParcel', '<number>1</number>'))
  }
  const change = async (answer: typeof said) => {
    said = answer
    return post(messageOf('changeOwners', '<number>1</number><owner>P</owner><remark>a</remark>'))
  }
  const with_ = (changes: object) =>
    JSON.stringify({ number: '1', area: 1, surveyed: '2026-01-01', ...changes })
  t.match(await get(with_({})), { status: 200, text: /<n0:surveyed>2026-01-01</ })
  t.match(
    await get(with_({ use: null, owner: null })),
    { status: 200 },
    'a null where there is none is nothing',
  )
  t.match(await get(with_({ owner: [] })), { status: 200 })
  t.match(await get({ status: 201, body: with_({}) }), { status: 200 })
  t.match(await get({ status: 204, body: '' }), { status: 200, text: /<n0:getParcelResponse[^>]*><\// })
  t.match(await get(with_({ more: 1 }), telling.post), { status: 200 }, 'left out')
  for (const number of ['1.0', '1e0', '10e-1', '0.1E1', '1.000'])
    t.match(await get(with_({ area: '@' }).replace('"@"', number)), { text: /<n0:area>1</ }, number)
  t.match(await get(with_({ area: '@' }).replace('"@"', '-0')), { text: /<n0:area>0</ })

  for (const [body, why] of [
    [with_({ more: 1 }), /its answer.parcel.more is not known/],
    [with_({ area: '1' }), /its answer.parcel.area must be a number/],
    [with_({ area: 1.5 }), /area must be a whole number/],
    [with_({ area: '@' }).replace('"@"', '1e999'), /area has more digits/],
    [with_({ area: null }), /area is missing/],
    [with_({ number: 7 }), /number must be a text/],
    [with_({ number: '' }), /number has fewer than 1/],
    [with_({ use: 'water' }), /use is not one of/],
    [with_({ owner: 'P1' }), /owner must be a list/],
    [with_({ surveyed: '1.1.2026' }), /surveyed is not written as its type is/],
    [with_({ surveyed: undefined }), /surveyed is missing/],
    [with_({ number: '\u0001' }), /number holds a character/],
    [with_({ value: 12 }), /value must be an object/],
    [with_({ value: { '#text': 12 } }), /value.@currency is missing/],
    [with_({ value: { '@currency': 'EUR' } }), /value.#text must be a number/],
    ['7', /parcel must be an object/],
    [`[${with_({})}]`, /parcel must be an object/],
  ] as const) {
    const fault = await get(body)
    t.match(fault, { status: 500, text: /<faultcode>SOAP-ENV:Server</ }, body)
    t.match(fault.text, why)
    t.match(fault.headers, { 'content-type': 'text/xml; charset=UTF-8' })
  }
  for (const [answer, why] of [
    [{ body: '{"number":"1","number":"2"}' }, /no JSON that everybody reads/],
    [{ body: '' }, /no JSON/],
    [{ body: '['.repeat(5000) }, /no JSON/],
    [{ body: '{}', type: 'text/html' }, /answered 200 and no JSON/],
    [{ body: '{}', headers: { 'content-encoding': 'gzip' } }, /compressed/],
    [{ body: '', status: 302, headers: { location: '/api/x' } }, /answered 302/],
    [{ body: 'SECRET', status: 500 }, /answered 500/],
    [{ body: '', status: 401 }, /answered 401/],
    [{ body: '', status: 429 }, /answered 429/],
  ] as const) {
    const before = lines.length
    const fault = await get(answer)
    t.match(fault, { status: 500, text: /<faultcode>SOAP-ENV:Server</ }, why.source)
    t.match(lines.slice(before).join(''), why)
    t.notMatch(fault.text, /SECRET/)
  }
  t.match(await get({ body: `"${'x'.repeat(200_000)}"` }), {
    status: 500,
    text: /Client<.*more than 100000 bytes/,
  })
  for (const status of [400, 409, 422])
    t.match(await change({ status, body: '{}' }), { status: 500, text: /SOAP-ENV:Client</ })
  t.match(await change({ status: 423, body: '{}' }), { text: /SOAP-ENV:Client<.*The parcel is being sold/ })
  t.match(await change({ status: 404, body: '{}' }), { text: /SOAP-ENV:Client</ })
  t.match(await change({ status: 204, body: '' }), { text: /SOAP-ENV:Server<.*entry is missing/ })
  const why = { why: { text: 'no such number & more', inner: 'INNER' } }
  const told = await get({ status: 400, body: JSON.stringify(why) }, telling.post)
  t.match(told.text, /SOAP-ENV:Client<.*no such number &amp; more/)
  t.notMatch(told.text, /INNER/)
  t.notMatch(
    (await get({ status: 400, body: JSON.stringify(why) })).text,
    /number/,
    'only if the settings say so',
  )
  t.notMatch((await get({ status: 400, body: '{"why":{"text":"a\\u202eb"}}' }, telling.post)).text, /\u202e/)
})

t.test('requests that no schema has, and hostile ones', async (t) => {
  const { post, system, url, ask } = await startRestAsSoap(t, (app) => {
    app.all('/api/*', async () => ({ number: '1', area: 1, surveyed: null }))
  })
  const change = (inner: string): string => messageOf('changeOwners', inner)
  const rest = '<owner>P</owner><remark/>'
  const XSI = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
  const good = messageOf('getParcel', '<number>1</number>')
  const refused: [label: string, why: RegExp, body: string | Buffer, headers?: Record<string, string>][] = [
    [
      'order',
      /changeOwners.number is missing, or stands where/,
      change(`<owner>P</owner><number>1</number><remark/>`),
    ],
    ['unknown', /holds .*more, which its schema does not have/, change(`<number>1</number>${rest}<more/>`)],
    [
      'twice',
      /number where its schema|owner is missing/,
      change(`<number>1</number><number>2</number>${rest}`),
    ],
    [
      'too many',
      /remark is missing, or stands where/,
      change(`<number>1</number>${'<owner>P</owner>'.repeat(21)}<remark/>`),
    ],
    ['an attribute', /has an attribute x/, change(`<number x="1">1</number>${rest}`)],
    ['text between', /holds a text/, change(`<number>1</number>${rest}text`)],
    ['too long', /number has more than 20/, change(`<number>${'1'.repeat(21)}</number>${rest}`)],
    ['empty', /number has fewer than 1/, change(`<number/>${rest}`)],
    ['nil', /number is nil/, change(`<number ${XSI} i:nil="true"/>${rest}`)],
    [
      'nil with more',
      /has an attribute a/,
      change(`<number>1</number><owner>P</owner><remark ${XSI} i:nil="true" a="1"/>`),
    ],
    ['xsi:type', /names a type/, change(`<number ${XSI} i:type="Number">1</number>${rest}`)],
    ...[
      '..',
      '../../admin',
      'a/..',
      'a/./b',
      '/a',
      'a/',
      'a//b',
      '..\\admin',
      'a\\b',
      '%2e%2e%2fadmin',
      'a&#10;b',
    ].map((value): [string, RegExp, string] => [
      value,
      /no segment of a path/,
      change(`<number>${value}</number>${rest}`),
    ]),
    ['a long', /leastArea is no whole number/, messageOf('findParcels', '<leastArea>1e3</leastArea>')],
    ['an enumeration', /use is not one of/, messageOf('findParcels', '<use>water</use>')],
    [
      'a date',
      /@on is not written/,
      good
        .replaceAll('getParcel', 'findParcels')
        .replace('<findParcels ', '<findParcels on="1.1.26" ')
        .replace('<number>1</number>', ''),
    ],
    [
      'another namespace',
      /does not exist|service/i,
      good.replace('xmlns="http://land.example/parcels"', 'xmlns="urn:x"'),
    ],
    ['another service', /./, good.replace('<id:serviceCode>getParcel', '<id:serviceCode>findParcels')],
    ['another version', /./, good.replace('>v1<', '>v2<')],
    ['another provider', /./, good.replace('>land<', '>other<')],
    ['no client', /client/, good.replace(/<xrd:client.*?<\/xrd:client>/, '')],
    ['two ids', /id/, good.replace('<xrd:id>', '<xrd:id>a</xrd:id><xrd:id>')],
    ['protocol 3', /./, good.replace('>4.0<', '>3.1<')],
    [
      'a user that no header carries',
      /userId in the header/,
      messageOf('getParcel', '<number>1</number>', { userId: 'Mägi' }),
    ],
    [
      'a user with a line',
      /userId in the header/,
      messageOf('getParcel', '<number>1</number>', { userId: 'a\nX-Road-Client: b' }),
    ],
    [
      'XXE',
      /./,
      good.replace('?>', '?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>').replace('>1<', '>&b;<'),
    ],
    [
      'a bomb',
      /./,
      good
        .replace('?>', `?><!DOCTYPE a [<!ENTITY b "${'b'.repeat(100)}">]>`)
        .replace('>1<', `>${'&b;'.repeat(1000)}<`),
    ],
    ['depth', /deeper/, change('<a>'.repeat(20_000))],
    ['half', /./, good.slice(0, -20)],
    ['two bodies', /./, good.replace('</SOAP-ENV:Body>', '</SOAP-ENV:Body><SOAP-ENV:Body/>')],
    ['nothing', /./, ''],
    ['JSON', /./, '{}', { 'content-type': 'application/json' }],
    ['SOAP 1.2', /./, good, { 'content-type': 'application/soap+xml' }],
    ['MIME', /./, `--x\r\n\r\n${good}\r\n--x--`, { 'content-type': 'multipart/related; boundary=x' }],
    ['another charset', /UTF-8/, good, { 'content-type': 'text/xml; charset=iso-8859-1' }],
    ['UTF-16', /./, Buffer.from(`\ufeff${good}`, 'utf16le')],
    ['compressed', /compressed/, good, { 'content-encoding': 'gzip' }],
    [
      'a fault',
      /./,
      good.replace(
        /<getParcel.*<\/getParcel>/,
        '<SOAP-ENV:Fault><faultcode>a</faultcode><faultstring>b</faultstring></SOAP-ENV:Fault>',
      ),
    ],
    ['large', /./, messageOf('getParcel', `<number>${'x'.repeat(1_100_000)}</number>`)],
  ]
  for (const [label, why, body, headers] of refused) {
    const answer = await post(body, headers)
    t.match(answer, { status: 500, text: /<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client<\/faultcode>/ }, label)
    t.match(answer.text, why, label)
    t.notMatch(answer.text, /root:/, label)
  }
  // A pattern that tries each zero as the first one would take hours for so many.
  for (const digit of ['a', '0']) {
    const area = `<leastArea>${digit.repeat(1_000_000)}x</leastArea>`
    t.match((await post(messageOf('findParcels', area))).text, /leastArea is no whole number/)
  }
  const must = good.replace(
    '</SOAP-ENV:Header>',
    '<a:b xmlns:a="urn:a" SOAP-ENV:mustUnderstand="1"/></SOAP-ENV:Header>',
  )
  t.match((await post(must)).text, /<faultcode>SOAP-ENV:MustUnderstand<.*header b has to be understood/)
  t.equal(system.seen.length, 0, 'none of them reached the system')
  const elsewhere = must.replace(
    'SOAP-ENV:mustUnderstand',
    'SOAP-ENV:actor="urn:somebody" SOAP-ENV:mustUnderstand',
  )
  t.match(await post(elsewhere), { status: 200 }, 'a header for somebody else')
  t.match(await post(`\ufeff${good}`, { soapaction: '""' }), { status: 200 }, 'and the adapter goes on')
  t.equal((await ask('/nothing')).status, 404)
  t.match(url, /^http/)
})

t.test('before the own security server, for systems that speak SOAP alone', async (t) => {
  const seen: { url: string; headers: Record<string, unknown> }[] = []
  let act: (reply: import('fastify').FastifyReply, id: string) => unknown = (reply, id) =>
    reply
      .headers({ 'x-road-id': id, 'x-road-request-hash': 'aGFzaA==' })
      .send({ number: '1', area: 1, surveyed: null })
  const bound = act
  const { post, lines } = await startRestAsSoap(
    t,
    (app) =>
      app.all('/api/*', async (request, reply) => {
        seen.push({ url: request.url, headers: request.headers })
        return act(reply, String(request.headers['x-road-id']))
      }),
    { consumer: { service: 'DEV/GOV/1001/land/parc%65ls', clients: ['DEV/GOV/1002/tax', 'DEV/GOV/1003'] } },
  )
  const get = (fields: object = {}) => post(messageOf('getParcel', '<number>1</number>', fields))
  t.match(await get({ id: 'Q-77', issue: 'i' }), { status: 200, text: /getParcelResponse.*<n0:area>1</ })
  t.match(seen, [
    {
      url: '/api/r1/DEV/GOV/1001/land/parcels/parcels/1',
      headers: {
        'x-road-client': 'DEV/GOV/1002/tax',
        'x-road-id': 'Q-77',
        'x-road-userid': 'EE1',
        'x-road-issue': 'i',
      },
    },
  ])
  const member = { instance: 'DEV', memberClass: 'GOV', memberCode: '1003' }
  t.match(await get({ client: member }), { status: 200, text: /objectType="MEMBER"/ })
  const other = await get({ client: { ...member, subsystemCode: 'tax' } })
  t.match(
    other,
    { status: 200, text: /SOAP-ENV:Client<.*DEV\/GOV\/1003\/tax/ },
    'who is not named, by HTTP 200 as X-Road has it',
  )
  t.equal(seen.length, 2)

  act = (reply) =>
    reply
      .code(500)
      .header('x-road-error', 'server.serverproxy.access_denied')
      .send({ type: 'server.serverproxy.access_denied', message: 'Not <allowed>', detail: 'the-detail' })
  const denied = await get()
  t.match(
    denied.text,
    /<faultcode>server.serverproxy.access_denied<\/faultcode><faultstring>Not &lt;allowed&gt;<\/faultstring><detail><faultDetail xmlns="">the-detail</,
    "a security server's fault as it came",
  )
  act = (reply) =>
    reply.code(502).header('x-road-error', 'server.clientproxy.network_error').type('text/html').send('<h1>')
  t.match((await get()).text, /<faultcode>server.clientproxy.network_error</)
  for (const [label, wrong] of [
    ['a page of something else', (reply) => reply.type('text/html').send('<h1>SECRET</h1>')],
    ['JSON of something else', (reply) => reply.send({ number: '1', area: 1, surveyed: null })],
    ['the answer to another request', (reply) => bound(reply, 'another')],
    ['a code that is none', (reply) => reply.code(500).header('x-road-error', '<a>').send({})],
  ] as [string, typeof act][]) {
    act = wrong
    t.match((await get()).text, /SOAP-ENV:Server</, label)
  }
  act = (reply, id) => bound(reply.code(404).header('x-road-error', 'client.nothing'), id)
  t.match((await get()).text, /<n0:getParcelResponse[^>]*><\//, "the provider's own 404 is its answer")
  t.notMatch(lines.join(''), /SECRET/)
})
