/**
 * JSON through the SOAP adapter to a SOAP service that others wrote, and to systems that answer what no
 * schema has.
 */
import t from 'tap'
import { startSystem } from '#adapters/kit/system/system-fixture.ts'
import { summariseOpenApi } from '#security-server/local-systems/summarise-openapi.ts'
import { EXAMPLES, startBefore, startOwners } from './soap-fixture.ts'

const NIL = { 'xmlns:xsi': 'http://www.w3.org/2001/XMLSchema-instance', 'xsi:nil': 'true' }
const OWNER = {
  attributes: { checked: 'true' },
  ...{ code: 'P00000007', name: 'Mari Mägi & <Sons>', born: '1980-02-29' },
  parcel: [
    {
      number: '001-0001',
      area: '9007199254740993',
      use: 'forest',
      value: { attributes: { currency: 'EUR' }, $value: '12.50' },
    },
  ],
  representative: { code: 'P00000008', name: { attributes: NIL } },
}

t.test('a service of the library soap answers', async (t) => {
  const asked: Record<string, unknown>[] = []
  const { url, seen } = await startOwners(t, (request) => {
    asked.push(request)
    return { owner: request['most'] === 0 ? [] : [OWNER], found: '18446744073709551615' }
  })
  const { post, ask, monitor, lines } = await startBefore(t, url)
  const found = await post('/findOwners', {
    ...{ onlyLiving: false, most: 3, code: ['P00000007', 'P00000008'] },
    ...{ use: 'forest', '@on': '2026-01-01' },
  })
  t.equal(found.status, 200, found.text)
  const expected =
    '{"owner":[{"@checked":true,"code":"P00000007","name":"Mari Mägi & <Sons>","born":"1980-02-29","parcel":[{"number":"001-0001",' +
    '"area":9007199254740993,"use":"forest","value":{"@currency":"EUR","#text":12.50}}],"representative":' +
    '{"code":"P00000008","name":null,"parcel":[]}}],"found":18446744073709551615}'
  t.equal(found.text, expected, 'with all digits, one of a list as a list, nil as null')
  t.match(asked[0], {
    ...{ attributes: { on: '2026-01-01' }, code: ['P00000007', 'P00000008'] },
    ...{ use: 'forest', most: 3, onlyLiving: false },
  })
  t.match(seen[0]?.headers, {
    soapaction: '"http://land.example/owners/findOwners"',
    'content-type': 'text/xml; charset=utf-8',
  })
  t.match(
    seen[0]?.text,
    /<n0:findOwners[^>]* on="2026-01-01"><n0:code>P00000007<\/n0:code><n0:code>P00000008<\/n0:code><n0:use>forest<\/n0:use><n0:most>3<\/n0:most><n0:onlyLiving>false<\/n0:onlyLiving><\/n0:findOwners>/,
    "in the schema's order, not in that of JSON",
  )
  const name = `</n0:name> ' " &amp; \u{1f600}`
  t.equal((await post('/findOwners', { name, most: 0 })).text, '{"owner":[],"found":18446744073709551615}')
  t.equal((asked[1] as { name: string }).name, name, 'no text ends its element')
  t.match(await post('/owners/forget', { code: 'P00000007' }), { status: 200, json: true })

  const before = seen.length
  for (const [body, what] of [
    [{}, /has none of: code, name/],
    [{ code: [], most: 1 }, /code|has too few|missing|must NOT have fewer/],
    [{ code: ['P00000007'], name: 'x' }, /has more than one of: code, name/],
    [{ code: 'P00000007' }, /body.code must be array/],
    [{ code: Array(11).fill('P00000007') }, /body.code must NOT have more than 10/],
    [{ code: ['P1'] }, /body.code.0 must NOT have fewer/],
    [{ name: 'x', use: 'water' }, /body.use must be equal to one of/],
    [{ name: 'x', most: 2 ** 31 }, /body.most must be <=/],
    [{ name: 'x', most: 1.5 }, /body.most must be integer/],
    [{ name: 'x', most: '3' }, /body.most must be integer/],
    [{ name: 'x', onlyLiving: 'true' }, /body.onlyLiving must be boolean/],
    [{ name: 'x', other: 1 }, /body.other is not known/],
    [{ name: 'x', '@on': '1.1.2026' }, /body.@on must match/],
    [{ name: 'a\u0001b' }, /body.name holds a character that XML cannot hold/],
    [{ name: '\ufffe' }, /body.name holds a character/],
    [[], /body must be object/],
    ['{"name":"x","name":"y"}', /./],
    ['{"name":', /./],
  ] as const) {
    const refused = await post('/findOwners', body)
    t.equal(refused.status, 400, JSON.stringify(body))
    t.match((refused.json as { message: string }).message, what)
  }
  t.equal((await post('/nothing', {})).status, 404)
  t.equal((await post('/forget', {})).status, 404, 'it has another path')
  t.equal((await ask('/findOwners')).status, 405)
  t.match(await post('/findOwners', '<x/>', { 'content-type': 'text/xml' }), {
    status: 400,
    json: { type: 'invalid_content_type' },
  })
  t.equal(seen.length, before, 'none of them reached the system')

  const document = (await ask('/openapi.json')).text
  t.strictSame(summariseOpenApi(document).endpoints, [
    { method: 'POST', path: '/findOwners' },
    { method: 'POST', path: '/owners/forget' },
  ])
  t.match(JSON.parse(document), {
    components: {
      schemas: {
        Owner: {
          required: ['code', 'name'],
          properties: {
            name: { anyOf: [{ type: 'string' }, { type: 'null' }] },
            parcel: { type: 'array', items: { $ref: '#/components/schemas/Parcel' } },
            representative: { $ref: '#/components/schemas/Owner' },
          },
        },
        Parcel: { required: ['number', 'area', 'use'], properties: { area: { type: 'integer' } } },
        Amount: { required: ['@currency', '#text'] },
      },
    },
  })
  t.match(await monitor('/health/ready'), { status: 200 })
  t.notMatch(lines.join(''), /P0000000|Mari/)
})

t.test('faults of that service', async (t) => {
  let fault: object = {}
  const { url } = await startOwners(t, () => {
    throw { Fault: fault }
  })
  const { post } = await startBefore(t, url)
  const telling = await startBefore(t, url, { faultTexts: true })
  const inner = { faultstring: 'no such year; at Inner.java:7', detail: { trace: 'INNER' } }
  for (const [faultcode, status, type] of [
    ['soap:Client', 400, 'source_refused'],
    ['soap:Client.Year', 400, 'source_refused'],
    ['soap:Server', 502, 'source_failed'],
    ['soap:MustUnderstand', 502, 'source_failed'],
    ['what', 502, 'source_failed'],
  ] as const) {
    fault = { faultcode, ...inner }
    const refused = await post('/findOwners', { name: 'x' })
    t.match(refused, { status, json: { type } }, faultcode)
    t.notMatch(refused.text, /INNER|Inner|year/)
    const told = await telling.post('/findOwners', { name: 'x' })
    t.equal(
      /no such year/.test(told.text),
      status === 400,
      'only what blames the client, and only if the settings say so',
    )
    t.notMatch(told.text, /INNER/)
  }
  fault = { Code: { Value: 'soap:Sender' }, Reason: { Text: 'x' } }
  t.match(await post('/findOwners', { name: 'x' }), { status: 502 }, 'a fault of the other version is none')
})

const envelope = (body: string): string =>
  `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header><a/></s:Header><s:Body>${body}</s:Body></s:Envelope>`
const answerOf = (inner: string): string =>
  envelope(`<findOwnersResponse xmlns="http://land.example/owners">${inner}</findOwnersResponse>`)
const owner = (inner: string, attributes = ''): string =>
  answerOf(`<owner ${attributes}>${inner}</owner><found>1</found>`)
const T = 'xmlns="http://land.example/owners"'
const CODE = `<code ${T}>P00000007</code>`
const NAME = `<name ${T}>a</name>`

t.test('answers that no schema has, and hostile ones', async (t) => {
  let said: { type?: string; status?: number; body: string | Buffer } = { body: '' }
  const { url } = await startSystem(t, (app) => {
    app.addContentTypeParser('*', (_request, _payload, done) => done(null))
    app.post('/', async (_request, reply) =>
      reply
        .code(said.status ?? 200)
        .header('content-type', said.type ?? 'text/xml; charset="UTF-8"')
        .send(said.body),
    )
  })
  const { post, lines } = await startBefore(t, url, { limits: { answerBytes: 1024 * 1024 } })
  const leaving = await startBefore(t, url, { unknown: 'leave-out' })
  const askFor = async (answer: typeof said | string, by = post) => {
    said = typeof answer === 'string' ? { body: answer } : answer
    return by('/findOwners', { name: 'x' })
  }
  t.match(await askFor(owner(CODE + NAME)), {
    status: 200,
    json: { found: 1, owner: [{ code: 'P00000007', name: 'a' }] },
  })
  t.match(await askFor(`\ufeff<?xml version="1.0" encoding="utf-8"?>${owner(CODE + NAME)}`), { status: 200 })
  t.match(await askFor(owner(`${CODE}<name ${T}><![CDATA[<a>]]>&amp;&#233;</name>`)), {
    json: { owner: [{ name: '<a>&é' }] },
  })
  const parcel = (inner: string) => owner(`${CODE}${NAME}<parcel ${T}>${inner}</parcel>`)
  t.match(
    await askFor(parcel('<use>forest</use><area> +007 </area><number/>')),
    { json: { owner: [{ parcel: [{ number: '', area: 7, use: 'forest' }] }] } },
    'xs:all has no order',
  )
  const wrong: [answer: string, what: RegExp][] = [
    [owner(NAME + CODE), /owner.code is missing, or stands where/],
    [owner(CODE), /owner.name is missing/],
    [owner(CODE + CODE + NAME), /owner.name is missing, or stands/],
    [owner(CODE + NAME + NAME), /owner holds .*name where its schema does not have it/],
    [owner(`${CODE}${NAME}<born ${T}>2000-01-01</born><founded ${T}>2000</founded>`), /founded where/],
    [owner(`${CODE}${NAME}text`), /owner holds a text/],
    [owner(`${CODE}<name ${T}><b xmlns=""/></name>`), /name holds b, and should hold a value/],
    [owner(`<code xmlns="">P</code>${NAME}`), /holds code, which/],
    [parcel('<number>1</number><area>1</area>'), /parcel.use is missing/],
    [parcel('<number>1</number><area>x</area><use>forest</use>'), /parcel.area is no whole number/],
    [parcel('<number>1</number><area>1.0</area><use>forest</use>'), /parcel.area is no whole number/],
    [
      parcel('<number>1</number><area>1</area><use>forest</use><value currency="EUR">INF</value>'),
      /value is no number/,
    ],
    [
      parcel('<number>1</number><area>1</area><use>forest</use><value>1</value>'),
      /value.@currency is missing/,
    ],
    [owner(CODE + NAME, 'checked="yes"'), /owner.@checked is no boolean/],
    [
      owner(`<code ${T} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>${NAME}`),
      /code is nil/,
    ],
    [answerOf(''), /found is missing/],
    [envelope('<findOwnersResponse><found>1</found></findOwnersResponse>'), /is findOwnersResponse, and not/],
    [
      envelope('<forgetResponse xmlns="http://land.example/owners">true</forgetResponse>'),
      /and not findOwnersResponse/,
    ],
  ]
  for (const [answer, what] of wrong) {
    const refused = await askFor(answer)
    t.match(refused, { status: 502, json: { type: 'source_failed', message: what } }, what.source)
  }
  t.match(await askFor(owner(`${CODE}<age>7</age>${NAME}<more/>`, 'other="1"')), { status: 502 }, 'unknown')
  t.match(
    await askFor(owner(`${CODE}<age>7</age>${NAME}<more/>`, 'other="1"'), leaving.post),
    { status: 200, text: '{"owner":[{"code":"P00000007","name":"a","parcel":[]}],"found":1}' },
    'left out',
  )
  t.match(await askFor(owner(NAME + CODE), leaving.post), { status: 502 }, 'order holds all the same')

  const dtd = (subset: string, body: string): string => `<!DOCTYPE x [${subset}]>${body}`
  const bomb = Array.from({ length: 9 }, (_, at) => `<!ENTITY a${at + 1} "${`&a${at};`.repeat(10)}">`).join(
    '',
  )
  const hostile: [label: string, why: RegExp, answer: typeof said][] = [
    [
      'XXE',
      /a document type is not allowed|something else than an element/,
      {
        body: dtd(
          `<!ENTITY a SYSTEM "file://${EXAMPLES}/owners.xsd">`,
          owner(`${CODE}<name ${T}>&a;</name>`),
        ),
      },
    ],
    [
      'a bomb',
      /a document type is not allowed|something else than an element/,
      { body: dtd(`<!ENTITY a0 "ha">${bomb}`, owner(`${CODE}<name ${T}>&a9;</name>`)) },
    ],
    ['an entity without a type', /not well-formed/, { body: owner(`${CODE}<name ${T}>&a;</name>`) }],
    ['depth', /deeper than 128/, { body: answerOf('<a>'.repeat(100_000)) }],
    ['depth that ends', /deeper than 128/, { body: answerOf('<a>'.repeat(300) + '</a>'.repeat(300)) }],
    [
      'many attributes',
      /attributes/,
      { body: owner(CODE, Array.from({ length: 5000 }, (_, at) => `a${at}=""`).join(' ')) },
    ],
    ['UTF-16', /not UTF-8/, { body: Buffer.from(`\ufeff${owner(CODE + NAME)}`, 'utf16le') }],
    ['another charset', /not in UTF-8/, { type: 'text/xml; charset=iso-8859-1', body: owner(CODE + NAME) }],
    [
      'another encoding',
      /its encoding is not UTF-8/,
      { body: `<?xml version="1.0" encoding="iso-8859-1"?>${owner(CODE + NAME)}` },
    ],
    [
      'bytes that are no text',
      /it is not UTF-8/,
      { body: Buffer.from(owner(`${CODE}<name ${T}>\u00ff</name>`), 'latin1') },
    ],
    [
      'MIME',
      /attachments \(MIME\)/,
      {
        type: 'multipart/related; boundary=x',
        body: `--x\r\ncontent-type: text/xml\r\n\r\n${owner(CODE)}\r\n--x--`,
      },
    ],
    ['JSON', /no text\/xml/, { type: 'application/json', body: '{}' }],
    ['a page', /it answered 500 and no/, { type: 'text/html', status: 500, body: '<h1>SECRET</h1>' }],
    ['a page as XML', /an Envelope of SOAP 1.1/, { body: '<html/>' }],
    ['nothing', /something else than an element/, { body: '' }],
    ['half', /not well-formed/, { body: owner(CODE + NAME).slice(0, -20) }],
    ['more behind it', /not well-formed/, { body: `${owner(CODE + NAME)}<a/>` }],
    [
      'two bodies',
      /one Body with one/,
      { body: owner(CODE + NAME).replace('</s:Body>', '</s:Body><s:Body><a/></s:Body>') },
    ],
    ['two elements', /one Body with one/, { body: owner(CODE + NAME).replace('</s:Body>', '<a/></s:Body>') }],
    ['no body', /one Body with one/, { body: owner(CODE + NAME).replaceAll('s:Body', 's:Boby') }],
    ['an instruction', /processing instruction/, { body: owner(`${CODE}<?a b?>${NAME}`) }],
    [
      'SOAP 1.2',
      /an Envelope of SOAP 1.1/,
      {
        body: owner(CODE + NAME).replace(
          'http://schemas.xmlsoap.org/soap/envelope/',
          'http://www.w3.org/2003/05/soap-envelope',
        ),
      },
    ],
    ['an answer with an error', /answered 500 without a fault/, { status: 500, body: owner(CODE + NAME) }],
    ['a status of its own', /it answered 404/, { status: 404, body: owner(CODE + NAME) }],
    ['a redirect', /it answered 302/, { status: 302, body: '' }],
  ]
  for (const [label, why, answer] of hostile) {
    const before = lines.length
    const refused = await askFor(answer)
    t.match(refused, { status: 502, json: { type: 'source_failed' } }, label)
    t.match(lines.slice(before).join(''), why, label)
    t.notMatch(refused.text, /SECRET|xs:schema|P00000007/, label)
  }
  const huge = await askFor(owner(`${CODE}<name ${T}>${'x'.repeat(2 * 1024 * 1024)}</name>`))
  t.match(huge, { status: 400, json: { type: 'answer_too_large' } })
  const deep = { representative: {} as Record<string, unknown> }
  let at = deep.representative
  for (let level = 0; level < 5000; level++) at = at['representative'] = {}
  t.equal((await post('/findOwners', { name: deep })).status, 400)
  t.match(await askFor(owner(CODE + NAME)), { status: 200 }, 'and the adapter goes on')
  t.notMatch(lines.join(''), /SECRET|P00000007/)
})

t.test('the headers of X-Road for a system that wants them', async (t) => {
  const { url, seen } = await startOwners(t, () => ({ found: '0' }))
  const { post } = await startBefore(t, url, { xRoadProvider: 'DEV/GOV/1001/land' })
  const headers = {
    'x-road-client': 'DEV/GOV/1002/tax',
    ...{ 'x-road-id': 'a<b&"c', 'x-road-userid': 'EE1' },
  }
  t.equal((await post('/findOwners', { name: 'x' }, headers)).status, 200)
  t.match(
    seen[0]?.text,
    /<soap:Header><x:client [^>]*i:objectType="SUBSYSTEM"><i:xRoadInstance>DEV<.*<i:subsystemCode>tax<.*<i:subsystemCode>land<.*<i:serviceCode>findOwners<.*<x:userId [^>]*>EE1<.*<x:id [^>]*>a&lt;b&amp;&quot;c<.*<x:protocolVersion [^>]*>4\.0<.*<\/soap:Header>/,
  )
  t.match(await post('/findOwners', { name: 'x' }), { status: 400 }, 'without a client')
  t.equal(seen.length, 1)
})
